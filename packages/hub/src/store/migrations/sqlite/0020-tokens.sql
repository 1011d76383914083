-- What is known of a token set without opening it, when it is refreshed, and how the last refresh ended.
ALTER TABLE token_set ADD COLUMN provider TEXT NOT NULL DEFAULT '';
UPDATE token_set SET provider = (SELECT provider FROM connection WHERE connection.lineage_id = token_set.lineage_id);
ALTER TABLE token_set ADD COLUMN obtained_at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token_set ADD COLUMN expires_at_ms INTEGER;
ALTER TABLE token_set ADD COLUMN refresh_expires_at_ms INTEGER;
-- When the worker looks at it next; null: never by itself. A claim moves it to its own end, so that
-- what a killed process leaves behind is taken up.
ALTER TABLE token_set ADD COLUMN refresh_at_ms INTEGER;
-- After a failure nobody tries before this.
ALTER TABLE token_set ADD COLUMN retry_at_ms INTEGER;
-- A refresh was sent at this time and its answer has not been stored.
ALTER TABLE token_set ADD COLUMN unanswered_since_ms INTEGER;
ALTER TABLE token_set ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token_set ADD COLUMN rejections INTEGER NOT NULL DEFAULT 0;
ALTER TABLE token_set ADD COLUMN rejected_since_ms INTEGER;
ALTER TABLE token_set ADD COLUMN last_failure TEXT;
ALTER TABLE token_set ADD COLUMN last_failure_at_ms INTEGER;
CREATE INDEX token_set_due ON token_set (refresh_at_ms, provider) WHERE refresh_at_ms IS NOT NULL;
CREATE INDEX token_set_due_of_provider ON token_set (provider, refresh_at_ms) WHERE refresh_at_ms IS NOT NULL;
-- The worker looks at those of an earlier version once and learns their times.
UPDATE token_set SET refresh_at_ms = 0;

-- What the provider refused: grant_rejected, http_401, http_403 or http_412; null while all is well.
ALTER TABLE connection ADD COLUMN degraded_by TEXT;
UPDATE connection SET degraded_by = 'grant_rejected' WHERE degraded_at_ms IS NOT NULL;

-- Nobody calls the provider for this environment before this: it has asked for a pause.
ALTER TABLE provider_app ADD COLUMN paused_until_ms INTEGER;

-- Account and lineage may be unknown: a grant that no connection came of.
CREATE TABLE revocation_2 (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  provider TEXT NOT NULL,
  -- Null where the exchange failed before it was learnt.
  provider_account_id TEXT,
  -- The connection that had the grant, or the flow that ended before there was one.
  lineage_id TEXT,
  flow_id TEXT,
  token_set_sealed TEXT,
  status TEXT NOT NULL CHECK (status IN ('pending', 'revoked', 'unsupported', 'not_needed', 'failed')),
  attempts INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  claim_id TEXT,
  claim_until_ms INTEGER,
  -- The provider is being called until then at the latest: whoever connects this account waits.
  calling_until_ms INTEGER,
  last_detail TEXT,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;
INSERT INTO revocation_2
SELECT id, environment_id, provider, NULLIF(provider_account_id, ''),
  CASE WHEN EXISTS (SELECT 1 FROM connection c WHERE c.lineage_id = revocation.lineage_id) THEN lineage_id END,
  CASE WHEN EXISTS (SELECT 1 FROM flow f WHERE f.id = revocation.lineage_id) THEN lineage_id END,
  token_set_sealed, status, attempts, due_at_ms, claim_id, claim_until_ms, NULL, last_detail, created_at_ms, ended_at_ms
FROM revocation;
DROP TABLE revocation;
ALTER TABLE revocation_2 RENAME TO revocation;
CREATE INDEX revocation_due ON revocation (due_at_ms) WHERE status = 'pending';
CREATE INDEX revocation_by_account ON revocation (environment_id, provider, provider_account_id) WHERE status = 'pending';
CREATE INDEX revocation_by_environment ON revocation (environment_id, id);

-- Held in a transaction by whoever decides about an account at a provider: connecting it, or ending its grant.
CREATE TABLE account_lock (
  environment_id TEXT NOT NULL REFERENCES environment (id),
  provider TEXT NOT NULL,
  provider_account_id TEXT NOT NULL,
  touched_at_ms INTEGER NOT NULL,
  PRIMARY KEY (environment_id, provider, provider_account_id)
) STRICT;
