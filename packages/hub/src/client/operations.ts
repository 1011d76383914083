// Made from docs/openapi.json by scripts/client-types.ts; see CONTRIBUTING.md. Do not edit.

/** What has a name in the API's description. */
export interface Schemas {
  Problem: { type: "about:blank"; title: string; instance: string; detail: string; code: string; status: "error"; message: string }
  User: { scopes: string; active: boolean; last_webhook_update: string | null; created_at: string; user_id: string; reference_id: string | null; provider: string }
  UserExplanation: { user_id: string; present_user_id: string; lineage_id: string | null; provider: string; reference_id: string | null; status: "reserved" | "unconfirmed" | "active" | "degraded" | "revoked" | "disconnected"; since: string; code: "nothing" | "reconnect_if_it_lasts" | "connect_again" | "grant_permissions" | "confirm" | "wait" | "correct_credentials"; why: string; todo: string; scopes: (string)[]; tokens: { version: number; obtained_at: string; access_token_expires_at: string | null; refresh_token_expires_at: string | null; next_refresh_at: string | null; retry_not_before: string | null; failures: number; last_failure: string | null; last_failure_at: string | null; checked_at: string | null; limited_until: string | null } | null; events: ({ id: string; type: string; created_at: string })[]; revocations: (Schemas['Revocation'])[] }
  Revocation: { id: string; provider: string; provider_account_id: string | null; lineage_id: string | null; flow_id: string | null; status: "pending" | "revoked" | "unsupported" | "not_needed" | "failed"; attempts: number; next_attempt_at: string | null; detail: string | null; created_at: string; ended_at: string | null }
  Integration: { provider: string; name: string; icon: string; setup: "oauth" | "sdk"; enabled: boolean; types: { activity: boolean; body: boolean; daily: boolean; sleep: boolean; nutrition: boolean; menstruation: boolean } }
  Delivery: { id: number; destination_id: string; status: "pending" | "held" | "delivered" | "failed" | "suppressed"; reason: string | null; attempts: number; next_attempt_at: string | null; ended_at: string | null; event_id: string; resend_id: string | null; type: string; user_id: string | null; reference_id: string | null; provider: string | null; created_at: string }
  Destination: { id: string; url: string; event_types: (string)[] | null; wants_extensions: boolean; declared: boolean; declared_settings: (string)[]; status: "enabled" | "disabled"; disabled_reason: string | null; timeout_ms: number; concurrency: number; retries: { base_seconds: number; cap_seconds: number; window_hours: number } | null; header_names: (string)[]; keys: ({ id: string; kind: "hmac" | "ed25519"; public_key: string | null; expires_at: string | null })[]; created_at: string }
  Resend: { id: string; status: "running" | "paused" | "cancelled" | "done"; filter: Record<string, unknown>; deliveries: number; progress: number; actor: string; created_at: string; ended_at: string | null }
  Environment: { dev_id: string; name: string; settings: Schemas['EnvironmentSettings']; declared: (string)[]; created_at: string; archived_at: string | null }
  EnvironmentSettings: { match_policy: "reference" | "account_and_reference" | "account"; failed_auth_shape: "auth_cancelled" | "legacy"; is_production: boolean; token_access: "off" | "allowed"; retention_days: number; connect: Schemas['ConnectSettings']; redirects: Schemas['Redirects']; brand: { accent: string | null; logo: string | null; purpose: string | null } }
  ConnectSettings: { confirmation: "off" | "required"; account_policy: "allow" | "reject" | "move" }
  Redirects: { allow_list: (string)[] | null; schemes: (string)[] }
  ApiKey: { id: string; dev_id: string | null; name: string; hint: string; scopes: ("connect" | "read" | "write" | "operator")[]; created_at: string; expires_at: string | null; revoked_at: string | null; last_used_at: string | null }
  Provider: { provider: string; name: string; enabled: boolean; declared: boolean; client_id: string | null; redirect_uri: string; is_simulated: boolean; operator_gives: (string)[]; variants: (string)[]; secrets: Record<string, string>; note: string | null; retires_on: string | null; successor: string | null; confidence: "verified" | "documented" | "third_party" | "unverified" | null; subscriptions: Schemas['AppSubscriptions'] }
  AppSubscriptions: { status: "pending" | "active" | "failing" | "removing"; wanted: number; active: number; ends_at: string | null; attempts: number; next_at: string; checked_at: string | null; detail: string | null } | null
  ProviderDetail: (Schemas['Provider']) & ({ facts: ({ about: (string)[]; confidence: string; source?: string | undefined; note?: string | undefined })[]; scopes: { asked: (string)[]; required: (string)[] } })
  DeclaredRedirects: (Schemas['Redirects']) & ({ declared: (string)[] })
  AdminUser: { user_id: string; lineage_id: string | null; provider: string; reference_id: string | null; account_label: string | null; state: "unconfirmed" | "active" | "degraded" | "inactive" | "deleted"; scopes: (string)[]; created_at: string; last_webhook_update: string | null; degraded_at: string | null }
  Job: { id: string; kind: "disconnect_users"; status: "running" | "done"; total: number; done: number; failed: number; created_at: string; ended_at: string | null } | null
  ProviderMove: { id: string; from: string; to: string; kind: "exchange" | "reconnect"; status: "running" | "paused" | "ended"; per_minute: number; progress: { total: number; to_do: number; linked: number; failed: number; connected: number; gone: number }; actor: string; created_at: string; ended_at: string | null }
  ProviderMovePlan: { from: string; to: string; kind: "exchange" | "reconnect"; total: number; with_reference_id: number; connected_already: number; obstacles: (string)[] }
  ProviderMoveUser: { lineage_id: string; user_id: string; reference_id: string | null; state: "to_do" | "linked" | "failed" | "connected" | "gone"; attempts: number; next_attempt_at: string | null; link_expires_at: string | null; detail: string | null; updated_at: string }
  AuditEntry: { id: string; actor: string; action: string; subject: string | null; detail: Record<string, unknown>; created_at: string }
  AuditChain: { dev_id: string | null; log: "changes" | "traffic"; intact: boolean; begun_at: string | null; verified: number; unlinked: number; unprotected: number; pruned: number; head: { seq: number; link: string } | null; finding: { kind: "changed" | "missing" | "inserted" | "broken"; audit_id: string | null; seq: number | null } | null }
  Stats: { since: string; bucket_seconds: number; connections: ({ provider: string; state: "active" | "degraded" | "inactive" | "deleted"; count: number })[]; connections_over_time: ({ start: string; provider: string; state: "active" | "degraded" | "inactive" | "deleted"; count: number })[]; events: ({ start: string; type: string; count: number })[]; events_counted_until: string | null; destinations: ({ destination_id: string; url: string; status: "enabled" | "disabled"; delivered: number; failed: number; open: number; success_rate: number | null; lag_mean_ms: number | null; lag_max_ms: number | null; oldest_open_at: string | null; quiet_until: string | null; connections_quiet_until: string | null; over_time: ({ start: string; delivered: number; failed: number; lag_mean_ms: number | null; lag_max_ms: number | null })[]; counted_until: string | null })[]; attention: ({ kind: "destination_disabled" | "destination_failing" | "connections_degraded" | "revocations_failed" | "no_destination" | "no_provider"; subject: string | null; count: number; message: string })[] }
  Session: { csrf_token: string; expires_at: string }
}

