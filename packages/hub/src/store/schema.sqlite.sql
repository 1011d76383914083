CREATE TABLE account_lock (
  environment_id TEXT NOT NULL REFERENCES environment (id),
  provider TEXT NOT NULL,
  provider_account_id TEXT NOT NULL,
  touched_at_ms INTEGER NOT NULL,
  PRIMARY KEY (environment_id, provider, provider_account_id)
) STRICT;

CREATE TABLE "api_key" (
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

CREATE INDEX api_key_by_environment ON api_key (environment_id, id);

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

CREATE TABLE "attempt" (
  delivery_id INTEGER NOT NULL,
  number INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  -- Null where no answer came; then error says why.
  http_status INTEGER,
  error TEXT,
  -- JSON object of the first headers of the answer.
  response_headers TEXT,
  -- The first 16 KB.
  response_body TEXT,
  -- Which process made it.
  process_id TEXT,
  PRIMARY KEY (delivery_id, number)
) STRICT, WITHOUT ROWID;

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
, mac TEXT, seq INTEGER, link TEXT) STRICT;

CREATE INDEX audit_by_environment ON audit (environment_id, id);

CREATE INDEX audit_by_seq ON audit (environment_id, seq);

CREATE INDEX audit_by_time ON audit (created_at_ms);

CREATE INDEX audit_unlinked ON audit (environment_id, id) WHERE seq IS NULL AND mac IS NOT NULL;

