-- What the app of an environment has subscribed to at a provider. Removing: the app is given up, and app_sealed is how it was reached.
CREATE TABLE app_subscription (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  provider text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'active', 'failing', 'removing')),
  app_sealed text COLLATE "C",
  made_ids text COLLATE "C" NOT NULL,
  wanted bigint NOT NULL,
  active bigint NOT NULL,
  ends_at_ms bigint,
  attempts bigint NOT NULL,
  since_ms bigint NOT NULL,
  due_at_ms bigint NOT NULL,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  last_detail text COLLATE "C",
  checked_at_ms bigint
);
CREATE UNIQUE INDEX app_subscription_by_provider ON app_subscription (environment_id, provider) WHERE app_sealed IS NULL;
CREATE INDEX app_subscription_due ON app_subscription (due_at_ms);
