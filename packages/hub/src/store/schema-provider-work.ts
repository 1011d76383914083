/** The tables of what is to be done at providers, as Kysely sees them. */
export interface ProviderWorkSchema {
  provider_task: {
    id: string
    environment_id: string
    provider: string
    provider_account_id: string | null
    type: 'access_revoked' | 'scopes_changed' | 'unreadable' | 'subscribe'
    payload: string
    status: 'pending' | 'done' | 'unfounded' | 'failed'
    attempts: number
    due_at_ms: number
    claim_id: string | null
    claim_until_ms: number | null
    last_detail: string | null
    created_at_ms: number
    ended_at_ms: number | null
  }
  app_subscription: {
    id: string
    environment_id: string
    provider: string
    status: 'pending' | 'active' | 'failing' | 'removing'
    app_sealed: string | null
    made_ids: string
    wanted: number
    active: number
    ends_at_ms: number | null
    attempts: number
    since_ms: number
    due_at_ms: number
    claim_id: string | null
    claim_until_ms: number | null
    last_detail: string | null
    checked_at_ms: number | null
  }
}
