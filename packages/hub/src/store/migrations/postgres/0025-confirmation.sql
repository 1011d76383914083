-- What a flow was granted, until the app has confirmed who came back. The row stays when that is over, without the grant.
CREATE TABLE held_grant (
  flow_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES flow (id),
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  provider text COLLATE "C" NOT NULL,
  provider_account_id text COLLATE "C" NOT NULL,
  -- Digest of the confirm_code.
  code_hash text COLLATE "C" NOT NULL UNIQUE,
  -- JSON: token set, scopes, confirm_code. Null from the end of the flow.
  grant_sealed text COLLATE "C",
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL
);
CREATE INDEX held_grant_by_account ON held_grant (environment_id, provider, provider_account_id) WHERE grant_sealed IS NOT NULL;
CREATE INDEX held_grant_open ON held_grant (environment_id, flow_id) WHERE grant_sealed IS NOT NULL;
-- Why a connection is deleted; null in every other state, and means a disconnection in rows from before.
ALTER TABLE connection ADD COLUMN ended_by text COLLATE "C" CHECK (ended_by IN ('disconnect', 'account_moved', 'absorbed'));
