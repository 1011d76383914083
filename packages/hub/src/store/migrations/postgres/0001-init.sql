-- Times are epoch milliseconds. Columns whose name ends in _sealed hold ciphertext bound to their row.
-- Columns whose name ends in _hash hold a SHA-256 digest of a secret that the hub does not keep.

-- One dev_id. settings: JSON, see EnvironmentSettings.
CREATE TABLE environment (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  name text COLLATE "C" NOT NULL,
  settings text COLLATE "C" NOT NULL,
  redirect_secret_sealed text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL
);

CREATE TABLE api_key (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  key_hash text COLLATE "C" NOT NULL UNIQUE,
  -- The last characters, so that a person can tell keys apart.
  hint text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL
);
CREATE INDEX api_key_by_environment ON api_key (environment_id);

-- The operator's own application at a provider. origin_overrides: JSON, real origin to replacement.
CREATE TABLE provider_app (
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  provider text COLLATE "C" NOT NULL,
  client_id text COLLATE "C" NOT NULL,
  client_secret_sealed text COLLATE "C" NOT NULL,
  -- The secret last segment of the address that the provider sends notices to.
  notice_key_hash text COLLATE "C" NOT NULL,
  origin_overrides text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  PRIMARY KEY (environment_id, provider)
);

CREATE TABLE widget_session (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  token_hash text COLLATE "C" NOT NULL UNIQUE,
  reference_id text COLLATE "C",
  -- JSON list of providers to offer; null offers all that are enabled.
  providers text COLLATE "C",
  language text COLLATE "C",
  show_disconnect bigint NOT NULL,
  success_url text COLLATE "C",
  failure_url text COLLATE "C",
  -- Digest of the first browser's secret; null until someone came.
  browser_hash text COLLATE "C",
  -- Set by the flow that succeeded: a session connects once.
  used_at_ms bigint,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL
);
CREATE INDEX widget_session_by_expiry ON widget_session (expires_at_ms);

CREATE TABLE flow (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  -- Null where authenticateUser started the flow.
  widget_session_id text COLLATE "C" REFERENCES widget_session (id),
  provider text COLLATE "C" NOT NULL,
  reference_id text COLLATE "C",
  reserved_user_id text COLLATE "C" NOT NULL UNIQUE,
  -- Digest of the token in auth_url; null for flows of a widget session.
  link_token_hash text COLLATE "C" UNIQUE,
  language text COLLATE "C",
  success_url text COLLATE "C",
  failure_url text COLLATE "C",
  browser_hash text COLLATE "C",
  state_hash text COLLATE "C" UNIQUE,
  state_expires_at_ms bigint,
  code_verifier_sealed text COLLATE "C",
  status text COLLATE "C" NOT NULL CHECK (status IN ('created', 'at_provider', 'exchanging', 'succeeded', 'failed')),
  -- When the flow counts as abandoned if nothing happens: end of link, of state, or of exchange.
  deadline_ms bigint NOT NULL,
  reason text COLLATE "C",
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint
);
CREATE INDEX flow_open_by_deadline ON flow (deadline_ms) WHERE ended_at_ms IS NULL;
CREATE INDEX flow_by_session ON flow (widget_session_id);

-- One lineage. user_id is its present alias; match_key is what a new connection must equal to continue it.
CREATE TABLE connection (
  lineage_id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  match_key text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  reference_id text COLLATE "C",
  provider_account_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL UNIQUE,
  status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
  scopes text COLLATE "C" NOT NULL,
  token_version bigint NOT NULL,
  degraded_at_ms bigint,
  error_announced_at_ms bigint,
  last_webhook_update_ms bigint,
  user_created_at_ms bigint NOT NULL,
  -- The newest X-Terra-Ordering-Timestamp used: the next one is greater, even when the clock steps back.
  last_ordering_ms bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  UNIQUE (environment_id, match_key)
);
CREATE INDEX connection_by_account ON connection (environment_id, provider, provider_account_id);
CREATE INDEX connection_by_reference ON connection (environment_id, reference_id);
CREATE INDEX connection_by_user ON connection (environment_id, user_id);