CREATE TABLE audit_chain (
  environment_id TEXT NOT NULL PRIMARY KEY,
  -- The key of all codes of the chain.
  secret_sealed TEXT NOT NULL,
  begun_at_ms INTEGER NOT NULL,
  -- The last link that has left with its retention,
  anchor_seq INTEGER NOT NULL,
  anchor_link TEXT NOT NULL,
  -- and the newest.
  last_seq INTEGER NOT NULL,
  last_link TEXT NOT NULL,
  -- Over all of this but the secret.
  mac TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_traffic (
  id TEXT NOT NULL,
  environment_id TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT,
  detail TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  mac TEXT NOT NULL,
  seq INTEGER,
  link TEXT,
  PRIMARY KEY (environment_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX audit_traffic_by_seq ON audit_traffic (environment_id, seq) WHERE seq IS NOT NULL;

CREATE INDEX audit_traffic_by_subject ON audit_traffic (environment_id, subject, id);

CREATE INDEX audit_traffic_unlinked ON audit_traffic (environment_id, id) WHERE seq IS NULL;

CREATE TABLE connection (
  lineage_id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  match_key TEXT NOT NULL,
  provider TEXT NOT NULL,
  reference_id TEXT,
  provider_account_id TEXT NOT NULL,
  user_id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'deleted')),
  scopes TEXT NOT NULL,
  token_version INTEGER NOT NULL,
  degraded_at_ms INTEGER,
  error_announced_at_ms INTEGER,
  last_webhook_update_ms INTEGER,
  user_created_at_ms INTEGER NOT NULL,
  -- The newest X-Terra-Ordering-Timestamp used: the next one is greater, even when the clock steps back.
  last_ordering_ms INTEGER NOT NULL,
  updated_at_ms INTEGER NOT NULL, degraded_by TEXT, ended_by TEXT CHECK (ended_by IN ('disconnect', 'account_moved', 'absorbed')), account_label TEXT,
  UNIQUE (environment_id, match_key)
) STRICT;

CREATE INDEX connection_by_account ON connection (environment_id, provider, provider_account_id);

CREATE INDEX connection_by_reference ON connection (environment_id, reference_id);

CREATE INDEX connection_by_state ON connection (environment_id, provider, status, degraded_at_ms);

CREATE INDEX connection_by_user ON connection (environment_id, user_id);

CREATE TABLE connection_history (
  environment_id TEXT NOT NULL REFERENCES environment (id),
  -- The beginning of the hour; the counts are those of the last look in it.
  hour_ms INTEGER NOT NULL,
  provider TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('active', 'degraded', 'inactive', 'deleted')),
  count INTEGER NOT NULL,
  PRIMARY KEY (environment_id, hour_ms, provider, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE count_cursor (
  name TEXT NOT NULL PRIMARY KEY CHECK (name IN ('event', 'delivery')),
  seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE "delivery" (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  event_id TEXT NOT NULL,
  destination_id TEXT NOT NULL,
  order_key TEXT NOT NULL,
  -- 1 for health data, which never stands before what happened to a connection.
  is_data INTEGER NOT NULL,
  -- The resend that asked for it; empty for the first delivery of an event.
  resend_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('waiting', 'pending', 'sending', 'delivered', 'failed', 'suppressed')),
  reason TEXT,
  attempts INTEGER NOT NULL,
  -- Attempts of the present series: the delay grows with these, and begins anew when the destination is enabled.
  tries INTEGER NOT NULL,
  due_at_ms INTEGER NOT NULL,
  trying_since_ms INTEGER,
  claim_id TEXT,
  claim_until_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER,
  UNIQUE (event_id, destination_id, resend_id)
) STRICT;

CREATE INDEX delivery_by_destination ON delivery (destination_id, id);

CREATE INDEX delivery_by_resend ON delivery (resend_id, id) WHERE resend_id <> '';

CREATE INDEX delivery_due ON delivery (destination_id, is_data, due_at_ms, id) WHERE status = 'pending';

CREATE INDEX delivery_failed ON delivery (destination_id, id) WHERE status = 'failed';

CREATE INDEX delivery_lane ON delivery ((destination_id || '/' || order_key), is_data, id)
  WHERE ended_at_ms IS NULL;

CREATE INDEX delivery_owed ON delivery (destination_id, id) WHERE ended_at_ms IS NULL;

CREATE INDEX delivery_resend_owed ON delivery (resend_id, id)
  WHERE resend_id <> '' AND ended_at_ms IS NULL;

CREATE INDEX delivery_sending ON delivery (claim_until_ms) WHERE status = 'sending';

CREATE INDEX delivery_suppressed ON delivery (destination_id, id) WHERE status = 'suppressed';

CREATE TABLE delivery_count (
  destination_id TEXT NOT NULL,
  hour_ms INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  -- From event to delivery, over the delivered ones.
  lag_sum_ms INTEGER NOT NULL,
  lag_max_ms INTEGER NOT NULL,
  PRIMARY KEY (destination_id, hour_ms)
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery_uncounted (
  destination_id TEXT NOT NULL,
  delivery_id INTEGER NOT NULL,
  PRIMARY KEY (destination_id, delivery_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE destination (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  url TEXT NOT NULL,
  secret_sealed TEXT NOT NULL,
  -- JSON list; null takes every type.
  event_types TEXT,
  wants_extensions INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled')),
  disabled_reason TEXT,
  timeout_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL
, concurrency INTEGER NOT NULL DEFAULT 8, version INTEGER NOT NULL DEFAULT 1, resumed_at_ms INTEGER, failures INTEGER NOT NULL DEFAULT 0, failing_since_ms INTEGER, warned INTEGER NOT NULL DEFAULT 0, probe_at_ms INTEGER, retry_base_ms INTEGER, retry_cap_ms INTEGER, retry_window_ms INTEGER, headers_sealed TEXT, deleted_at_ms INTEGER, quiet_until_ms INTEGER, last_ordering_ms INTEGER NOT NULL DEFAULT 0, state_quiet_until_ms INTEGER, state_failures INTEGER NOT NULL DEFAULT 0, state_probe_at_ms INTEGER) STRICT;

CREATE INDEX destination_by_environment ON destination (environment_id);

CREATE INDEX destination_failing ON destination (failing_since_ms) WHERE failing_since_ms IS NOT NULL;

CREATE TABLE environment (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  settings TEXT NOT NULL,
  redirect_secret_sealed TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
, archived_at_ms INTEGER) STRICT;

CREATE TABLE "event" (
  -- Ascends in commit order: the cursor of the history and of the pull API.
  seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  type TEXT NOT NULL,
  lineage_id TEXT,
  order_key TEXT NOT NULL,
  user_id TEXT,
  reference_id TEXT,
  provider TEXT,
  body TEXT NOT NULL,
  ordering_ms INTEGER NOT NULL,
  created_at_ms INTEGER NOT NULL,
  -- Destinations that the environment had at the commit: so many deliveries there must be, suppressed ones included.
  fan_out INTEGER NOT NULL,
  -- W3C traceparent of what caused it; null where nobody traces.
  trace_parent TEXT
) STRICT;

CREATE INDEX event_by_environment ON event (environment_id, seq);

CREATE INDEX event_by_lineage ON event (lineage_id, seq);

CREATE INDEX event_by_provider ON event (environment_id, provider, seq);

CREATE INDEX event_by_type ON event (environment_id, type, seq);

CREATE INDEX event_of_connection ON event (lineage_id, seq)
  WHERE type NOT IN ('activity', 'athlete', 'body', 'daily', 'hormone', 'menstruation', 'nutrition', 'planned_workout', 'sleep');

CREATE INDEX event_without_lineage_by_reference ON event (environment_id, reference_id, seq)
  WHERE lineage_id IS NULL AND reference_id IS NOT NULL;

CREATE INDEX event_without_lineage_by_user ON event (environment_id, user_id, seq)
  WHERE lineage_id IS NULL AND user_id IS NOT NULL;

CREATE TABLE event_count (
  environment_id TEXT NOT NULL REFERENCES environment (id),
  hour_ms INTEGER NOT NULL,
  type TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (environment_id, hour_ms, type)
) STRICT, WITHOUT ROWID;

CREATE TABLE flow (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  -- Null where authenticateUser started the flow.
  widget_session_id TEXT REFERENCES widget_session (id),
  provider TEXT NOT NULL,
  reference_id TEXT,
  reserved_user_id TEXT NOT NULL UNIQUE,
  -- Digest of the token in auth_url; null for flows of a widget session.
  link_token_hash TEXT UNIQUE,
  language TEXT,
  success_url TEXT,
  failure_url TEXT,
  browser_hash TEXT,
  state_hash TEXT UNIQUE,
  state_expires_at_ms INTEGER,
  code_verifier_sealed TEXT,
  status TEXT NOT NULL CHECK (status IN ('created', 'at_provider', 'exchanging', 'succeeded', 'failed')),
  -- When the flow counts as abandoned if nothing happens: end of link, of state, or of exchange.
  deadline_ms INTEGER NOT NULL,
  reason TEXT,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
, continues_lineage_id TEXT) STRICT;

CREATE INDEX flow_by_reference ON flow (environment_id, reference_id) WHERE reference_id IS NOT NULL;

CREATE INDEX flow_by_session ON flow (widget_session_id);

CREATE INDEX flow_ended ON flow (environment_id, ended_at_ms) WHERE ended_at_ms IS NOT NULL;

CREATE INDEX flow_open_by_deadline ON flow (deadline_ms) WHERE ended_at_ms IS NULL;

CREATE TABLE held_grant (
  flow_id TEXT NOT NULL PRIMARY KEY REFERENCES flow (id),
  environment_id TEXT NOT NULL REFERENCES environment (id),
  provider TEXT NOT NULL,
  provider_account_id TEXT NOT NULL,
  -- Digest of the confirm_code.
  code_hash TEXT NOT NULL UNIQUE,
  -- JSON: token set, scopes, confirm_code. Null from the end of the flow.
  grant_sealed TEXT,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX held_grant_by_account ON held_grant (environment_id, provider, provider_account_id) WHERE grant_sealed IS NOT NULL;

CREATE INDEX held_grant_open ON held_grant (environment_id, flow_id) WHERE grant_sealed IS NOT NULL;

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

CREATE TABLE job (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  kind TEXT NOT NULL CHECK (kind IN ('disconnect_users')),
  -- JSON: what it is done to.
  input TEXT NOT NULL,
  actor TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'done')),
  total INTEGER NOT NULL,
  done INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  -- The last connection that was looked at.
  cursor TEXT NOT NULL,
  claim_id TEXT,
  claim_until_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;

CREATE INDEX job_by_environment ON job (environment_id, id);

CREATE INDEX job_ended ON job (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

CREATE INDEX job_running ON job (id) WHERE status = 'running';

CREATE TABLE lineage_reference (
  environment_id TEXT NOT NULL,
  reference_id TEXT NOT NULL,
  lineage_id TEXT NOT NULL,
  PRIMARY KEY (environment_id, reference_id, lineage_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE migration (name TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, ran_at_ms INTEGER NOT NULL) STRICT;

CREATE TABLE operator (
  id TEXT NOT NULL PRIMARY KEY CHECK (id = 'operator'),
  -- scrypt, with its parameters and salt.
  password_hash TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE operator_session (
  id TEXT NOT NULL PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX operator_session_by_expiry ON operator_session (expires_at_ms);

CREATE TABLE process (
  id TEXT NOT NULL PRIMARY KEY,
  beat INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  beat_at_ms INTEGER NOT NULL
, opens TEXT NOT NULL DEFAULT '', seals TEXT NOT NULL DEFAULT '') STRICT;

CREATE TABLE provider_app (
  environment_id TEXT NOT NULL REFERENCES environment (id),
  provider TEXT NOT NULL,
  client_id TEXT NOT NULL,
  client_secret_sealed TEXT NOT NULL,
  -- The secret last segment of the address that the provider sends notices to.
  notice_key_hash TEXT NOT NULL,
  origin_overrides TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL, paused_until_ms INTEGER, overrides TEXT NOT NULL DEFAULT '{}', secrets_sealed TEXT,
  PRIMARY KEY (environment_id, provider)
) STRICT;

CREATE INDEX provider_app_by_client ON provider_app (provider, client_id);

CREATE TABLE provider_move (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  from_provider TEXT NOT NULL,
  to_provider TEXT NOT NULL,
  -- exchange: the hub turns the tokens into new ones; reconnect: people consent again, by a link each.
  kind TEXT NOT NULL CHECK (kind IN ('exchange', 'reconnect')),
  status TEXT NOT NULL CHECK (status IN ('running', 'paused', 'ended')),
  -- Exchanges begun in a minute, over all processes,
  per_minute INTEGER NOT NULL,
  -- and when the next may begin.
  next_at_ms INTEGER NOT NULL,
  actor TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;

CREATE UNIQUE INDEX provider_move_open ON provider_move (environment_id, from_provider) WHERE status <> 'ended';

CREATE TABLE provider_move_user (
  move_id TEXT NOT NULL REFERENCES provider_move (id),
  lineage_id TEXT NOT NULL REFERENCES connection (lineage_id),
  status TEXT NOT NULL CHECK (status IN ('to_do', 'linked', 'failed', 'connected')),
  -- The person's link: only its digest is kept.
  link_hash TEXT,
  link_expires_at_ms INTEGER,
  -- Where the browser goes afterwards, and in which language it is spoken to. JSON.
  link_options TEXT,
  attempts INTEGER NOT NULL,
  -- When the next exchange is due; null: none is tried by itself.
  due_at_ms INTEGER,
  claim_id TEXT,
  claim_until_ms INTEGER,
  -- Why the last attempt failed.
  detail TEXT,
  updated_at_ms INTEGER NOT NULL,
  PRIMARY KEY (move_id, lineage_id)
) STRICT;

CREATE INDEX provider_move_user_by_lineage ON provider_move_user (lineage_id);

CREATE UNIQUE INDEX provider_move_user_by_link ON provider_move_user (link_hash) WHERE link_hash IS NOT NULL;

CREATE INDEX provider_move_user_due ON provider_move_user (move_id, due_at_ms) WHERE due_at_ms IS NOT NULL;

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

CREATE INDEX provider_task_by_environment ON provider_task (environment_id, id);

CREATE INDEX provider_task_due ON provider_task (due_at_ms) WHERE status = 'pending';

CREATE INDEX provider_task_ended ON provider_task (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

CREATE TABLE pruned (
  environment_id TEXT NOT NULL,
  destination_id TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL,
  deliveries INTEGER NOT NULL,
  PRIMARY KEY (environment_id, destination_id, type, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE resend (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL,
  -- JSON, see ResendFilter.
  filter TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'paused', 'cancelled', 'done')),
  cursor_seq INTEGER NOT NULL,
  -- Nothing that came after it was asked for.
  through_seq INTEGER NOT NULL,
  deliveries INTEGER NOT NULL,
  actor TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;

CREATE INDEX resend_by_environment ON resend (environment_id, id);

CREATE INDEX resend_ended ON resend (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

CREATE INDEX resend_running ON resend (id) WHERE status = 'running';

CREATE TABLE retention (
  environment_id TEXT NOT NULL PRIMARY KEY,
  cursor_seq INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL
, removed_seq INTEGER NOT NULL DEFAULT 0) STRICT;

CREATE TABLE "revocation" (
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

CREATE INDEX revocation_by_account ON revocation (environment_id, provider, provider_account_id) WHERE status = 'pending';

CREATE INDEX revocation_by_environment ON revocation (environment_id, id);

CREATE INDEX revocation_by_lineage ON revocation (environment_id, lineage_id, id);

CREATE INDEX revocation_due ON revocation (due_at_ms) WHERE status = 'pending';

CREATE INDEX revocation_ended ON revocation (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

CREATE TABLE sdk_token (
  token_hash TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  -- Null: the device says who it belongs to.
  reference_id TEXT,
  expires_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX sdk_token_by_expiry ON sdk_token (expires_at_ms);

CREATE TABLE setup_token (
  token_hash TEXT NOT NULL PRIMARY KEY,
  expires_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE signing_key (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL,
  destination_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('hmac', 'ed25519')),
  secret_sealed TEXT NOT NULL,
  -- Base64url of the 32 bytes; null for hmac.
  public_key TEXT,
  created_at_ms INTEGER NOT NULL,
  -- Signs until then; null signs until it is replaced.
  expires_at_ms INTEGER
) STRICT;

CREATE INDEX signing_key_by_destination ON signing_key (destination_id, id);

CREATE INDEX signing_key_by_environment ON signing_key (environment_id, id);

CREATE TABLE token_set (
  lineage_id TEXT NOT NULL PRIMARY KEY REFERENCES connection (lineage_id),
  sealed TEXT NOT NULL,
  version INTEGER NOT NULL,
  -- The one process that may refresh now, and until when.
  claim_id TEXT,
  claim_until_ms INTEGER,
  updated_at_ms INTEGER NOT NULL
, provider TEXT NOT NULL DEFAULT '', obtained_at_ms INTEGER NOT NULL DEFAULT 0, expires_at_ms INTEGER, refresh_expires_at_ms INTEGER, refresh_at_ms INTEGER, retry_at_ms INTEGER, unanswered_since_ms INTEGER, failures INTEGER NOT NULL DEFAULT 0, rejections INTEGER NOT NULL DEFAULT 0, rejected_since_ms INTEGER, last_failure TEXT, last_failure_at_ms INTEGER, checked_at_ms INTEGER, warned_at_ms INTEGER, limited_until_ms INTEGER) STRICT;

CREATE INDEX token_set_due ON token_set (refresh_at_ms, provider) WHERE refresh_at_ms IS NOT NULL;

CREATE INDEX token_set_due_of_provider ON token_set (provider, refresh_at_ms) WHERE refresh_at_ms IS NOT NULL;

CREATE TABLE user_alias (
  user_id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  lineage_id TEXT NOT NULL REFERENCES connection (lineage_id),
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX user_alias_by_lineage ON user_alias (lineage_id);

CREATE TABLE widget_session (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  token_hash TEXT NOT NULL UNIQUE,
  reference_id TEXT,
  -- JSON list of providers to offer; null offers all that are enabled.
  providers TEXT,
  language TEXT,
  show_disconnect INTEGER NOT NULL,
  success_url TEXT,
  failure_url TEXT,
  -- Digest of the first browser's secret; null until someone came.
  browser_hash TEXT,
  -- Set by the flow that succeeded: a session connects once.
  used_at_ms INTEGER,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER NOT NULL
, account_label TEXT) STRICT;

CREATE INDEX widget_session_by_expiry ON widget_session (environment_id, expires_at_ms);

CREATE INDEX widget_session_by_reference ON widget_session (environment_id, reference_id) WHERE reference_id IS NOT NULL;

CREATE TABLE write_probe (filler TEXT NOT NULL) STRICT;
