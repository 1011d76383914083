-- Null while the environment is in use.
ALTER TABLE environment ADD COLUMN archived_at_ms bigint;

-- Long work that an operator asked for. It survives its process: the cursor says how far it came.
CREATE TABLE job (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('disconnect_users')),
  -- JSON: what it is done to.
  input text COLLATE "C" NOT NULL,
  actor text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('running', 'done')),
  total bigint NOT NULL,
  done bigint NOT NULL,
  failed bigint NOT NULL,
  -- The last connection that was looked at.
  cursor text COLLATE "C" NOT NULL,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint
);
CREATE INDEX job_by_environment ON job (environment_id, id);
CREATE INDEX job_running ON job (id) WHERE status = 'running';
