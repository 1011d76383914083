CREATE TABLE account_lock (
  environment_id text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  provider_account_id text COLLATE "C" NOT NULL,
  touched_at_ms bigint NOT NULL,
  CONSTRAINT account_lock_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT account_lock_pkey PRIMARY KEY (environment_id, provider, provider_account_id)
);

CREATE TABLE api_key (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C",
  key_hash text COLLATE "C" NOT NULL,
  hint text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  name text COLLATE "C" NOT NULL,
  scopes text COLLATE "C" NOT NULL,
  expires_at_ms bigint,
  revoked_at_ms bigint,
  last_used_at_ms bigint,
  CONSTRAINT api_key_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT api_key_pkey PRIMARY KEY (id),
  CONSTRAINT api_key_key_hash_key UNIQUE (key_hash)
);

CREATE TABLE app_subscription (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
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
  checked_at_ms bigint,
  CONSTRAINT app_subscription_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'failing'::text, 'removing'::text]))),
  CONSTRAINT app_subscription_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT app_subscription_pkey PRIMARY KEY (id)
);

CREATE TABLE attempt (
  delivery_id bigint NOT NULL,
  number bigint NOT NULL,
  started_at_ms bigint NOT NULL,
  duration_ms bigint NOT NULL,
  http_status bigint,
  error text COLLATE "C",
  response_headers text COLLATE "C",
  response_body text COLLATE "C",
  process_id text COLLATE "C",
  CONSTRAINT attempt_pkey PRIMARY KEY (delivery_id, number)
);

CREATE TABLE audit (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C",
  actor text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  subject text COLLATE "C",
  detail text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  mac text COLLATE "C",
  seq bigint,
  link text COLLATE "C",
  CONSTRAINT audit_pkey PRIMARY KEY (id)
);

CREATE TABLE audit_chain (
  environment_id text COLLATE "C" NOT NULL,
  secret_sealed text COLLATE "C" NOT NULL,
  begun_at_ms bigint NOT NULL,
  anchor_seq bigint NOT NULL,
  anchor_link text COLLATE "C" NOT NULL,
  last_seq bigint NOT NULL,
  last_link text COLLATE "C" NOT NULL,
  mac text COLLATE "C" NOT NULL,
  CONSTRAINT audit_chain_pkey PRIMARY KEY (environment_id)
);

CREATE TABLE audit_traffic (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  actor text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  subject text COLLATE "C",
  detail text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  mac text COLLATE "C" NOT NULL,
  seq bigint,
  link text COLLATE "C",
  CONSTRAINT audit_traffic_pkey PRIMARY KEY (environment_id, id)
);

CREATE TABLE connection (
  lineage_id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  match_key text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  reference_id text COLLATE "C",
  provider_account_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  scopes text COLLATE "C" NOT NULL,
  token_version bigint NOT NULL,
  degraded_at_ms bigint,
  error_announced_at_ms bigint,
  last_webhook_update_ms bigint,
  user_created_at_ms bigint NOT NULL,
  last_ordering_ms bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  degraded_by text COLLATE "C",
  ended_by text COLLATE "C",
  account_label text COLLATE "C",
  CONSTRAINT connection_ended_by_check CHECK ((ended_by = ANY (ARRAY['disconnect'::text, 'account_moved'::text, 'absorbed'::text]))),
  CONSTRAINT connection_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'deleted'::text]))),
  CONSTRAINT connection_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT connection_pkey PRIMARY KEY (lineage_id),
  CONSTRAINT connection_environment_id_match_key_key UNIQUE (environment_id, match_key),
  CONSTRAINT connection_user_id_key UNIQUE (user_id)
);

CREATE TABLE connection_history (
  environment_id text COLLATE "C" NOT NULL,
  hour_ms bigint NOT NULL,
  provider text COLLATE "C" NOT NULL,
  state text COLLATE "C" NOT NULL,
  count bigint NOT NULL,
  CONSTRAINT connection_history_state_check CHECK ((state = ANY (ARRAY['active'::text, 'degraded'::text, 'inactive'::text, 'deleted'::text]))),
  CONSTRAINT connection_history_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT connection_history_pkey PRIMARY KEY (environment_id, hour_ms, provider, state)
);

