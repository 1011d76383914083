-- What is to be done about an account at a provider: notices to confirm and apply, subscriptions to make.
-- Notices that nobody could read are kept here too. payload: JSON, by type.
CREATE TABLE provider_task (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  provider TEXT NOT NULL,
  provider_account_id TEXT,
  type TEXT NOT NULL CHECK (type IN ('access_revoked', 'scopes_changed', 'unreadable', 'subscribe')),
  payload TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'done', 'unfounded', 'failed')),
  attempts INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  claim_id TEXT,
  claim_until_ms INTEGER,
  last_detail TEXT,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;
CREATE INDEX provider_task_due ON provider_task (due_at_ms) WHERE status = 'pending';
CREATE INDEX provider_task_by_environment ON provider_task (environment_id, id);
CREATE INDEX provider_task_ended ON provider_task (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX provider_app_by_client ON provider_app (provider, client_id);