/** Every operation, by method and path. */
export interface Operations {
  /** Make a link to the connect page for one end user. */
  'POST /v2/auth/generateWidgetSession': {
    body?: { reference_id?: string | null | undefined; language?: string | null | undefined; auth_success_redirect_url?: string | null | undefined; auth_failure_redirect_url?: string | null | undefined; providers?: string | (string)[] | null | undefined; show_disconnect?: boolean | null | undefined; account_label?: string | null | undefined }
    answer: { status: "success"; session_id: string; url: string; expires_in: number }
  }
  /** Reserve a user_id and make a link that leads straight to one provider. */
  'POST /v2/auth/authenticateUser': {
    query?: { resource?: string | undefined }
    body?: { reference_id?: string | null | undefined; language?: string | null | undefined; auth_success_redirect_url?: string | null | undefined; auth_failure_redirect_url?: string | null | undefined; resource?: string | null | undefined; provider?: string | null | undefined }
    answer: { status: "success"; user_id: string; auth_url: string; expires_in: number }
  }
  /** Confirm, for the person who is logged in to the app, that it was them who connected. */
  'POST /v2/auth/confirmConnection': {
    body: { confirm_code: string; reference_id: string }
    answer: { status: "success"; user: Schemas['User']; account_label: string | null }
  }
  /** Make a token that connects one device through a mobile SDK. */
  'POST /v2/auth/generateAuthToken': {
    answer: { status: "success"; token: string; expires_in: number }
  }
  /** Make a token that connects one device, of the person that reference_id names. */
  'POST /v2/auth/tokens': {
    query?: { reference_id?: string | undefined }
    answer: { status: "success"; token: string; expires_in: number }
  }
  /** Connect a device with a token, as a mobile SDK does; needs the dev-id header and no key. */
  'POST /v2/auth/redeemToken': {
    body: { token: string; resource: string; device_id: string; reference_id?: string | null | undefined; scopes?: string | null | undefined }
    answer: { status: "success"; user_id: string; reference_id: string | null; resource: string; was_connected: boolean }
  }
  /** Disconnect a user and revoke the access at the provider. */
  'DELETE /v2/auth/deauthenticateUser': {
    query: { user_id: string }
    answer: { status: "success" }
  }
  /** Disconnect a user and revoke the access at the provider. */
  'POST /v2/auth/deauthenticateUser': {
    query: { user_id: string }
    answer: { status: "success" }
  }
  /** One user by user_id, or all users of an end user by reference_id. */
  'GET /v2/userInfo': {
    query?: { user_id?: string | undefined; reference_id?: string | undefined }
    answer: { status: "success"; is_authenticated: boolean; user: (Schemas['User']) & ({ last_polled_at: string | null; most_recent_data_at: string | null }) } | (Schemas['User'])[]
  }
  /** All users of the environment, whole or in pages. */
  'GET /v2/subscriptions': {
    query?: { page?: number | undefined; per_page?: number | undefined; reference_id?: string | undefined }
    answer: { status: "success"; users: (Schemas['User'])[] } | { status: "success"; data: { next: number | null; max_page: number; results: (Schemas['User'])[] } }
  }
  /** The users with these ids; unknown ones are left out. */
  'POST /v2/bulkUserInfo': {
    body?: (string)[]
    answer: (Schemas['User'])[]
  }
  /** Give a user another reference_id. */
  'PATCH /v2/users/{user_id}': {
    path: { user_id: string }
    body?: { reference_id?: string | null | undefined; active?: boolean | null | undefined }
    answer: { status: "success"; user: Schemas['User'] }
  }
  /** A fresh access token of a user, where the environment allows apps to read them. */
  'GET /v2/users/{user_id}/token': {
    path: { user_id: string }
    answer: { status: "success"; user_id: string; provider: string; access_token: string; token_type: string; expires_at: string | null }
  }
  /** Why a connection is in its state, what happened last, what comes next, what to do. */
  'GET /admin/v1/users/{user_id}/explain': {
    path: { user_id: string }
    answer: Schemas['UserExplanation']
  }
  /** Grants that are given back to providers, newest first. */
  'GET /admin/v1/revocations': {
    query?: { limit?: number | undefined; after?: string | undefined; status?: "pending" | "revoked" | "unsupported" | "not_needed" | "failed" | undefined }
    answer: { data: (Schemas['Revocation'])[]; next: string | null }
  }
  /** Which encryption key has sealed how many values: how far a rotation is. */
  'GET /admin/v1/encryption': {
    answer: { primary_key: string; keys: ({ id: string; values: number; removable: boolean })[]; unknown_values: number; next_key: { id: string; processes_without: number } | null }
  }
  /** Make a new encryption key, and let everything be sealed anew with it. */
  'POST /admin/v1/encryption/rotate': {
    answer: { primary_key: string; keys: ({ id: string; values: number; removable: boolean })[]; unknown_values: number; next_key: { id: string; processes_without: number } | null }
  }
  /** Names of all providers that Firma can connect to. */
  'GET /v2/integrations': {
    answer: { status: "success"; providers: (string)[]; sdk_providers: (string)[]; sdk_resource: (string)[] }
  }
  /** Providers with their names; with a dev-id header only those that the environment has. */
  'GET /v2/integrations/detailed': {
    query?: { sdk?: "true" | "false" | undefined }
    answer: { status: "success"; providers: (Schemas['Integration'])[] }
  }
  /** The payload history, newest first. */
  'GET /admin/v1/events': {
    query?: { user_id?: string | undefined; reference_id?: string | undefined; lineage_id?: string | undefined; provider?: string | undefined; type?: string | undefined; destination_id?: string | undefined; outcome?: "owed" | "delivered" | "failed" | "suppressed" | undefined; since?: string | undefined; until?: string | undefined; after?: string | undefined; limit?: number | undefined }
    answer: { data: ({ id: string; type: string; user_id: string | null; reference_id: string | null; provider: string | null; lineage_id: string | null; generated: boolean; created_at: string; ordering_timestamp: number; payload?: unknown | undefined; deliveries: ({ id: number; destination_id: string; status: "pending" | "held" | "delivered" | "failed" | "suppressed"; reason: string | null; attempts: number; next_attempt_at: string | null; ended_at: string | null })[] })[]; next: string | null }
  }
  /** What providers said by themselves, and what became of it; newest first, 14 days. */
  'GET /admin/v1/notices': {
    query?: { after?: string | undefined; limit?: number | undefined }
    answer: { data: ({ id: string; provider: string; provider_account_id: string | null; type: "access_revoked" | "scopes_changed" | "unreadable" | "subscribe"; status: "pending" | "done" | "unfounded" | "failed"; signed: boolean; attempts: number; detail: string | null; body: string | null; received_at: string; ended_at: string | null })[]; next: string | null }
  }
  /** Announce data of a user as if its provider had sent it, or an example of any event or story. */
  'POST /admin/v1/events/generate': {
    body?: { type?: "auth" | "auth_cancelled" | "auth_error" | "deauth" | "user_reauth" | "access_revoked" | "connection_error" | "connection_recovered" | "expiry_warning" | "permission_change" | "destination_failing" | "destination_disabled" | "destination_recovered" | "google_no_datasource" | "activity" | "body" | "daily" | "hormone" | "menstruation" | "nutrition" | "planned_workout" | "sleep" | "athlete" | "large_request_processing" | "large_request_sending" | "rate_limit_hit" | "healthcheck" | "unknown_type" | "connect" | "data-ahead-of-auth" | "cancelled" | "cancelled-legacy" | "reconnect" | "reconnect-unnamed" | "reconnect-twice" | "late-news" | "disconnected" | "disconnected-then-connected" | "revoked" | "degraded" | "recovered" | "permissions" | "large-request" | undefined; example?: "auth" | "auth_cancelled" | "auth_error" | "deauth" | "user_reauth" | "access_revoked" | "connection_error" | "connection_recovered" | "expiry_warning" | "permission_change" | "destination_failing" | "destination_disabled" | "destination_recovered" | "google_no_datasource" | "activity" | "body" | "daily" | "hormone" | "menstruation" | "nutrition" | "planned_workout" | "sleep" | "athlete" | "large_request_processing" | "large_request_sending" | "rate_limit_hit" | "healthcheck" | "unknown_type" | "connect" | "data-ahead-of-auth" | "cancelled" | "cancelled-legacy" | "reconnect" | "reconnect-unnamed" | "reconnect-twice" | "late-news" | "disconnected" | "disconnected-then-connected" | "revoked" | "degraded" | "recovered" | "permissions" | "large-request" | undefined; user_id?: string | undefined; new_user_id?: string | undefined; reference_id?: string | undefined; provider?: string | undefined; data?: unknown | undefined; destination_id?: string | undefined; preview?: boolean | undefined }
    answer: { status: "success"; event_id: string | null; events?: ({ id: string | null; type: string; body: string })[] | undefined }
  }
  /** Names of the events and stories that can be generated. */
  'GET /admin/v1/events/examples': {
    answer: { data: ({ name: string; kind: "event" | "story" })[] }
  }
  /** Events in the order of commits, with the bytes and headers of a delivery. */
  'GET /admin/v1/events/pull': {
    query?: { after?: string | undefined; limit?: number | undefined; destination_id?: string | undefined }
    answer: { data: ({ id: string; type: string; created_at: string; headers: Record<string, string>; body: string })[]; next: string; has_more: boolean }
  }
  /** One event with every attempt at delivering it. */
  'GET /admin/v1/events/{event_id}': {
    path: { event_id: string }
    answer: { id: string; type: string; user_id: string | null; reference_id: string | null; provider: string | null; lineage_id: string | null; generated: boolean; created_at: string; ordering_timestamp: number; payload?: unknown | undefined; deliveries: ({ id: number; destination_id: string; status: "pending" | "held" | "delivered" | "failed" | "suppressed"; reason: string | null; attempts: number; next_attempt_at: string | null; ended_at: string | null })[]; attempts: Record<string, ({ number: number; started_at: string; duration_ms: number; http_status: number | null; error: string | null; response_headers: Record<string, unknown> | null; response_body: string | null; process: string | null })[]> }
  }
  /** Deliveries, newest first: what each destination was owed, and what became of it. */
  'GET /admin/v1/deliveries': {
    query?: { limit?: number | undefined; after?: string | undefined; destination_id?: string | undefined; event_id?: string | undefined; resend_id?: string | undefined; status?: "owed" | "pending" | "held" | "delivered" | "failed" | "suppressed" | undefined }
    answer: { data: (Schemas['Delivery'])[]; next: string | null }
  }
  /** Where events go, oldest first. */
  'GET /admin/v1/destinations': {
    query?: { limit?: number | undefined; after?: string | undefined }
    answer: { data: (Schemas['Destination'])[]; next: string | null }
  }
  /** Add a destination; its signing secret is shown this once. */
  'POST /admin/v1/destinations': {
    body: { url: string; event_types?: (string)[] | null | undefined; wants_extensions?: boolean | undefined; timeout_ms?: number | undefined; concurrency?: number | undefined; retries?: { base_seconds: number; cap_seconds: number; window_hours: number } | null | undefined; headers?: Record<string, string> | null | undefined }
    answer: (Schemas['Destination']) & ({ secret: string })
  }
  /** A destination, how it is doing, and what it is owed; the version of its settings is in the ETag header. */
  'GET /admin/v1/destinations/{destination_id}': {
    path: { destination_id: string }
    answer: (Schemas['Destination']) & ({ health: { breaker: "closed" | "open"; failing_since: string | null; failures: number; next_probe_at: string | null; connections_next_probe_at: string | null; quiet_until: string | null; connections_quiet_until: string | null; owed: number; oldest_owed_at: string | null; recent: { delivered: number; failed: number; attempts: number } } })
  }
  /** Change a destination; what is left out stays as it is; with If-Match only if nobody else was faster. */
  'PATCH /admin/v1/destinations/{destination_id}': {
    path: { destination_id: string }
    body?: { url?: string | undefined; event_types?: (string)[] | null | undefined; wants_extensions?: boolean | undefined; timeout_ms?: number | undefined; concurrency?: number | undefined; retries?: { base_seconds: number; cap_seconds: number; window_hours: number } | null | undefined; headers?: Record<string, string> | null | undefined }
    answer: Schemas['Destination']
  }
  /** Delete a destination; what it is owed is recorded as suppressed. */
  'DELETE /admin/v1/destinations/{destination_id}': {
    path: { destination_id: string }
    answer: { status: "success" }
  }
  /** Enable a destination; what was held is sent in order. */
  'POST /admin/v1/destinations/{destination_id}/enable': {
    path: { destination_id: string }
    answer: Schemas['Destination']
  }
  /** Disable a destination; what it is owed is held. */
  'POST /admin/v1/destinations/{destination_id}/disable': {
    path: { destination_id: string }
    body?: { reason?: string | undefined }
    answer: Schemas['Destination']
  }
  /** Replace the signing secret, or give an Ed25519 key; both sign until the grace is over. */
  'POST /admin/v1/destinations/{destination_id}/secrets': {
    path: { destination_id: string }
    body?: { kind?: "hmac" | "ed25519" | undefined; grace_hours?: number | undefined }
    answer: { secret?: string | undefined; public_key?: string | undefined; key_id?: string | undefined }
  }
  /** Send a signed `healthcheck` to a destination, also a disabled one, and say what it answered. */
  'POST /admin/v1/destinations/{destination_id}/test': {
    path: { destination_id: string }
    answer: { number: number; started_at: string; duration_ms: number; http_status: number | null; error: string | null; response_headers: Record<string, unknown> | null; response_body: string | null; process: string | null }
  }
  /** The Ed25519 keys that sign the events of an environment, as a JWKS (RFC 7517). */
  'GET /.well-known/jwks/{dev_id}': {
    path: { dev_id: string }
    answer: { keys: ({ kty: "OKP"; crv: "Ed25519"; use: "sig"; alg: "EdDSA"; kid: string; x: string })[] }
  }
  /** What became of every event at every destination, and what cannot be right. */
  'GET /admin/v1/ledger': {
    answer: { balanced: boolean; checked_at: string; events: number; deliveries: number; totals: { delivered: number; pending: number; held: number; failed: number; suppressed: number }; pruned: { delivered: number; pending: number; held: number; failed: number; suppressed: number }; suppressed_reasons: Record<string, number>; rows: ({ destination_id: string; type: string; totals: { delivered: number; pending: number; held: number; failed: number; suppressed: number }; pruned: { delivered: number; pending: number; held: number; failed: number; suppressed: number } })[]; discrepancies: ({ kind: string; event_id: string | null; delivery_id: number | null })[] }
  }
  /** Send one event again, to every destination that wanted it or to one of them. */
  'POST /admin/v1/events/{event_id}/resend': {
    path: { event_id: string }
    body?: { destination_id?: string | undefined }
    answer: Schemas['Resend']
  }
  /** Resends, newest first. */
  'GET /admin/v1/resends': {
    query?: { limit?: number | undefined; after?: string | undefined }
    answer: { data: (Schemas['Resend'])[]; next: string | null }
  }
  /** Send events again: one, those of a filter, of a time range, or everything since. */
  'POST /admin/v1/resends': {
    body?: { destination_id?: string | undefined; event_id?: string | undefined; type?: string | undefined; user_id?: string | undefined; reference_id?: string | undefined; lineage_id?: string | undefined; provider?: string | undefined; status?: "delivered" | "failed" | undefined; since?: string | undefined; until?: string | undefined }
    answer: Schemas['Resend']
  }
  /** What a resend of this filter would send now: how much, to whom, and of which time. */
  'POST /admin/v1/resends/preview': {
    body?: { destination_id?: string | undefined; event_id?: string | undefined; type?: string | undefined; user_id?: string | undefined; reference_id?: string | undefined; lineage_id?: string | undefined; provider?: string | undefined; status?: "delivered" | "failed" | undefined; since?: string | undefined; until?: string | undefined }
    answer: { events: number; deliveries: number; first_at: string | null; last_at: string | null; destinations: ({ destination_id: string; url: string; status: "enabled" | "disabled"; deliveries: number })[]; is_complete: boolean }
  }
  /** A resend and how far it has come. */
  'GET /admin/v1/resends/{resend_id}': {
    path: { resend_id: string }
    answer: Schemas['Resend']
  }
  /** The action pause on a resend; what it has made already is sent. */
  'POST /admin/v1/resends/{resend_id}/pause': {
    path: { resend_id: string }
    answer: Schemas['Resend']
  }
  /** The action resume on a resend; what it has made already is sent. */
  'POST /admin/v1/resends/{resend_id}/resume': {
    path: { resend_id: string }
    answer: Schemas['Resend']
  }
  /** The action cancel on a resend; what it has made already is sent. */
  'POST /admin/v1/resends/{resend_id}/cancel': {
    path: { resend_id: string }
    answer: Schemas['Resend']
  }
  /** All environments, in the order of their dev_id. */
  'GET /admin/v1/environments': {
    query?: { limit?: number | undefined; after?: string | undefined }
    answer: { data: (Schemas['Environment'])[]; next: string | null }
  }
  /** Make an environment; its secrets are in this answer and nowhere else. */
  'POST /admin/v1/environments': {
    body: { dev_id: string; name: string; settings?: { match_policy?: "reference" | "account_and_reference" | "account" | undefined; failed_auth_shape?: "auth_cancelled" | "legacy" | undefined; is_production?: boolean | undefined; token_access?: "off" | "allowed" | undefined; retention_days?: number | undefined; connect?: { confirmation?: "off" | "required" | undefined; account_policy?: "allow" | "reject" | "move" | undefined } | undefined; redirects?: Schemas['Redirects'] | undefined; brand?: { accent: string | null; logo: string | null; purpose: string | null } | undefined } | undefined }
    answer: { environment: Schemas['Environment']; api_key: string; redirect_secret: string }
  }
  /** One environment, with its version in the ETag header. */
  'GET /admin/v1/environments/{dev_id}': {
    path: { dev_id: string }
    answer: Schemas['Environment']
  }
  /** Change name or settings, archive or restore; with If-Match only if nobody else was faster. */
  'PATCH /admin/v1/environments/{dev_id}': {
    path: { dev_id: string }
    body?: { name?: string | undefined; settings?: { match_policy?: "reference" | "account_and_reference" | "account" | undefined; failed_auth_shape?: "auth_cancelled" | "legacy" | undefined; is_production?: boolean | undefined; token_access?: "off" | "allowed" | undefined; retention_days?: number | undefined; connect?: { confirmation?: "off" | "required" | undefined; account_policy?: "allow" | "reject" | "move" | undefined } | undefined; redirects?: Schemas['Redirects'] | undefined; brand?: { accent: string | null; logo: string | null; purpose: string | null } | undefined } | undefined; archived?: boolean | undefined }
    answer: Schemas['Environment']
  }
  /** API keys of this environment and of operators, newest first; never the keys themselves. */
  'GET /admin/v1/keys': {
    query?: { limit?: number | undefined; after?: string | undefined }
    answer: { data: (Schemas['ApiKey'])[]; next: string | null }
  }
  /** Make an API key; it is in this answer and nowhere else. */
  'POST /admin/v1/keys': {
    body: { name: string; scopes?: ("connect" | "read" | "write" | "operator")[] | undefined; expires_in_days?: number | null | undefined }
    answer: { key: Schemas['ApiKey']; api_key: string }
  }
  /** End an API key at once. */
  'DELETE /admin/v1/keys/{key_id}': {
    path: { key_id: string }
    answer: { status: "success" }
  }
  /** Make a key like this one, which ends after a while; by default a day. */
  'POST /admin/v1/keys/{key_id}/rotate': {
    path: { key_id: string }
    body?: { grace_seconds?: number | undefined }
    answer: { key: Schemas['ApiKey']; api_key: string }
  }
  /** Every provider, with what this environment has of it. */
  'GET /admin/v1/providers': {
    query?: { limit?: number | undefined; after?: string | undefined }
    answer: { data: (Schemas['Provider'])[]; next: string | null }
  }
  /** One provider, with what this environment has of it. */
  'GET /admin/v1/providers/{provider}': {
    path: { provider: string }
    answer: Schemas['ProviderDetail']
  }
  /** Enable a provider with your own credentials, or replace them. */
  'PUT /admin/v1/providers/{provider}': {
    path: { provider: string }
    body: { client_id: string; client_secret: string; new_notice_url?: boolean | undefined; overrides?: Record<string, unknown> | undefined; secrets?: Record<string, string> | undefined }
    answer: (Schemas['Provider']) & ({ notice_url: string | null })
  }
  /** Disable a provider that nobody is connected to, and forget its credentials. */
  'DELETE /admin/v1/providers/{provider}': {
    path: { provider: string }
    answer: { status: "success" }
  }
  /** Where browsers may be sent when a connection has ended. */
  'GET /admin/v1/redirects': {
    answer: Schemas['DeclaredRedirects']
  }
  /** Replace the allow-list; with If-Match only if nobody else was faster. */
  'PUT /admin/v1/redirects': {
    body?: Schemas['Redirects']
    answer: Schemas['DeclaredRedirects']
  }
  /** Users by any of their ids, person, provider, state and time, newest connection first. */
  'GET /admin/v1/users': {
    query?: { limit?: number | undefined; after?: string | undefined; user_id?: string | undefined; reference_id?: string | undefined; provider?: string | undefined; state?: "unconfirmed" | "active" | "degraded" | "inactive" | "deleted" | undefined; created_since?: string | undefined; created_until?: string | undefined; include_deleted?: "true" | "false" | undefined }
    answer: { data: (Schemas['AdminUser'])[]; next: string | null }
  }
  /** Disconnect every user that a filter names, as a job; a dry run shows who that would be. */
  'POST /admin/v1/users/disconnect': {
    body: { filter: { user_id?: string | undefined; reference_id?: string | undefined; provider?: string | undefined; state?: "active" | "degraded" | "inactive" | "deleted" | undefined; created_since?: string | undefined; created_until?: string | undefined }; all?: boolean | undefined; dry_run?: boolean | undefined }
    answer: { dry_run: boolean; total: number; sample: (Schemas['AdminUser'])[]; job: Schemas['Job'] }
  }
  /** One user by any id that it has or had, with its former ids and what became of it. */
  'GET /admin/v1/users/{user_id}': {
    path: { user_id: string }
    answer: { user: Schemas['AdminUser']; aliases: ({ user_id: string; created_at: string; is_current: boolean })[]; timeline: ({ event_id: string; type: string; user_id: string | null; created_at: string })[] }
  }
  /** Disconnect a user and revoke the access at the provider. */
  'DELETE /admin/v1/users/{user_id}': {
    path: { user_id: string }
    answer: { status: "success" }
  }
  /** Remove a person: disconnect them everywhere, and forget what is known of them. */
  'DELETE /admin/v1/people/{reference_id}': {
    path: { reference_id: string }
    query?: { owed_events?: "deliver" | "remove" | undefined }
    answer: { status: "success"; connections: number; attempts: number; events: number; events_owed: number; has_more: boolean }
  }
  /** How far a job has come. */
  'GET /admin/v1/jobs/{job_id}': {
    path: { job_id: string }
    answer: Schemas['Job']
  }
  /** Moves to successors of providers and how far they are, newest first. */
  'GET /admin/v1/moves': {
    query?: { limit?: number | undefined; after?: string | undefined }
    answer: { data: (Schemas['ProviderMove'])[]; next: string | null }
  }
  /** Start moving everybody from a provider that ends to its successor, or see what it would do. */
  'POST /admin/v1/moves': {
    body: { from: string; per_minute?: number | undefined; dry_run?: boolean | undefined }
    answer: { plan: Schemas['ProviderMovePlan']; move: Schemas['ProviderMove'] | null }
  }
  /** A move and how far it is. */
  'GET /admin/v1/moves/{move_id}': {
    path: { move_id: string }
    answer: Schemas['ProviderMove']
  }
  /** The connections of a move: who has arrived, who has not, what failed and why. */
  'GET /admin/v1/moves/{move_id}/users': {
    path: { move_id: string }
    query?: { limit?: number | undefined; after?: string | undefined; state?: "to_do" | "linked" | "failed" | "connected" | "gone" | undefined }
    answer: { data: (Schemas['ProviderMoveUser'])[]; next: string | null }
  }
  /** Make a link for each person who has not moved and has none, a page at a time. */
  'POST /admin/v1/moves/{move_id}/links': {
    path: { move_id: string }
    body?: { limit?: number | undefined; after?: string | undefined; user_id?: string | undefined; reference_id?: string | undefined; renew?: boolean | undefined; days?: number | undefined; language?: string | null | undefined; auth_success_redirect_url?: string | null | undefined; auth_failure_redirect_url?: string | null | undefined }
    answer: { data: ({ user_id: string; reference_id: string | null; url: string; expires_at: string })[]; next: string | null }
  }
  /** Pause a move: no exchanges, and links do not open. */
  'POST /admin/v1/moves/{move_id}/pause': {
    path: { move_id: string }
    answer: Schemas['ProviderMove']
  }
  /** Go on with a paused move. */
  'POST /admin/v1/moves/{move_id}/resume': {
    path: { move_id: string }
    answer: Schemas['ProviderMove']
  }
  /** End a move; whoever has not moved stays where they are. */
  'POST /admin/v1/moves/{move_id}/end': {
    path: { move_id: string }
    answer: Schemas['ProviderMove']
  }
  /** Try every exchange that has failed again, now. */
  'POST /admin/v1/moves/{move_id}/retry': {
    path: { move_id: string }
    answer: Schemas['ProviderMove']
  }
  /** Who changed what in this environment, newest first; or, with log=traffic, links made and opened, callbacks, refreshes and revocations. */
  'GET /admin/v1/audit': {
    query?: { limit?: number | undefined; after?: string | undefined; log?: "changes" | "traffic" | undefined; actor?: string | undefined; action?: string | undefined; subject?: string | undefined }
    answer: { data: (Schemas['AuditEntry'])[]; next: string | null }
  }
  /** Whether somebody has changed, removed or inserted rows of the audit log in the database. */
  'GET /admin/v1/audit/verify': {
    query?: { log?: "changes" | "traffic" | undefined; newest?: number | undefined }
    answer: { intact: boolean; checked_at: string; chains: (Schemas['AuditChain'])[] }
  }
  /** Connections by provider and state, events over time, deliveries, what needs attention. */
  'GET /admin/v1/stats': {
    query?: { range?: "24h" | "7d" | "30d" | undefined }
    answer: Schemas['Stats']
  }
  /** Whether the operator’s password still has to be chosen. */
  'GET /admin/v1/setup': {
    answer: { needs_setup: boolean }
  }
  /** Choose the operator’s password, with the token from the hub’s terminal, and log in. */
  'POST /admin/v1/setup': {
    body: { setup_token: string; password: string }
    answer: Schemas['Session']
  }
  /** Log in with the operator’s password; the answer sets the session’s cookie. */
  'POST /admin/v1/session': {
    body: { password: string }
    answer: Schemas['Session']
  }
  /** The session that the browser’s cookie names. */
  'GET /admin/v1/session': {
    answer: Schemas['Session']
  }
  /** Log out. */
  'DELETE /admin/v1/session': {
    answer: { status: "success" }
  }
  /** The exact bytes of an event, as they were signed and sent. */
  'GET /admin/v1/events/{event_id}/body': {
    path: { event_id: string }
    answer: unknown
  }
}