CREATE TABLE count_cursor (
  name text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  CONSTRAINT count_cursor_name_check CHECK ((name = ANY (ARRAY['event'::text, 'delivery'::text]))),
  CONSTRAINT count_cursor_pkey PRIMARY KEY (name)
);

CREATE TABLE delivery (
  id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  event_id text COLLATE "C" NOT NULL,
  destination_id text COLLATE "C" NOT NULL,
  order_key text COLLATE "C" NOT NULL,
  is_data bigint NOT NULL,
  resend_id text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  reason text COLLATE "C",
  attempts bigint NOT NULL,
  tries bigint NOT NULL,
  due_at_ms bigint NOT NULL,
  trying_since_ms bigint,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  CONSTRAINT delivery_new_status_check CHECK ((status = ANY (ARRAY['waiting'::text, 'pending'::text, 'sending'::text, 'delivered'::text, 'failed'::text, 'suppressed'::text]))),
  CONSTRAINT delivery_pkey PRIMARY KEY (id),
  CONSTRAINT delivery_event_id_destination_id_resend_id_key UNIQUE (event_id, destination_id, resend_id)
);

CREATE TABLE delivery_count (
  destination_id text COLLATE "C" NOT NULL,
  hour_ms bigint NOT NULL,
  delivered bigint NOT NULL,
  failed bigint NOT NULL,
  lag_sum_ms bigint NOT NULL,
  lag_max_ms bigint NOT NULL,
  CONSTRAINT delivery_count_pkey PRIMARY KEY (destination_id, hour_ms)
);

CREATE TABLE delivery_uncounted (
  destination_id text COLLATE "C" NOT NULL,
  delivery_id bigint NOT NULL,
  CONSTRAINT delivery_uncounted_pkey PRIMARY KEY (destination_id, delivery_id)
);

CREATE TABLE destination (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  url text COLLATE "C" NOT NULL,
  secret_sealed text COLLATE "C" NOT NULL,
  event_types text COLLATE "C",
  wants_extensions bigint NOT NULL,
  status text COLLATE "C" NOT NULL,
  disabled_reason text COLLATE "C",
  timeout_ms bigint NOT NULL,
  created_at_ms bigint NOT NULL,
  concurrency bigint NOT NULL,
  version bigint NOT NULL,
  resumed_at_ms bigint,
  failures bigint NOT NULL,
  failing_since_ms bigint,
  warned bigint NOT NULL,
  probe_at_ms bigint,
  retry_base_ms bigint,
  retry_cap_ms bigint,
  retry_window_ms bigint,
  headers_sealed text COLLATE "C",
  deleted_at_ms bigint,
  quiet_until_ms bigint,
  last_ordering_ms bigint NOT NULL,
  state_quiet_until_ms bigint,
  state_failures bigint NOT NULL,
  state_probe_at_ms bigint,
  CONSTRAINT destination_status_check CHECK ((status = ANY (ARRAY['enabled'::text, 'disabled'::text]))),
  CONSTRAINT destination_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT destination_pkey PRIMARY KEY (id)
);

CREATE TABLE environment (
  id text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  settings text COLLATE "C" NOT NULL,
  redirect_secret_sealed text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  archived_at_ms bigint,
  CONSTRAINT environment_pkey PRIMARY KEY (id)
);

CREATE TABLE event (
  seq bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  lineage_id text COLLATE "C",
  order_key text COLLATE "C" NOT NULL,
  user_id text COLLATE "C",
  reference_id text COLLATE "C",
  provider text COLLATE "C",
  body text COLLATE "C" NOT NULL,
  ordering_ms bigint NOT NULL,
  created_at_ms bigint NOT NULL,
  fan_out bigint NOT NULL,
  trace_parent text COLLATE "C",
  CONSTRAINT event_new_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT event_pkey PRIMARY KEY (seq),
  CONSTRAINT event_id_key UNIQUE (id)
);

