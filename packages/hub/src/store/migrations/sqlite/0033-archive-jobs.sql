-- Null while the environment is in use.
ALTER TABLE environment ADD COLUMN archived_at_ms INTEGER;

-- Long work that an operator asked for. It survives its process: the cursor says how far it came.
CREATE TABLE job (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  kind TEXT NOT NULL CHECK (kind IN ('disconnect_users')),
  -- JSON: what it is done to.
  input TEXT NOT NULL,
  actor TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'done')),
  total INTEGER NOT NULL,
  done INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  -- The last connection that was looked at.
  cursor TEXT NOT NULL,
  claim_id TEXT,
  claim_until_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;
CREATE INDEX job_by_environment ON job (environment_id, id);
CREATE INDEX job_running ON job (id) WHERE status = 'running';
