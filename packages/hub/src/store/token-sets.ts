import { Redacted } from '../secret.ts'
import type { Sealer } from '../seal.ts'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/**
 * What a provider issued, as JSON text: the store keeps it sealed and does not look inside;
 * `oauth/types.ts` knows its fields.
 */
export interface StoredTokenSet {
  readonly lineageId: string
  readonly version: number
  readonly json: Redacted<string>
}

export class TokenSetTable {
  readonly #db: Db
  readonly #sealer: Sealer

  constructor({ db, sealer }: TableContext) {
    this.#db = db
    this.#sealer = sealer
  }

  /** Stores the token set of a connection that was just made or made again. */
  async save(environmentId: string, tokens: StoredTokenSet, atMs: number): Promise<void> {
    const values = {
      sealed: this.#sealer.seal(tokens.json.reveal(), place(environmentId, tokens.lineageId)),
      version: tokens.version,
      claim_id: null,
      claim_until_ms: null,
      updated_at_ms: atMs,
    }
    await this.#db
      .insertInto('token_set')
      .values({ lineage_id: tokens.lineageId, ...values })
      .onConflict((conflict) => conflict.column('lineage_id').doUpdateSet(values))
      .execute()
  }

  async find(environmentId: string, lineageId: string): Promise<StoredTokenSet | undefined> {
    const row = await this.#db
      .selectFrom('token_set')
      .selectAll()
      .where('lineage_id', '=', lineageId)
      .executeTakeFirst()
    if (row === undefined) return undefined
    return {
      lineageId,
      version: row.version,
      json: new Redacted(this.#sealer.open(row.sealed, place(environmentId, lineageId))),
    }
  }

  /** Takes the exclusive right to refresh. @returns False while somebody else has it. */
  async claim(
    lineageId: string,
    claim: { id: string; nowMs: number; untilMs: number },
  ): Promise<boolean> {
    const result = await this.#db
      .updateTable('token_set')
      .set({ claim_id: claim.id, claim_until_ms: claim.untilMs })
      .where('lineage_id', '=', lineageId)
      .where(({ eb, or }) =>
        or([eb('claim_until_ms', 'is', null), eb('claim_until_ms', '<=', claim.nowMs)]),
      )
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /**
   * Replaces a token set that was refreshed, if it is still the one that the refresh started from.
   *
   * @returns False when it is not; the caller must read again and judge nothing.
   */
  async replace(
    environmentId: string,
    tokens: StoredTokenSet,
    from: { version: number; atMs: number },
  ): Promise<boolean> {
    const result = await this.#db
      .updateTable('token_set')
      .set({
        sealed: this.#sealer.seal(tokens.json.reveal(), place(environmentId, tokens.lineageId)),
        version: tokens.version,
        claim_id: null,
        claim_until_ms: null,
        updated_at_ms: from.atMs,
      })
      .where('lineage_id', '=', tokens.lineageId)
      .where('version', '=', from.version)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /** Gives the right to refresh back, if it is still this one. */
  async release(lineageId: string, claimId: string): Promise<void> {
    await this.#db
      .updateTable('token_set')
      .set({ claim_id: null, claim_until_ms: null })
      .where('lineage_id', '=', lineageId)
      .where('claim_id', '=', claimId)
      .execute()
  }

  async remove(lineageId: string): Promise<void> {
    await this.#db.deleteFrom('token_set').where('lineage_id', '=', lineageId).execute()
  }
}

function place(environmentId: string, lineageId: string) {
  return {
    table: 'token_set',
    column: 'sealed',
    rowId: lineageId,
    environmentId,
  }
}
