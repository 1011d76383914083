import type { Selectable } from 'kysely'
import { Redacted, Sealed } from '../secret.ts'
import type { Sealer } from '../seal.ts'
import type { ProviderAccount } from './account-locks.ts'
import type { TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'
import { first, statement } from './statement.ts'

/** What a flow was granted, until the app has confirmed who came back. */
export interface HeldGrant extends ProviderAccount {
  readonly flowId: string
  /** JSON text; null when the flow has ended. */
  readonly grantJson: Redacted<string> | null
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

const FIND = statement(({ db }, given: { readonly flowId: string }) =>
  db.selectFrom('held_grant').selectAll().where('flow_id', '=', given.flowId).compile(),
)

export class HeldGrantTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #sealer: Sealer

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
    this.#sealer = context.sealer
  }

  async add(held: HeldGrant & { readonly grantJson: Redacted<string> }, codeHash: string) {
    await this.#db
      .insertInto('held_grant')
      .values({
        flow_id: held.flowId,
        environment_id: held.environmentId,
        provider: held.provider,
        provider_account_id: held.providerAccountId,
        code_hash: codeHash,
        grant_sealed: this.#sealer.seal(held.grantJson.reveal(), place(held)),
        created_at_ms: held.createdAtMs,
        expires_at_ms: held.expiresAtMs,
      })
      .execute()
  }

  async find(flowId: string): Promise<HeldGrant | undefined> {
    const row = await first(FIND(this.#context, { flowId }))
    return row === undefined ? undefined : toHeldGrant(row, this.#sealer)
  }

  async findByCode(environmentId: string, codeHash: string): Promise<HeldGrant | undefined> {
    const row = await this.#db
      .selectFrom('held_grant')
      .selectAll()
      .where('code_hash', '=', codeHash)
      .where('environment_id', '=', environmentId)
      .executeTakeFirst()
    return row === undefined ? undefined : toHeldGrant(row, this.#sealer)
  }

  /** Whether a grant of the account waits for its confirmation: it must not be revoked meanwhile. */
  async isHeld(account: ProviderAccount): Promise<boolean> {
    const row = await this.#db
      .selectFrom('held_grant')
      .select('flow_id')
      .where('environment_id', '=', account.environmentId)
      .where('provider', '=', account.provider)
      .where('provider_account_id', '=', account.providerAccountId)
      .where('grant_sealed', 'is not', null)
      .limit(1)
      .executeTakeFirst()
    return row !== undefined
  }

  /** Which wait for their confirmation, in the order of their flows' ids. */
  async listOpen(
    environmentId: string,
    page: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<HeldGrant[]> {
    const { limit, after } = page
    const rows = await this.#db
      .selectFrom('held_grant')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .where('grant_sealed', 'is not', null)
      .$if(after !== undefined, (query) => query.where('flow_id', '>', after ?? ''))
      .orderBy('flow_id')
      .limit(limit)
      .execute()
    return rows.map((row) => toHeldGrant(row, this.#sealer))
  }

  /** Forgets the grant of a flow that has ended. @returns The grant, for whoever has to give it back. */
  async take(flowId: string): Promise<HeldGrant | undefined> {
    const held = await this.find(flowId)
    if (held === undefined || held.grantJson === null) return undefined
    await this.#db
      .updateTable('held_grant')
      .set({ grant_sealed: null })
      .where('flow_id', '=', flowId)
      .execute()
    return held
  }
}

function toHeldGrant(row: Selectable<Schema['held_grant']>, sealer: Sealer): HeldGrant {
  const { grant_sealed: sealed, flow_id: flowId, environment_id: environmentId } = row
  return {
    flowId,
    environmentId,
    provider: row.provider,
    providerAccountId: row.provider_account_id,
    grantJson:
      sealed === null
        ? null
        : new Redacted(new Sealed(() => sealer.open(sealed, place({ flowId, environmentId })))),
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  }
}

function place({ flowId, environmentId }: { flowId: string; environmentId: string }) {
  return { table: 'held_grant', column: 'grant', rowId: flowId, environmentId }
}