CREATE TABLE event_count (
  environment_id text COLLATE "C" NOT NULL,
  hour_ms bigint NOT NULL,
  type text COLLATE "C" NOT NULL,
  count bigint NOT NULL,
  CONSTRAINT event_count_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT event_count_pkey PRIMARY KEY (environment_id, hour_ms, type)
);

CREATE TABLE flow (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  widget_session_id text COLLATE "C",
  provider text COLLATE "C" NOT NULL,
  reference_id text COLLATE "C",
  reserved_user_id text COLLATE "C" NOT NULL,
  link_token_hash text COLLATE "C",
  language text COLLATE "C",
  success_url text COLLATE "C",
  failure_url text COLLATE "C",
  browser_hash text COLLATE "C",
  state_hash text COLLATE "C",
  state_expires_at_ms bigint,
  code_verifier_sealed text COLLATE "C",
  status text COLLATE "C" NOT NULL,
  deadline_ms bigint NOT NULL,
  reason text COLLATE "C",
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  continues_lineage_id text COLLATE "C",
  CONSTRAINT flow_status_check CHECK ((status = ANY (ARRAY['created'::text, 'at_provider'::text, 'exchanging'::text, 'succeeded'::text, 'failed'::text]))),
  CONSTRAINT flow_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT flow_widget_session_id_fkey FOREIGN KEY (widget_session_id) REFERENCES widget_session(id),
  CONSTRAINT flow_pkey PRIMARY KEY (id),
  CONSTRAINT flow_link_token_hash_key UNIQUE (link_token_hash),
  CONSTRAINT flow_reserved_user_id_key UNIQUE (reserved_user_id),
  CONSTRAINT flow_state_hash_key UNIQUE (state_hash)
);

CREATE TABLE held_grant (
  flow_id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  provider_account_id text COLLATE "C" NOT NULL,
  code_hash text COLLATE "C" NOT NULL,
  grant_sealed text COLLATE "C",
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  CONSTRAINT held_grant_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT held_grant_flow_id_fkey FOREIGN KEY (flow_id) REFERENCES flow(id),
  CONSTRAINT held_grant_pkey PRIMARY KEY (flow_id),
  CONSTRAINT held_grant_code_hash_key UNIQUE (code_hash)
);

CREATE TABLE idempotency (
  key_hash text COLLATE "C" NOT NULL,
  request_hash text COLLATE "C" NOT NULL,
  answer_sealed text COLLATE "C",
  claim_until_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  CONSTRAINT idempotency_pkey PRIMARY KEY (key_hash)
);

CREATE TABLE job (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  input text COLLATE "C" NOT NULL,
  actor text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  total bigint NOT NULL,
  done bigint NOT NULL,
  failed bigint NOT NULL,
  cursor text COLLATE "C" NOT NULL,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  CONSTRAINT job_kind_check CHECK ((kind = 'disconnect_users'::text)),
  CONSTRAINT job_status_check CHECK ((status = ANY (ARRAY['running'::text, 'done'::text]))),
  CONSTRAINT job_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT job_pkey PRIMARY KEY (id)
);

CREATE TABLE lineage_reference (
  environment_id text COLLATE "C" NOT NULL,
  reference_id text COLLATE "C" NOT NULL,
  lineage_id text COLLATE "C" NOT NULL,
  CONSTRAINT lineage_reference_pkey PRIMARY KEY (environment_id, reference_id, lineage_id)
);

CREATE TABLE migration (
  name text COLLATE "C" NOT NULL,
  checksum text COLLATE "C" NOT NULL,
  ran_at_ms bigint NOT NULL,
  CONSTRAINT migration_pkey PRIMARY KEY (name)
);

CREATE TABLE operator (
  id text COLLATE "C" NOT NULL,
  password_hash text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  CONSTRAINT operator_id_check CHECK ((id = 'operator'::text)),
  CONSTRAINT operator_pkey PRIMARY KEY (id)
);

