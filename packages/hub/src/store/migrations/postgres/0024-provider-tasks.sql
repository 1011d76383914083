-- What is to be done about an account at a provider: notices to confirm and apply, subscriptions to make.
-- Notices that nobody could read are kept here too. payload: JSON, by type.
CREATE TABLE provider_task (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  provider text COLLATE "C" NOT NULL,
  provider_account_id text COLLATE "C",
  type text COLLATE "C" NOT NULL CHECK (type IN ('access_revoked', 'scopes_changed', 'unreadable', 'subscribe')),
  payload text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'done', 'unfounded', 'failed')),
  attempts bigint NOT NULL,
  due_at_ms bigint NOT NULL,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  last_detail text COLLATE "C",
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint
);
CREATE INDEX provider_task_due ON provider_task (due_at_ms) WHERE status = 'pending';
CREATE INDEX provider_task_by_environment ON provider_task (environment_id, id);
CREATE INDEX provider_task_ended ON provider_task (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX provider_app_by_client ON provider_app (provider, client_id);
