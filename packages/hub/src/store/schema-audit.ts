/** The tables of `audit.ts` and `audit-chain.ts`, as Kysely sees them. */
export interface AuditSchema {
  audit: AuditRow
  audit_traffic: AuditRow & { environment_id: string; mac: string }
  audit_chain: {
    environment_id: string
    secret_sealed: string
    begun_at_ms: number
    anchor_seq: number
    anchor_link: string
    last_seq: number
    last_link: string
    mac: string
  }
}

interface AuditRow {
  id: string
  environment_id: string | null
  actor: string
  action: string
  subject: string | null
  detail: string
  created_at_ms: number
  mac: string | null
  seq: number | null
  link: string | null
}