CREATE TABLE operator_session (
  id text COLLATE "C" NOT NULL,
  token_hash text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  CONSTRAINT operator_session_pkey PRIMARY KEY (id),
  CONSTRAINT operator_session_token_hash_key UNIQUE (token_hash)
);

CREATE TABLE process (
  id text COLLATE "C" NOT NULL,
  beat bigint NOT NULL,
  started_at_ms bigint NOT NULL,
  beat_at_ms bigint NOT NULL,
  opens text COLLATE "C" NOT NULL,
  seals text COLLATE "C" NOT NULL,
  CONSTRAINT process_pkey PRIMARY KEY (id)
);

CREATE TABLE provider_app (
  environment_id text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  client_id text COLLATE "C" NOT NULL,
  client_secret_sealed text COLLATE "C" NOT NULL,
  notice_key_hash text COLLATE "C" NOT NULL,
  origin_overrides text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  paused_until_ms bigint,
  overrides text COLLATE "C" NOT NULL,
  secrets_sealed text COLLATE "C",
  CONSTRAINT provider_app_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT provider_app_pkey PRIMARY KEY (environment_id, provider)
);

CREATE TABLE provider_move (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  from_provider text COLLATE "C" NOT NULL,
  to_provider text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  per_minute bigint NOT NULL,
  next_at_ms bigint NOT NULL,
  actor text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  CONSTRAINT provider_move_kind_check CHECK ((kind = ANY (ARRAY['exchange'::text, 'reconnect'::text]))),
  CONSTRAINT provider_move_status_check CHECK ((status = ANY (ARRAY['running'::text, 'paused'::text, 'ended'::text]))),
  CONSTRAINT provider_move_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT provider_move_pkey PRIMARY KEY (id)
);

CREATE TABLE provider_move_user (
  move_id text COLLATE "C" NOT NULL,
  lineage_id text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  link_hash text COLLATE "C",
  link_expires_at_ms bigint,
  link_options text COLLATE "C",
  attempts bigint NOT NULL,
  due_at_ms bigint,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  detail text COLLATE "C",
  updated_at_ms bigint NOT NULL,
  CONSTRAINT provider_move_user_status_check CHECK ((status = ANY (ARRAY['to_do'::text, 'linked'::text, 'failed'::text, 'connected'::text]))),
  CONSTRAINT provider_move_user_lineage_id_fkey FOREIGN KEY (lineage_id) REFERENCES connection(lineage_id),
  CONSTRAINT provider_move_user_move_id_fkey FOREIGN KEY (move_id) REFERENCES provider_move(id),
  CONSTRAINT provider_move_user_pkey PRIMARY KEY (move_id, lineage_id)
);

CREATE TABLE provider_task (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  provider_account_id text COLLATE "C",
  type text COLLATE "C" NOT NULL,
  payload text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  attempts bigint NOT NULL,
  due_at_ms bigint NOT NULL,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  last_detail text COLLATE "C",
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  CONSTRAINT provider_task_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'done'::text, 'unfounded'::text, 'failed'::text]))),
  CONSTRAINT provider_task_type_check CHECK ((type = ANY (ARRAY['access_revoked'::text, 'scopes_changed'::text, 'unreadable'::text, 'subscribe'::text]))),
  CONSTRAINT provider_task_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT provider_task_pkey PRIMARY KEY (id)
);

CREATE TABLE pruned (
  environment_id text COLLATE "C" NOT NULL,
  destination_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  deliveries bigint NOT NULL,
  CONSTRAINT pruned_pkey PRIMARY KEY (environment_id, destination_id, type, status)
);

CREATE TABLE resend (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  filter text COLLATE "C" NOT NULL,
  status text COLLATE "C" NOT NULL,
  cursor_seq bigint NOT NULL,
  through_seq bigint NOT NULL,
  deliveries bigint NOT NULL,
  actor text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  CONSTRAINT resend_status_check CHECK ((status = ANY (ARRAY['running'::text, 'paused'::text, 'cancelled'::text, 'done'::text]))),
  CONSTRAINT resend_pkey PRIMARY KEY (id)
);

