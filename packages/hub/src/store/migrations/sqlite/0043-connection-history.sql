-- How many connections there were, hour by hour: the connections themselves only say how they are now.
CREATE TABLE connection_history (
  environment_id TEXT NOT NULL REFERENCES environment (id),
  -- The beginning of the hour; the counts are those of the last look in it.
  hour_ms INTEGER NOT NULL,
  provider TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'degraded', 'inactive', 'deleted')),
  count INTEGER NOT NULL,
  PRIMARY KEY (environment_id, hour_ms, provider, state)
) STRICT, WITHOUT ROWID;

-- Counting reads this alone, and not the connections.
CREATE INDEX connection_by_state ON connection (environment_id, provider, status, degraded_at_ms);
