-- What the app of an environment has subscribed to at a provider. Removing: the app is given up, and app_sealed is how it was reached.
CREATE TABLE app_subscription (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  provider TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'active', 'failing', 'removing')),
  app_sealed TEXT,
  made_ids TEXT NOT NULL,
  wanted INTEGER NOT NULL,
  active INTEGER NOT NULL,
  ends_at_ms INTEGER,
  attempts INTEGER NOT NULL,
  since_ms INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  claim_id TEXT,
  claim_until_ms INTEGER,
  last_detail TEXT,
  checked_at_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX app_subscription_by_provider ON app_subscription (environment_id, provider) WHERE app_sealed IS NULL;
CREATE INDEX app_subscription_due ON app_subscription (due_at_ms);
