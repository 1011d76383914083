-- Which lineages a person's name has stood for: the events of a reference_id are found through it. With the alias of a
-- user_id, one index of events serves all three; each index by somebody's name writes a page of its own for each event.
CREATE TABLE lineage_reference (
  environment_id TEXT NOT NULL,
  reference_id TEXT NOT NULL,
  lineage_id TEXT NOT NULL,
  PRIMARY KEY (environment_id, reference_id, lineage_id)
) STRICT, WITHOUT ROWID;
INSERT INTO lineage_reference
  SELECT environment_id, reference_id, lineage_id FROM connection WHERE reference_id IS NOT NULL
  UNION SELECT environment_id, reference_id, lineage_id FROM event
    WHERE reference_id IS NOT NULL AND lineage_id IS NOT NULL;
DROP INDEX event_by_user;
DROP INDEX event_by_reference;
CREATE INDEX event_without_lineage_by_user ON event (environment_id, user_id, seq)
  WHERE lineage_id IS NULL AND user_id IS NOT NULL;
CREATE INDEX event_without_lineage_by_reference ON event (environment_id, reference_id, seq)
  WHERE lineage_id IS NULL AND reference_id IS NOT NULL;

-- A lane is one expression, so that no other index can stand in for this one: see laneColumn in lanes.ts.
DROP INDEX delivery_lane;
CREATE INDEX delivery_lane ON delivery ((destination_id || '/' || order_key), is_data, id)
  WHERE status IN ('waiting', 'pending', 'sending');
