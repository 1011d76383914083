/** The tables as Kysely sees them; `migrations/` has their meaning, column by column. */
import type { Generated, Kysely, Transaction } from 'kysely'
import type { Degradation, Disconnection } from '../core/connection.ts'
import type { StoredStatus } from '../core/delivery.ts'
import type { FlowStatus } from '../core/flow.ts'
import type { AuditSchema } from './schema-audit.ts'
import type { CountSchema } from './schema-counts.ts'
import type { ProviderWorkSchema } from './schema-provider-work.ts'
import type { MoveKind, MoveUserStatus } from '../core/provider-move.ts'

export interface Schema extends AuditSchema, CountSchema, ProviderWorkSchema {
  environment: {
    id: string
    name: string
    settings: string
    redirect_secret_sealed: string
    created_at_ms: number
    archived_at_ms: number | null
  }
  job: {
    id: string
    environment_id: string
    kind: 'disconnect_users'
    input: string
    actor: string
    status: 'running' | 'done'
    total: number
    done: number
    failed: number
    cursor: string
    claim_id: string | null
    claim_until_ms: number | null
    created_at_ms: number
    ended_at_ms: number | null
  }
  api_key: {
    id: string
    environment_id: string | null
    key_hash: string
    hint: string
    name: string
    scopes: string
    created_at_ms: number
    expires_at_ms: number | null
    revoked_at_ms: number | null
    last_used_at_ms: number | null
  }
  idempotency: {
    key_hash: string
    request_hash: string
    answer_sealed: string | null
    claim_until_ms: number
    expires_at_ms: number
  }
  operator: {
    id: string
    password_hash: string
    created_at_ms: number
  }
  sdk_token: {
    token_hash: string
    environment_id: string
    reference_id: string | null
    expires_at_ms: number
  }
  setup_token: {
    token_hash: string
    expires_at_ms: number
  }
  operator_session: {
    id: string
    token_hash: string
    created_at_ms: number
    expires_at_ms: number
  }
  provider_app: {
    environment_id: string
    provider: string
    client_id: string
    client_secret_sealed: string
    notice_key_hash: string
    origin_overrides: string
    created_at_ms: number
    paused_until_ms: number | null
    overrides: string
    secrets_sealed: string | null
  }
  widget_session: {
    id: string
    environment_id: string
    token_hash: string
    reference_id: string | null
    account_label: string | null
    providers: string | null
    language: string | null
    show_disconnect: number
    success_url: string | null
    failure_url: string | null
    browser_hash: string | null
    used_at_ms: number | null
    created_at_ms: number
    expires_at_ms: number
  }
  flow: {
    id: string
    environment_id: string
    widget_session_id: string | null
    provider: string
    reference_id: string | null
    reserved_user_id: string
    link_token_hash: string | null
    language: string | null
    success_url: string | null
    failure_url: string | null
    browser_hash: string | null
    state_hash: string | null
    state_expires_at_ms: number | null
    code_verifier_sealed: string | null
    status: FlowStatus
    deadline_ms: number
    reason: string | null
    created_at_ms: number
    ended_at_ms: number | null
    continues_lineage_id: string | null
  }
  held_grant: {
    flow_id: string
    environment_id: string
    provider: string
    provider_account_id: string
    code_hash: string
    grant_sealed: string | null
    created_at_ms: number
    expires_at_ms: number
  }
  connection: {
    lineage_id: string
    environment_id: string
    match_key: string
    provider: string
    reference_id: string | null
    provider_account_id: string
    account_label: string | null
    user_id: string
    status: 'active' | 'inactive' | 'deleted'
    scopes: string
    token_version: number
    degraded_at_ms: number | null
    degraded_by: Degradation | null
    error_announced_at_ms: number | null
    last_webhook_update_ms: number | null
    user_created_at_ms: number
    last_ordering_ms: number
    updated_at_ms: number
    ended_by: Disconnection | null
  }
  lineage_reference: {
    environment_id: string
    reference_id: string
    lineage_id: string
  }
  user_alias: {
    user_id: string
    environment_id: string
    lineage_id: string
    created_at_ms: number
  }
  token_set: {
    lineage_id: string
    sealed: string
    version: number
    claim_id: string | null
    claim_until_ms: number | null
    updated_at_ms: number
    provider: string
    obtained_at_ms: number
    expires_at_ms: number | null
    refresh_expires_at_ms: number | null
    refresh_at_ms: number | null
    retry_at_ms: number | null
    unanswered_since_ms: number | null
    failures: number
    rejections: number
    rejected_since_ms: number | null
    last_failure: string | null
    last_failure_at_ms: number | null
    checked_at_ms: number | null
    warned_at_ms: number | null
    limited_until_ms: number | null
  }
  destination: {
    id: string
    environment_id: string
    url: string
    secret_sealed: string
    event_types: string | null
    wants_extensions: number
    status: 'enabled' | 'disabled'
    disabled_reason: string | null
    timeout_ms: number
    created_at_ms: number
    concurrency: Generated<number>
    version: Generated<number>
    resumed_at_ms: number | null
    failures: Generated<number>
    failing_since_ms: number | null
    warned: Generated<number>
    probe_at_ms: number | null
    state_failures: Generated<number>
    state_probe_at_ms: number | null
    quiet_until_ms: number | null
    state_quiet_until_ms: number | null
    last_ordering_ms: Generated<number>
    retry_base_ms: number | null
    retry_cap_ms: number | null
    retry_window_ms: number | null
    headers_sealed: string | null
    deleted_at_ms: number | null
  }
  signing_key: {
    id: string
    environment_id: string
    destination_id: string
    kind: 'hmac' | 'ed25519'
    secret_sealed: string
    public_key: string | null
    created_at_ms: number
    expires_at_ms: number | null
  }
  resend: {
    id: string
    environment_id: string
    filter: string
    status: 'running' | 'paused' | 'cancelled' | 'done'
    cursor_seq: number
    through_seq: number
    deliveries: number
    actor: string
    created_at_ms: number
    ended_at_ms: number | null
  }
  pruned: {
    environment_id: string
    destination_id: string
    type: string
    status: string
    deliveries: number
  }
  retention: {
    environment_id: string
    cursor_seq: number
    started_at_ms: number
    removed_seq: Generated<number>
  }
  event: {
    seq: Generated<number>
    id: string
    environment_id: string
    type: string
    lineage_id: string | null
    order_key: string
    user_id: string | null
    reference_id: string | null
    provider: string | null
    body: string
    ordering_ms: number
    created_at_ms: number
    fan_out: number
    trace_parent: string | null
  }
  process: {
    id: string
    beat: number
    started_at_ms: number
    beat_at_ms: number
    opens: string
    seals: string
  }
  delivery: {
    id: Generated<number>
    event_id: string
    destination_id: string
    order_key: string
    is_data: number
    resend_id: string
    status: StoredStatus
    reason: string | null
    attempts: number
    tries: number
    due_at_ms: number
    trying_since_ms: number | null
    claim_id: string | null
    claim_until_ms: number | null
    created_at_ms: number
    ended_at_ms: number | null
  }
  attempt: {
    delivery_id: number
    number: number
    started_at_ms: number
    duration_ms: number
    http_status: number | null
    error: string | null
    response_headers: string | null
    response_body: string | null
    process_id: string | null
  }
  revocation: {
    id: string
    environment_id: string
    provider: string
    provider_account_id: string | null
    lineage_id: string | null
    flow_id: string | null
    token_set_sealed: string | null
    status: 'pending' | 'revoked' | 'unsupported' | 'not_needed' | 'failed'
    attempts: number
    due_at_ms: number
    claim_id: string | null
    claim_until_ms: number | null
    calling_until_ms: number | null
    last_detail: string | null
    created_at_ms: number
    ended_at_ms: number | null
  }
  connection_history: {
    environment_id: string
    hour_ms: number
    provider: string
    state: 'active' | 'degraded' | 'inactive' | 'deleted'
    count: number
  }
  provider_move: {
    id: string
    environment_id: string
    from_provider: string
    to_provider: string
    kind: MoveKind
    status: 'running' | 'paused' | 'ended'
    per_minute: number
    next_at_ms: number
    actor: string
    created_at_ms: number
    ended_at_ms: number | null
  }
  provider_move_user: {
    move_id: string
    lineage_id: string
    status: MoveUserStatus
    link_hash: string | null
    link_expires_at_ms: number | null
    link_options: string | null
    attempts: number
    due_at_ms: number | null
    claim_id: string | null
    claim_until_ms: number | null
    detail: string | null
    updated_at_ms: number
  }
  account_lock: {
    environment_id: string
    provider: string
    provider_account_id: string
    touched_at_ms: number
  }
  write_probe: {
    filler: string
  }
}

/** The database, or one transaction on it: table functions work on both. */
export type Db = Kysely<Schema> | Transaction<Schema>