CREATE TABLE retention (
  environment_id text COLLATE "C" NOT NULL,
  cursor_seq bigint NOT NULL,
  started_at_ms bigint NOT NULL,
  removed_seq bigint NOT NULL,
  CONSTRAINT retention_pkey PRIMARY KEY (environment_id)
);

CREATE TABLE revocation (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  provider text COLLATE "C" NOT NULL,
  provider_account_id text COLLATE "C",
  lineage_id text COLLATE "C",
  token_set_sealed text COLLATE "C",
  status text COLLATE "C" NOT NULL,
  attempts bigint NOT NULL,
  due_at_ms bigint NOT NULL,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  last_detail text COLLATE "C",
  created_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  flow_id text COLLATE "C",
  calling_until_ms bigint,
  CONSTRAINT revocation_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'revoked'::text, 'unsupported'::text, 'not_needed'::text, 'failed'::text]))),
  CONSTRAINT revocation_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT revocation_pkey PRIMARY KEY (id)
);

CREATE TABLE sdk_token (
  token_hash text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  reference_id text COLLATE "C",
  expires_at_ms bigint NOT NULL,
  CONSTRAINT sdk_token_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT sdk_token_pkey PRIMARY KEY (token_hash)
);

CREATE TABLE setup_token (
  token_hash text COLLATE "C" NOT NULL,
  expires_at_ms bigint NOT NULL,
  CONSTRAINT setup_token_pkey PRIMARY KEY (token_hash)
);

CREATE TABLE signing_key (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  destination_id text COLLATE "C" NOT NULL,
  kind text COLLATE "C" NOT NULL,
  secret_sealed text COLLATE "C" NOT NULL,
  public_key text COLLATE "C",
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint,
  CONSTRAINT signing_key_kind_check CHECK ((kind = ANY (ARRAY['hmac'::text, 'ed25519'::text]))),
  CONSTRAINT signing_key_pkey PRIMARY KEY (id)
);

CREATE TABLE token_set (
  lineage_id text COLLATE "C" NOT NULL,
  sealed text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  claim_id text COLLATE "C",
  claim_until_ms bigint,
  updated_at_ms bigint NOT NULL,
  provider text COLLATE "C" NOT NULL,
  obtained_at_ms bigint NOT NULL,
  expires_at_ms bigint,
  refresh_expires_at_ms bigint,
  refresh_at_ms bigint,
  retry_at_ms bigint,
  unanswered_since_ms bigint,
  failures bigint NOT NULL,
  rejections bigint NOT NULL,
  rejected_since_ms bigint,
  last_failure text COLLATE "C",
  last_failure_at_ms bigint,
  checked_at_ms bigint,
  warned_at_ms bigint,
  limited_until_ms bigint,
  CONSTRAINT token_set_lineage_id_fkey FOREIGN KEY (lineage_id) REFERENCES connection(lineage_id),
  CONSTRAINT token_set_pkey PRIMARY KEY (lineage_id)
);

CREATE TABLE user_alias (
  user_id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  lineage_id text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  CONSTRAINT user_alias_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT user_alias_lineage_id_fkey FOREIGN KEY (lineage_id) REFERENCES connection(lineage_id),
  CONSTRAINT user_alias_pkey PRIMARY KEY (user_id)
);

CREATE TABLE widget_session (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  token_hash text COLLATE "C" NOT NULL,
  reference_id text COLLATE "C",
  providers text COLLATE "C",
  language text COLLATE "C",
  show_disconnect bigint NOT NULL,
  success_url text COLLATE "C",
  failure_url text COLLATE "C",
  browser_hash text COLLATE "C",
  used_at_ms bigint,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  account_label text COLLATE "C",
  CONSTRAINT widget_session_environment_id_fkey FOREIGN KEY (environment_id) REFERENCES environment(id),
  CONSTRAINT widget_session_pkey PRIMARY KEY (id),
  CONSTRAINT widget_session_token_hash_key UNIQUE (token_hash)
);

CREATE TABLE write_probe (
  filler text COLLATE "C" NOT NULL
);

