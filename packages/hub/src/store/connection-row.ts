/** Connections as rows. */
import type { Selectable } from 'kysely'
import type { ConnectionState, User } from '../core/connection.ts'
import type { Schema } from './schema.ts'

/** A connection as it is stored: never `absent`. */
export type StoredState = Exclude<ConnectionState, { status: 'absent' }>

/** One lineage with its state. */
export interface Connection {
  readonly lineageId: string
  readonly environmentId: string
  readonly matchKey: string
  /** The newest ordering timestamp that an event of this lineage has. */
  readonly lastOrderingMs: number
  /** What the account at the provider is known by, masked; null where nobody has said, and once it is disconnected. */
  readonly accountLabel: string | null
  readonly state: StoredState
}

export function toRow(connection: Connection, atMs: number): Selectable<Schema['connection']> {
  const { state } = connection
  const { user } = state
  const isActive = state.status === 'active'
  return {
    lineage_id: connection.lineageId,
    environment_id: connection.environmentId,
    match_key: connection.matchKey,
    provider: user.provider,
    reference_id: user.referenceId,
    provider_account_id: state.providerAccountId,
    account_label: state.status === 'deleted' ? null : connection.accountLabel,
    user_id: user.userId,
    status: state.status,
    scopes: JSON.stringify(user.scopes),
    token_version: state.tokenVersion,
    degraded_at_ms: isActive ? state.degradedAtMs : null,
    degraded_by: isActive ? state.degradedBy : null,
    error_announced_at_ms: isActive ? state.errorAnnouncedAtMs : null,
    last_webhook_update_ms: user.lastWebhookUpdateMs,
    user_created_at_ms: user.createdAtMs,
    last_ordering_ms: connection.lastOrderingMs,
    updated_at_ms: atMs,
    ended_by: state.status === 'deleted' ? state.endedBy : null,
  }
}

export function toConnection(row: Selectable<Schema['connection']>): Connection {
  const user: User = {
    userId: row.user_id,
    referenceId: row.reference_id,
    provider: row.provider,
    scopes: JSON.parse(row.scopes) as string[],
    createdAtMs: row.user_created_at_ms,
    lastWebhookUpdateMs: row.last_webhook_update_ms,
  }
  const known = {
    user,
    providerAccountId: row.provider_account_id,
    tokenVersion: row.token_version,
  }
  const state: StoredState =
    row.status === 'active'
      ? {
          ...known,
          status: 'active',
          degradedAtMs: row.degraded_at_ms,
          degradedBy: row.degraded_by,
          errorAnnouncedAtMs: row.error_announced_at_ms,
        }
      : row.status === 'deleted'
        ? { ...known, status: row.status, endedBy: row.ended_by ?? 'disconnect' }
        : { ...known, status: row.status }
  return {
    lineageId: row.lineage_id,
    environmentId: row.environment_id,
    matchKey: row.match_key,
    lastOrderingMs: row.last_ordering_ms,
    accountLabel: row.account_label,
    state,
  }
}
