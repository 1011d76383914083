-- A lane is looked up by `ended_at_ms IS NULL`, which must imply the condition of its own index alone: by the statistics of a quiet hour, reading all
-- of this one looks as cheap, with every entry that has died since the last cleaning. SQLite does not read an index from end to end for that.
DROP INDEX delivery_owed;
CREATE INDEX delivery_owed ON delivery (destination_id, id) WHERE ended_at_ms IS NULL AND tries >= 0;
