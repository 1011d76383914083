-- What is known of a token set without opening it, when it is refreshed, and how the last refresh ended.
ALTER TABLE token_set ADD COLUMN provider text COLLATE "C" NOT NULL DEFAULT '';
UPDATE token_set SET provider = (SELECT provider FROM connection WHERE connection.lineage_id = token_set.lineage_id);
ALTER TABLE token_set ADD COLUMN obtained_at_ms bigint NOT NULL DEFAULT 0;
ALTER TABLE token_set ADD COLUMN expires_at_ms bigint;
ALTER TABLE token_set ADD COLUMN refresh_expires_at_ms bigint;
-- When the worker looks at it next; null: never by itself. A claim moves it to its own end, so that
-- what a killed process leaves behind is taken up.
ALTER TABLE token_set ADD COLUMN refresh_at_ms bigint;
-- After a failure nobody tries before this.
ALTER TABLE token_set ADD COLUMN retry_at_ms bigint;
-- A refresh was sent at this time and its answer has not been stored.
ALTER TABLE token_set ADD COLUMN unanswered_since_ms bigint;
ALTER TABLE token_set ADD COLUMN failures bigint NOT NULL DEFAULT 0;
ALTER TABLE token_set ADD COLUMN rejections bigint NOT NULL DEFAULT 0;
ALTER TABLE token_set ADD COLUMN rejected_since_ms bigint;
ALTER TABLE token_set ADD COLUMN last_failure text COLLATE "C";
ALTER TABLE token_set ADD COLUMN last_failure_at_ms bigint;
CREATE INDEX token_set_due ON token_set (refresh_at_ms, provider) WHERE refresh_at_ms IS NOT NULL;
CREATE INDEX token_set_due_of_provider ON token_set (provider, refresh_at_ms) WHERE refresh_at_ms IS NOT NULL;
-- The worker looks at those of an earlier version once and learns their times.
UPDATE token_set SET refresh_at_ms = 0;

-- What the provider refused: grant_rejected, http_401, http_403 or http_412; null while all is well.
ALTER TABLE connection ADD COLUMN degraded_by text COLLATE "C";
UPDATE connection SET degraded_by = 'grant_rejected' WHERE degraded_at_ms IS NOT NULL;

-- Nobody calls the provider for this environment before this: it has asked for a pause.
ALTER TABLE provider_app ADD COLUMN paused_until_ms bigint;

-- Account and lineage may be unknown: a grant that no connection came of.
-- Null where the exchange failed before it was learnt.
ALTER TABLE revocation ALTER COLUMN provider_account_id DROP NOT NULL;
-- The connection that had the grant, or the flow that ended before there was one.
ALTER TABLE revocation ALTER COLUMN lineage_id DROP NOT NULL;
ALTER TABLE revocation ADD COLUMN flow_id text COLLATE "C";
-- The provider is being called until then at the latest: whoever connects this account waits.
ALTER TABLE revocation ADD COLUMN calling_until_ms bigint;
UPDATE revocation SET provider_account_id = NULLIF(provider_account_id, ''),
  flow_id = (SELECT id FROM flow WHERE flow.id = revocation.lineage_id),
  lineage_id = (SELECT c.lineage_id FROM connection c WHERE c.lineage_id = revocation.lineage_id);
CREATE INDEX revocation_by_account ON revocation (environment_id, provider, provider_account_id) WHERE status = 'pending';
CREATE INDEX revocation_by_environment ON revocation (environment_id, id);

-- Held in a transaction by whoever decides about an account at a provider: connecting it, or ending its grant.
CREATE TABLE account_lock (
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  provider text COLLATE "C" NOT NULL,
  provider_account_id text COLLATE "C" NOT NULL,
  touched_at_ms bigint NOT NULL,
  PRIMARY KEY (environment_id, provider, provider_account_id)
);
