import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** An account at a provider, as one environment knows it. */
export interface ProviderAccount {
  readonly environmentId: string
  readonly provider: string
  readonly providerAccountId: string
}

/** Makes decisions about one account follow one another: connecting it, and ending its grant. */
export class AccountLockTable {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  /** Holds the account until the transaction ends. */
  async hold(account: ProviderAccount, atMs: number): Promise<void> {
    await this.#db
      .insertInto('account_lock')
      .values({
        environment_id: account.environmentId,
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
}
