import { type RawBuilder, sql } from 'kysely'
import type { TableContext } from './context.ts'
import { statement } from './statement.ts'

/**
 * Environments that use the same app at a provider, this one too: to the provider an account that is connected in
 * several of them has one grant. To be used as `IN ${...}`.
 */
export function environmentsWithApp(environmentId: string, provider: string): RawBuilder<string> {
  return sql`(SELECT other.environment_id FROM provider_app AS own
    JOIN provider_app AS other ON other.provider = own.provider AND other.client_id = own.client_id
      AND other.origin_overrides = own.origin_overrides
    WHERE own.environment_id = ${environmentId} AND own.provider = ${provider}
    UNION SELECT ${environmentId})`
}

/** An account at a provider, as one environment knows it. */
export interface ProviderAccount {
  readonly environmentId: string
  readonly provider: string
  readonly providerAccountId: string
}

const HOLD = statement(({ db }, given: ProviderAccount & { readonly atMs: number }) => {
  const sharing = environmentsWithApp(given.environmentId, given.provider)
  const firstOne = sql<string>`(SELECT min(environment_id) FROM ${sharing} AS sharing)`
  return db
    .insertInto('account_lock')
    .values({
      environment_id: firstOne,
      provider: given.provider,
      provider_account_id: given.providerAccountId,
      touched_at_ms: given.atMs,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['environment_id', 'provider', 'provider_account_id'])
        .doUpdateSet({ touched_at_ms: given.atMs }),
    )
    .compile()
})

/**
 * Makes decisions about one account follow one another: connecting it, and ending its grant; in all environments
 * that use one app at the provider.
 */
export class AccountLockTable {
  readonly #context: TableContext

  constructor(context: TableContext) {
    this.#context = context
  }

  /** Holds the account until the transaction ends. SQLite has one writer. */
  async hold(account: ProviderAccount, atMs: number): Promise<void> {
    if (this.#context.engine === 'sqlite') return
    await HOLD(this.#context, { ...account, atMs })
  }

  /** Forgets accounts that nobody has held since then; a lock that is held is younger. @returns How many. */
  async forget(beforeMs: number, limit: number): Promise<number> {
    const old = sql`SELECT environment_id, provider, provider_account_id FROM account_lock
      WHERE touched_at_ms < ${beforeMs} LIMIT ${limit} + 0`
    const result = await sql`DELETE FROM account_lock
      WHERE (environment_id, provider, provider_account_id) IN (${old}) AND touched_at_ms < ${beforeMs}
      RETURNING provider`.execute(this.#context.db)
    return result.rows.length
  }
}
