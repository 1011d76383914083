/** Attempts to connect as rows. */
import type { Selectable } from 'kysely'
import type { FlowStatus } from '../core/flow.ts'
import { Redacted, Sealed } from '../secret.ts'
import type { Sealer } from '../seal.ts'
import type { Schema } from './schema.ts'

/** One attempt to connect. */
export interface Flow {
  readonly id: string
  readonly environmentId: string
  /** Null where `authenticateUser` started the flow. */
  readonly widgetSessionId: string | null
  readonly provider: string
  readonly referenceId: string | null
  readonly reservedUserId: string
  readonly language: string | null
  readonly successUrl: string | null
  readonly failureUrl: string | null
  /** Digest of the secret of the browser that the flow belongs to; null until it came. */
  readonly browserHash: string | null
  readonly stateExpiresAtMs: number | null
  readonly codeVerifier: Redacted<string> | null
  readonly status: FlowStatus
  readonly deadlineMs: number
  readonly reason: string | null
  readonly createdAtMs: number
  readonly endedAtMs: number | null
  /** The connection that it takes to another provider; absent for all other flows. */
  readonly continuesLineageId?: string | undefined
}

/** What a sealed verifier is bound to. */
export function verifierPlace(flow: { id: string; environmentId: string }) {
  return {
    table: 'flow',
    column: 'code_verifier',
    rowId: flow.id,
    environmentId: flow.environmentId,
  }
}

export function toFlow(row: Selectable<Schema['flow']>, sealer: Sealer): Flow {
  const sealed = row.code_verifier_sealed
  return {
    id: row.id,
    environmentId: row.environment_id,
    widgetSessionId: row.widget_session_id,
    provider: row.provider,
    referenceId: row.reference_id,
    reservedUserId: row.reserved_user_id,
    language: row.language,
    successUrl: row.success_url,
    failureUrl: row.failure_url,
    browserHash: row.browser_hash,
    stateExpiresAtMs: row.state_expires_at_ms,
    codeVerifier:
      sealed === null
        ? null
        : new Redacted(
            new Sealed(() =>
              sealer.open(sealed, verifierPlace({ id: row.id, environmentId: row.environment_id })),
            ),
          ),
    status: row.status,
    deadlineMs: row.deadline_ms,
    reason: row.reason,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
    continuesLineageId: row.continues_lineage_id ?? undefined,
  }
}
