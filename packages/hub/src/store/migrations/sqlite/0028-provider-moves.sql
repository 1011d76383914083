-- People who go from a provider that ends to the one that takes its place.
CREATE TABLE provider_move (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  from_provider TEXT NOT NULL,
  to_provider TEXT NOT NULL,
  -- exchange: the hub turns the tokens into new ones; reconnect: people consent again, by a link each.
  kind TEXT NOT NULL CHECK (kind IN ('exchange', 'reconnect')),
  status TEXT NOT NULL CHECK (status IN ('running', 'paused', 'ended')),
  -- Exchanges begun in a minute, over all processes,
  per_minute INTEGER NOT NULL,
  -- and when the next may begin.
  next_at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX provider_move_open ON provider_move (environment_id, from_provider) WHERE status <> 'ended';

-- One connection of a move. It counts as gone when its connection is deleted before it has moved.
CREATE TABLE provider_move_user (
  move_id TEXT NOT NULL REFERENCES provider_move (id),
  lineage_id TEXT NOT NULL REFERENCES connection (lineage_id),
  status TEXT NOT NULL CHECK (status IN ('to_do', 'linked', 'failed', 'connected')),
  -- The person's link: only its digest is kept.
  link_hash TEXT,
  link_expires_at_ms INTEGER,
  -- Where the browser goes afterwards, and in which language it is spoken to. JSON.
  link_options TEXT,
  attempts INTEGER NOT NULL,
  -- When the next exchange is due; null: none is tried by itself.
  due_at_ms INTEGER,
  claim_id TEXT,
  claim_until_ms INTEGER,
  -- Why the last attempt failed.
  detail TEXT,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (move_id, lineage_id)
) STRICT;
CREATE INDEX provider_move_user_by_lineage ON provider_move_user (lineage_id);
CREATE UNIQUE INDEX provider_move_user_by_link ON provider_move_user (link_hash) WHERE link_hash IS NOT NULL;
CREATE INDEX provider_move_user_due ON provider_move_user (move_id, due_at_ms) WHERE due_at_ms IS NOT NULL;

-- The connection that a flow takes to another provider; null for all other flows.
ALTER TABLE flow ADD COLUMN continues_lineage_id TEXT;
