-- API keys get a name, scopes, an end and a trace of their use; environment_id is null for an operator's
-- key, which works in every environment. SQLite cannot drop NOT NULL from a column, so the table is made anew.
CREATE TABLE api_key_new (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT REFERENCES environment (id),
  key_hash TEXT NOT NULL UNIQUE,
  -- The last characters, so that a person can tell keys apart.
  hint TEXT NOT NULL,
  name TEXT NOT NULL,
  -- JSON list, see core/scope.ts.
  scopes TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  revoked_at_ms INTEGER,
  -- Written at most once a minute.
  last_used_at_ms INTEGER
) STRICT;
INSERT INTO api_key_new (id, environment_id, key_hash, hint, name, scopes, created_at_ms)
SELECT id, environment_id, key_hash, hint, '', '["connect","read","write"]', created_at_ms FROM api_key;
DROP TABLE api_key;
ALTER TABLE api_key_new RENAME TO api_key;
CREATE INDEX api_key_by_environment ON api_key (environment_id, id);

-- Who changed what. environment_id is null for what belongs to no environment. Rows are never changed.
CREATE TABLE audit (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  -- What it was done to: an id, or null.
  subject TEXT,
  -- JSON; holds no secret.
  detail TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_by_environment ON audit (environment_id, id);

-- Answers kept for repeated requests. key_hash: digest of who asks, where, and the Idempotency-Key.
CREATE TABLE idempotency (
  key_hash TEXT NOT NULL PRIMARY KEY,
  -- Digest of the request, so that a key is not used for two.
  request_hash TEXT NOT NULL,
  -- Null until the first request has been answered.
  answer_sealed TEXT,
  -- When an unanswered request counts as lost.
  claim_until_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at_ms);
