-- API keys get a name, scopes, an end and a trace of their use; environment_id is null for an operator's
-- key, which works in every environment.
ALTER TABLE api_key ALTER COLUMN environment_id DROP NOT NULL;
ALTER TABLE api_key ADD COLUMN name text COLLATE "C" NOT NULL DEFAULT '';
-- JSON list, see core/scope.ts.
ALTER TABLE api_key ADD COLUMN scopes text COLLATE "C" NOT NULL DEFAULT '["connect","read","write"]';
ALTER TABLE api_key ALTER COLUMN name DROP DEFAULT, ALTER COLUMN scopes DROP DEFAULT;
ALTER TABLE api_key ADD COLUMN expires_at_ms bigint;
ALTER TABLE api_key ADD COLUMN revoked_at_ms bigint;
-- Written at most once a minute.
ALTER TABLE api_key ADD COLUMN last_used_at_ms bigint;
DROP INDEX api_key_by_environment;
CREATE INDEX api_key_by_environment ON api_key (environment_id, id);

-- Who changed what. environment_id is null for what belongs to no environment. Rows are never changed.
CREATE TABLE audit (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C",
  actor text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  -- What it was done to: an id, or null.
  subject text COLLATE "C",
  -- JSON; holds no secret.
  detail text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL
);
CREATE INDEX audit_by_environment ON audit (environment_id, id);

-- Answers kept for repeated requests. key_hash: digest of who asks, where, and the Idempotency-Key.
CREATE TABLE idempotency (
  key_hash text COLLATE "C" NOT NULL PRIMARY KEY,
  -- Digest of the request, so that a key is not used for two.
  request_hash text COLLATE "C" NOT NULL,
  -- Null until the first request has been answered.
  answer_sealed text COLLATE "C",
  -- When an unanswered request counts as lost.
  claim_until_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL
);
CREATE INDEX idempotency_by_expiry ON idempotency (expires_at_ms);
