-- When the present series of attempts began: the retry window counts from here, not from when the event
-- was made. Null before the first attempt, and again when a held delivery is let go.
ALTER TABLE delivery ADD COLUMN trying_since_ms bigint;
