/** The statements that every connect flow and every refresh makes about a token set. */
import type { TokenTimes } from '../core/token.ts'
import { pick, statement } from './statement.ts'

const NO_FAILURE = {
  retry_at_ms: null,
  unanswered_since_ms: null,
  failures: 0,
  rejections: 0,
  rejected_since_ms: null,
  last_failure: null,
  last_failure_at_ms: null,
}
const NOT_LOOKED_AT = { checked_at_ms: null, warned_at_ms: null, limited_until_ms: null }
export const NO_CLAIM = { claim_id: null, claim_until_ms: null }

/** The columns that hold what a provider issued. */
interface ContentColumns extends ReturnType<typeof toTimeColumns> {
  readonly sealed: string
  readonly version: number
  readonly refresh_at_ms: number | null
}

const CONTENT = [
  'sealed',
  'version',
  'obtained_at_ms',
  'expires_at_ms',
  'refresh_expires_at_ms',
  'refresh_at_ms',
] as const

export const SAVE = statement(
  (
    { db },
    given: ContentColumns & {
      readonly lineageId: string
      readonly provider: string
      readonly atMs: number
    },
  ) => {
    const values = {
      ...pick(given, CONTENT),
      ...NO_CLAIM,
      ...NO_FAILURE,
      ...NOT_LOOKED_AT,
      provider: given.provider,
      updated_at_ms: given.atMs,
    }
    return db
      .insertInto('token_set')
      .values({ lineage_id: given.lineageId, ...values })
      .onConflict((conflict) => conflict.column('lineage_id').doUpdateSet(values))
      .compile()
  },
)

export const FIND = statement(({ db }, given: { readonly lineageId: string }) =>
  db.selectFrom('token_set').selectAll().where('lineage_id', '=', given.lineageId).compile(),
)

export const MARK_SENT = statement(
  (
    { db },
    given: { readonly lineageId: string; readonly claimId: string; readonly nowMs: number },
  ) =>
    db
      .updateTable('token_set')
      .set({ unanswered_since_ms: given.nowMs })
      .where('lineage_id', '=', given.lineageId)
      .where('claim_id', '=', given.claimId)
      .returningAll()
      .compile(),
)

export const REPLACE = statement(
  (
    { db },
    given: ContentColumns & {
      readonly lineageId: string
      readonly fromVersion: number
      readonly atMs: number
    },
  ) =>
    db
      .updateTable('token_set')
      .set({
        ...pick(given, CONTENT),
        ...NO_CLAIM,
        ...NO_FAILURE,
        updated_at_ms: given.atMs,
      })
      .where('lineage_id', '=', given.lineageId)
      .where('version', '=', given.fromVersion)
      .compile(),
)

export function toTimeColumns(times: TokenTimes) {
  return {
    obtained_at_ms: times.obtainedAtMs,
    expires_at_ms: times.expiresAtMs,
    refresh_expires_at_ms: times.refreshExpiresAtMs,
  }
}
