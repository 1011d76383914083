import { type RawBuilder, sql } from 'kysely'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

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

/**
 * Makes decisions about one account follow one another: connecting it, and ending its grant; in all environments
 * that use one app at the provider.
 */
export class AccountLockTable {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  /** Holds the account until the transaction ends. */
  async hold(account: ProviderAccount, atMs: number): Promise<void> {
    const { environmentId, provider } = account
    const sharing = environmentsWithApp(environmentId, provider)
    const first = sql<string>`(SELECT min(environment_id) FROM ${sharing} AS sharing)`
    await this.#db
      .insertInto('account_lock')
      .values({
        environment_id: first,
        provider: account.provider,
        provider_account_id: account.providerAccountId,
        touched_at_ms: atMs,
      })
      .onConflict((conflict) =>
        conflict
          .columns(['environment_id', 'provider', 'provider_account_id'])
          .doUpdateSet({ touched_at_ms: atMs }),
      )
      .execute()
  }

  /** Forgets accounts that nobody has held since then; a lock that is held is younger. @returns How many. */
  async forget(beforeMs: number, limit: number): Promise<number> {
    const old = sql`SELECT environment_id, provider, provider_account_id FROM account_lock
      WHERE touched_at_ms < ${beforeMs} LIMIT ${limit}`
    const result = await sql`DELETE FROM account_lock
      WHERE (environment_id, provider, provider_account_id) IN (${old}) AND touched_at_ms < ${beforeMs}
      RETURNING provider`.execute(this.#db)
    return result.rows.length
  }
}
