import type { Selectable } from 'kysely'
import type { FailedRefreshes, TokenTimes } from '../core/token.ts'
import type { Sealer } from '../seal.ts'
import { Redacted, Sealed } from '../secret.ts'
import type { Engine, TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'
import { first, hasChangedOne } from './statement.ts'
import { FIND, MARK_SENT, NO_CLAIM, REPLACE, SAVE, toTimeColumns } from './token-set-statements.ts'

/**
 * What a provider issued, as JSON text: the store keeps it sealed and does not look inside;
 * `oauth/types.ts` knows its fields.
 */
export interface TokenSetContent {
  readonly json: Redacted<string>
  readonly times: TokenTimes
  /** When the refresh worker looks at it; null: never. */
  readonly refreshAtMs: number | null
}

export interface StoredTokenSet extends FailedRefreshes {
  readonly lineageId: string
  readonly version: number
  readonly json: Redacted<string>
  readonly times: TokenTimes
  readonly refreshAtMs: number | null
  /** Nobody tries before this. Null after a failure: nobody tries any more. */
  readonly retryAtMs: number | null
  /** A refresh was last sent then and its answer has not been stored. */
  readonly unansweredSinceMs: number | null
  /** Why the last refresh failed; null after one that succeeded. */
  readonly lastFailure: string | null
  readonly lastFailureAtMs: number | null
  /** When the provider was last asked whether the grant lives. */
  readonly checkedAtMs: number | null
  /** When its coming end was announced. */
  readonly warnedAtMs: number | null
  /** The provider limits calls for this account until then. */
  readonly limitedUntilMs: number | null
  /** Whether somebody was refreshing it when it was read. */
  readonly claimUntilMs: number | null
}

/** The exclusive right to refresh. */
export interface TokenClaim {
  readonly id: string
  readonly nowMs: number
  readonly untilMs: number
}

export class TokenSetTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #sealer: Sealer
  readonly #engine: Engine

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
    this.#sealer = context.sealer
    this.#engine = context.engine
  }

  /** Stores the token set of a connection that was just made or made again. */
  async save(
    of: { environmentId: string; lineageId: string; provider: string; version: number },
    content: TokenSetContent,
    atMs: number,
  ): Promise<void> {
    const { lineageId, provider } = of
    await SAVE(this.#context, { ...this.#toColumns(of, content), lineageId, provider, atMs })
  }

  async find(environmentId: string, lineageId: string): Promise<StoredTokenSet | undefined> {
    const row = await first(FIND(this.#context, { lineageId }))
    return row === undefined ? undefined : this.#toTokenSet(environmentId, row)
  }

  /**
   * Takes the exclusive right to refresh.
   *
   * @returns The token set as it is under the claim; undefined while somebody else has it.
   */
  async claim(
    environmentId: string,
    lineageId: string,
    claim: TokenClaim,
  ): Promise<StoredTokenSet | undefined> {
    const row = await this.#db
      .updateTable('token_set')
      .set(toClaimColumns(claim))
      .where('lineage_id', '=', lineageId)
      .where(({ eb, or }) =>
        or([eb('claim_until_ms', 'is', null), eb('claim_until_ms', '<=', claim.nowMs)]),
      )
      .returningAll()
      .executeTakeFirst()
    return row === undefined ? undefined : this.#toTokenSet(environmentId, row)
  }

  /** Claims what the refresh worker has to look at now, oldest first. @returns Lineages. */
  async claimDue(
    provider: string,
    claim: TokenClaim & { readonly limit: number },
  ): Promise<string[]> {
    const due = this.#db
      .selectFrom('token_set')
      .select('lineage_id')
      .where('provider', '=', provider)
      .where('refresh_at_ms', '<=', claim.nowMs)
      .where(({ eb, or }) =>
        or([eb('claim_until_ms', 'is', null), eb('claim_until_ms', '<=', claim.nowMs)]),
      )
      .orderBy('refresh_at_ms')
      .limit(claim.limit)
      // Whatever another process claims at this moment is its.
      .$if(this.#engine === 'postgres', (query) => query.forUpdate().skipLocked())
    const rows = await this.#db
      .with('due', () => due)
      .updateTable('token_set')
      .set(toClaimColumns(claim))
      .where('lineage_id', 'in', ({ selectFrom }) => selectFrom('due').select('due.lineage_id'))
      .returning('lineage_id')
      .execute()
    return rows.map((row) => row.lineage_id)
  }

  /** @returns False when the claim is no longer this one. */
  async renew(lineageId: string, claim: Pick<TokenClaim, 'id' | 'untilMs'>): Promise<boolean> {
    return await this.#update(lineageId, claim.id, {
      claim_until_ms: claim.untilMs,
      refresh_at_ms: claim.untilMs,
    })
  }

  /**
   * The refresh token is about to be sent. From here on an answer is missing until one is stored.
   *
   * @returns The token set as it is now; undefined when the claim is no longer this one.
   */
  async markSent(
    environmentId: string,
    lineageId: string,
    claim: Pick<TokenClaim, 'id' | 'nowMs'>,
  ): Promise<StoredTokenSet | undefined> {
    const given = { lineageId, claimId: claim.id, nowMs: claim.nowMs }
    const row = await first(MARK_SENT(this.#context, given))
    return row === undefined ? undefined : this.#toTokenSet(environmentId, row)
  }

  /**
   * Replaces a token set that was refreshed, if it is still the one that the refresh started from.
   *
   * @returns False when it is not; the caller must read again and judge nothing.
   */
  async replace(
    of: { environmentId: string; lineageId: string; version: number },
    content: TokenSetContent,
    from: { version: number; atMs: number },
  ): Promise<boolean> {
    const { lineageId } = of
    const { version: fromVersion, atMs } = from
    const given = { ...this.#toColumns(of, content), lineageId, fromVersion, atMs }
    return await hasChangedOne(REPLACE(this.#context, given))
  }

  /** Keeps what a refresh failed with, and gives the right to refresh back. */
  async fail(
    lineageId: string,
    claimId: string,
    failure: FailedRefreshes & {
      readonly detail: string
      readonly atMs: number
      readonly retryAtMs: number | null
      /** The answer never came: the refresh token may have been used up. */
      readonly isUnanswered: boolean
    },
  ): Promise<boolean> {
    return await this.#update(lineageId, claimId, {
      ...NO_CLAIM,
      ...(failure.isUnanswered ? {} : { unanswered_since_ms: null }),
      failures: failure.failures,
      rejections: failure.rejections,
      rejected_since_ms: failure.rejectedSinceMs,
      last_failure: failure.detail,
      last_failure_at_ms: failure.atMs,
      retry_at_ms: failure.retryAtMs,
      refresh_at_ms: failure.retryAtMs,
    })
  }

  /** Gives the right to refresh back without having tried, if it is still this one. */
  async release(
    lineageId: string,
    claimId: string,
    next: {
      readonly refreshAtMs: number | null
      readonly times: TokenTimes
      readonly checkedAtMs?: number
      readonly warnedAtMs?: number
    },
  ): Promise<void> {
    const { checkedAtMs, warnedAtMs } = next
    await this.#update(lineageId, claimId, {
      ...NO_CLAIM,
      ...toTimeColumns(next.times),
      refresh_at_ms: next.refreshAtMs,
      ...(checkedAtMs !== undefined && { checked_at_ms: checkedAtMs }),
      ...(warnedAtMs !== undefined && { warned_at_ms: warnedAtMs }),
    })
  }

  /** Sets a row aside that cannot be used as it is. */
  async setAside(
    lineageId: string,
    claimId: string,
    until: { readonly atMs: number; readonly refreshAtMs: number; readonly detail: string },
  ): Promise<void> {
    await this.#update(lineageId, claimId, {
      ...NO_CLAIM,
      refresh_at_ms: until.refreshAtMs,
      last_failure: until.detail,
      last_failure_at_ms: until.atMs,
    })
  }

  /** The provider has asked for a pause, for this account. */
  async limit(lineageId: string, untilMs: number): Promise<void> {
    await this.#db
      .updateTable('token_set')
      .set({ limited_until_ms: untilMs })
      .where('lineage_id', '=', lineageId)
      .execute()
  }

  async remove(lineageId: string): Promise<void> {
    await this.#db.deleteFrom('token_set').where('lineage_id', '=', lineageId).execute()
  }

  /** Providers with token sets that the refresh worker has to look at. */
  async listDueProviders(nowMs: number, limit: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('token_set')
      .select('provider')
      .distinct()
      .where('refresh_at_ms', '<=', nowMs)
      .limit(limit)
      .execute()
    return rows.map((row) => row.provider)
  }

  /** When the refresh worker has to look at the next one; of one provider, or of all, due already or later. */
  async nextDueAtMs(of: { provider: string } | { afterMs: number }): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('token_set')
      .select('refresh_at_ms')
      .where('refresh_at_ms', 'is not', null)
      .where((is) =>
        'provider' in of ? is('provider', '=', of.provider) : is('refresh_at_ms', '>', of.afterMs),
      )
      .orderBy('refresh_at_ms')
      .limit(1)
      .executeTakeFirst()
    return row?.refresh_at_ms ?? undefined
  }

  /** How many the refresh worker has to look at until then. */
  async countDue(untilMs: number): Promise<number> {
    const row = await this.#db
      .selectFrom('token_set')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('refresh_at_ms', '<=', untilMs)
      .executeTakeFirstOrThrow()
    return row.count
  }

  async #update(
    lineageId: string,
    claimId: string,
    values: Partial<Selectable<Schema['token_set']>>,
  ): Promise<boolean> {
    const result = await this.#db
      .updateTable('token_set')
      .set(values)
      .where('lineage_id', '=', lineageId)
      .where('claim_id', '=', claimId)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  #toColumns(
    of: { environmentId: string; lineageId: string; version: number },
    content: TokenSetContent,
  ) {
    return {
      sealed: this.#sealer.seal(content.json.reveal(), place(of.environmentId, of.lineageId)),
      version: of.version,
      ...toTimeColumns(content.times),
      refresh_at_ms: content.refreshAtMs,
    }
  }

  #toTokenSet(environmentId: string, row: Selectable<Schema['token_set']>): StoredTokenSet {
    return {
      lineageId: row.lineage_id,
      version: row.version,
      json: new Redacted(
        new Sealed(() => this.#sealer.open(row.sealed, place(environmentId, row.lineage_id))),
      ),
      times: {
        obtainedAtMs: row.obtained_at_ms,
        expiresAtMs: row.expires_at_ms,
        refreshExpiresAtMs: row.refresh_expires_at_ms,
      },
      refreshAtMs: row.refresh_at_ms,
      retryAtMs: row.retry_at_ms,
      unansweredSinceMs: row.unanswered_since_ms,
      failures: row.failures,
      rejections: row.rejections,
      rejectedSinceMs: row.rejected_since_ms,
      lastFailure: row.last_failure,
      lastFailureAtMs: row.last_failure_at_ms,
      checkedAtMs: row.checked_at_ms,
      warnedAtMs: row.warned_at_ms,
      limitedUntilMs: row.limited_until_ms,
      claimUntilMs: row.claim_until_ms,
    }
  }
}

/** A claim is due again when it ends: what a killed process leaves behind is taken up then. */
function toClaimColumns(claim: TokenClaim) {
  return { claim_id: claim.id, claim_until_ms: claim.untilMs, refresh_at_ms: claim.untilMs }
}

function place(environmentId: string, lineageId: string) {
  return {
    table: 'token_set',
    column: 'sealed',
    rowId: lineageId,
    environmentId,
  }
}