-- Every user_id that a lineage has or had. Rows are never deleted.
CREATE TABLE user_alias (
  user_id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  lineage_id text COLLATE "C" NOT NULL REFERENCES connection (lineage_id),
  created_at_ms bigint NOT NULL
);
CREATE INDEX user_alias_by_lineage ON user_alias (lineage_id);

CREATE TABLE token_set (
  lineage_id text COLLATE "C" NOT NULL PRIMARY KEY REFERENCES connection (lineage_id),
  sealed text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  -- The one process that may refresh now, and until when.
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  updated_at_ms bigint NOT NULL
);

CREATE TABLE destination (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  url text COLLATE "C" NOT NULL,
  secret_sealed text COLLATE "C" NOT NULL,
  -- JSON list; null takes every type.
  event_types text COLLATE "C",
  wants_extensions bigint NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('enabled', 'disabled')),
  disabled_reason text COLLATE "C",
  timeout_ms bigint NOT NULL,
  created_at_ms bigint NOT NULL
);
CREATE INDEX destination_by_environment ON destination (environment_id);

-- id: UUID version 7, also the trace id. body: the exact text that is signed and sent.
-- order_key: the lineage, or the flow where there is none; events with one key keep their order.
CREATE TABLE event (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  type text COLLATE "C" NOT NULL,
  lineage_id text COLLATE "C",
  order_key text COLLATE "C" NOT NULL,
  user_id text COLLATE "C",
  reference_id text COLLATE "C",
  provider text COLLATE "C",
  body text COLLATE "C" NOT NULL,
  ordering_ms bigint NOT NULL,
  created_at_ms bigint NOT NULL
);
CREATE INDEX event_by_environment ON event (environment_id, id);
CREATE INDEX event_by_user ON event (environment_id, user_id, id);
CREATE INDEX event_by_reference ON event (environment_id, reference_id, id);
CREATE INDEX event_by_lineage ON event (lineage_id, id);

-- id ascends in commit order, so it is the order of delivery within an order_key.
CREATE TABLE delivery (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id text COLLATE "C" NOT NULL REFERENCES event (id),
  destination_id text COLLATE "C" NOT NULL REFERENCES destination (id),
  order_key text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'held', 'delivered', 'failed')),
  attempts bigint NOT NULL,
  due_at_ms bigint NOT NULL,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  UNIQUE (event_id, destination_id)
);
CREATE INDEX delivery_due ON delivery (due_at_ms, id) WHERE status = 'pending';
CREATE INDEX delivery_waiting ON delivery (destination_id, order_key, id) WHERE status IN ('pending', 'held');

CREATE TABLE attempt (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  delivery_id bigint NOT NULL REFERENCES delivery (id),
  number bigint NOT NULL,
  started_at_ms bigint NOT NULL,
  duration_ms bigint NOT NULL,
  -- Null where no answer came; then error says why.
  http_status bigint,
  error text COLLATE "C",
  response_body text COLLATE "C"
);
CREATE INDEX attempt_by_delivery ON attempt (delivery_id, number);

-- Grants to be revoked at the provider. The token set leaves the connection for here.
CREATE TABLE revocation (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  provider text COLLATE "C" NOT NULL,
  provider_account_id text COLLATE "C" NOT NULL,
  lineage_id text COLLATE "C" NOT NULL,
  token_set_sealed text COLLATE "C",
  status text COLLATE "C" NOT NULL CHECK (status IN ('pending', 'revoked', 'unsupported', 'not_needed', 'failed')),
  attempts bigint NOT NULL,
  due_at_ms bigint NOT NULL,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  last_detail text COLLATE "C",
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint
);
CREATE INDEX revocation_due ON revocation (due_at_ms) WHERE status = 'pending';