CREATE INDEX api_key_by_environment ON api_key USING btree (environment_id, id);

CREATE UNIQUE INDEX app_subscription_by_provider ON app_subscription USING btree (environment_id, provider) WHERE (app_sealed IS NULL);

CREATE INDEX app_subscription_due ON app_subscription USING btree (due_at_ms);

CREATE INDEX audit_by_environment ON audit USING btree (environment_id, id);

CREATE INDEX audit_by_seq ON audit USING btree (environment_id, seq);

CREATE INDEX audit_by_time ON audit USING btree (created_at_ms);

CREATE INDEX audit_unlinked ON audit USING btree (environment_id, id) WHERE ((seq IS NULL) AND (mac IS NOT NULL));

CREATE INDEX audit_traffic_by_seq ON audit_traffic USING btree (environment_id, seq) WHERE (seq IS NOT NULL);

CREATE INDEX audit_traffic_by_subject ON audit_traffic USING btree (environment_id, subject, id);

CREATE INDEX audit_traffic_unlinked ON audit_traffic USING btree (environment_id, id) WHERE (seq IS NULL);

CREATE INDEX connection_by_account ON connection USING btree (environment_id, provider, provider_account_id);

CREATE INDEX connection_by_reference ON connection USING btree (environment_id, reference_id);

CREATE INDEX connection_by_state ON connection USING btree (environment_id, provider, status, degraded_at_ms);

CREATE INDEX connection_by_user ON connection USING btree (environment_id, user_id);

CREATE INDEX delivery_by_destination ON delivery USING btree (destination_id, id);

CREATE INDEX delivery_by_resend ON delivery USING btree (resend_id, id) WHERE (resend_id <> ''::text);

CREATE INDEX delivery_due ON delivery USING btree (destination_id, is_data, due_at_ms, id) WHERE (status = 'pending'::text);

CREATE INDEX delivery_failed ON delivery USING btree (destination_id, id) WHERE (status = 'failed'::text);

CREATE INDEX delivery_lane ON delivery USING btree ((((destination_id || '/'::text) || order_key)), is_data, id) WHERE (ended_at_ms IS NULL);

CREATE INDEX delivery_owed ON delivery USING btree (destination_id, id) WHERE ((ended_at_ms IS NULL) AND (tries >= 0));

CREATE INDEX delivery_resend_owed ON delivery USING btree (resend_id, id) WHERE ((resend_id <> ''::text) AND (ended_at_ms IS NULL));

CREATE INDEX delivery_sending ON delivery USING btree (claim_until_ms) WHERE (status = 'sending'::text);

CREATE INDEX delivery_suppressed ON delivery USING btree (destination_id, id) WHERE (status = 'suppressed'::text);

CREATE INDEX destination_by_environment ON destination USING btree (environment_id);

CREATE INDEX destination_failing ON destination USING btree (failing_since_ms) WHERE (failing_since_ms IS NOT NULL);

CREATE INDEX event_by_environment ON event USING btree (environment_id, seq);

CREATE INDEX event_by_lineage ON event USING btree (lineage_id, seq);

CREATE INDEX event_by_provider ON event USING btree (environment_id, provider, seq);

CREATE INDEX event_by_type ON event USING btree (environment_id, type, seq);

CREATE INDEX event_of_connection ON event USING btree (lineage_id, seq) WHERE (type <> ALL (ARRAY['activity'::text, 'athlete'::text, 'body'::text, 'daily'::text, 'hormone'::text, 'menstruation'::text, 'nutrition'::text, 'planned_workout'::text, 'sleep'::text]));

CREATE INDEX event_without_lineage_by_reference ON event USING btree (environment_id, reference_id, seq) WHERE ((lineage_id IS NULL) AND (reference_id IS NOT NULL));

CREATE INDEX event_without_lineage_by_user ON event USING btree (environment_id, user_id, seq) WHERE ((lineage_id IS NULL) AND (user_id IS NOT NULL));

