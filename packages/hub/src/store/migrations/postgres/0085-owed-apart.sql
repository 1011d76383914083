-- A lane is looked up by `ended_at_ms IS NULL`, which must imply the condition of its own index alone: by the statistics of a quiet hour, reading all
-- of this one looks as cheap, with every entry that has died since the last cleaning. SQLite does not read an index from end to end for that.
-- The one that it replaces goes in a transaction of its own: the lock for that keeps readers out, and must not be held, or waited for, by a long build.
CREATE INDEX delivery_owed_apart ON delivery (destination_id, id) WHERE ended_at_ms IS NULL AND tries >= 0;