CREATE INDEX flow_by_reference ON flow USING btree (environment_id, reference_id) WHERE (reference_id IS NOT NULL);

CREATE INDEX flow_by_session ON flow USING btree (widget_session_id);

CREATE INDEX flow_ended ON flow USING btree (environment_id, ended_at_ms) WHERE (ended_at_ms IS NOT NULL);

CREATE INDEX flow_open_by_deadline ON flow USING btree (deadline_ms) WHERE (ended_at_ms IS NULL);

CREATE INDEX held_grant_by_account ON held_grant USING btree (environment_id, provider, provider_account_id) WHERE (grant_sealed IS NOT NULL);

CREATE INDEX held_grant_open ON held_grant USING btree (environment_id, flow_id) WHERE (grant_sealed IS NOT NULL);

CREATE INDEX idempotency_by_expiry ON idempotency USING btree (expires_at_ms);

CREATE INDEX job_by_environment ON job USING btree (environment_id, id);

CREATE INDEX job_ended ON job USING btree (ended_at_ms) WHERE (ended_at_ms IS NOT NULL);

CREATE INDEX job_running ON job USING btree (id) WHERE (status = 'running'::text);

CREATE INDEX operator_session_by_expiry ON operator_session USING btree (expires_at_ms);

CREATE INDEX provider_app_by_client ON provider_app USING btree (provider, client_id);

CREATE UNIQUE INDEX provider_move_open ON provider_move USING btree (environment_id, from_provider) WHERE (status <> 'ended'::text);

CREATE INDEX provider_move_user_by_lineage ON provider_move_user USING btree (lineage_id);

CREATE UNIQUE INDEX provider_move_user_by_link ON provider_move_user USING btree (link_hash) WHERE (link_hash IS NOT NULL);

CREATE INDEX provider_move_user_due ON provider_move_user USING btree (move_id, due_at_ms) WHERE (due_at_ms IS NOT NULL);

CREATE INDEX provider_task_by_environment ON provider_task USING btree (environment_id, id);

CREATE INDEX provider_task_due ON provider_task USING btree (due_at_ms) WHERE (status = 'pending'::text);

CREATE INDEX provider_task_ended ON provider_task USING btree (ended_at_ms) WHERE (ended_at_ms IS NOT NULL);

CREATE INDEX resend_by_environment ON resend USING btree (environment_id, id);

CREATE INDEX resend_ended ON resend USING btree (ended_at_ms) WHERE (ended_at_ms IS NOT NULL);

CREATE INDEX resend_running ON resend USING btree (id) WHERE (status = 'running'::text);

CREATE INDEX revocation_by_account ON revocation USING btree (environment_id, provider, provider_account_id) WHERE (status = 'pending'::text);

CREATE INDEX revocation_by_environment ON revocation USING btree (environment_id, id);

CREATE INDEX revocation_by_lineage ON revocation USING btree (environment_id, lineage_id, id);

CREATE INDEX revocation_due ON revocation USING btree (due_at_ms) WHERE (status = 'pending'::text);

CREATE INDEX revocation_ended ON revocation USING btree (ended_at_ms) WHERE (ended_at_ms IS NOT NULL);

CREATE INDEX sdk_token_by_expiry ON sdk_token USING btree (expires_at_ms);

CREATE INDEX signing_key_by_destination ON signing_key USING btree (destination_id, id);

CREATE INDEX signing_key_by_environment ON signing_key USING btree (environment_id, id);

CREATE INDEX token_set_due ON token_set USING btree (refresh_at_ms, provider) WHERE (refresh_at_ms IS NOT NULL);

CREATE INDEX token_set_due_of_provider ON token_set USING btree (provider, refresh_at_ms) WHERE (refresh_at_ms IS NOT NULL);

CREATE INDEX user_alias_by_lineage ON user_alias USING btree (lineage_id);

CREATE INDEX widget_session_by_expiry ON widget_session USING btree (environment_id, expires_at_ms);

CREATE INDEX widget_session_by_reference ON widget_session USING btree (environment_id, reference_id) WHERE (reference_id IS NOT NULL);
