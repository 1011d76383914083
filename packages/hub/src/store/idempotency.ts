import type { Sealer } from '../seal.ts'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** What is known of a key: this request may run, or another has been or is being answered. */
export type IdempotencyClaim =
  | { readonly type: 'claimed' }
  | { readonly type: 'running' }
  /** It ran, its claim is over, and no answer was kept. */
  | { readonly type: 'interrupted' }
  | { readonly type: 'other_request' }
  | { readonly type: 'answered'; readonly answer: string }

/** Whose key it is: a claim is taken over only after its end, so no two of one key end at the same time. */
export interface ClaimedKey {
  readonly keyHash: string
  readonly claimUntilMs: number
}

export class IdempotencyTable {
  readonly #db: Db
  readonly #sealer: Sealer

  constructor({ db, sealer }: TableContext) {
    this.#db = db
    this.#sealer = sealer
  }

  /** Takes the key for one request, unless it is taken. What is too old to matter is forgotten. */
  async claim(
    request: ClaimedKey & {
      readonly requestHash: string
      readonly nowMs: number
      readonly expiresAtMs: number
      /** Whether a request that was interrupted has changed nothing, so that another may do it. */
      readonly mayTakeOver: boolean
    },
  ): Promise<IdempotencyClaim> {
    await this.#db.deleteFrom('idempotency').where('expires_at_ms', '<=', request.nowMs).execute()
    const values = {
      request_hash: request.requestHash,
      answer_sealed: null,
      claim_until_ms: request.claimUntilMs,
      expires_at_ms: request.expiresAtMs,
    }
    const claimed = await this.#db
      .insertInto('idempotency')
      .values({ key_hash: request.keyHash, ...values })
      .onConflict((conflict) =>
        conflict
          .column('key_hash')
          .doUpdateSet(values)
          .where((where) =>
            where.and([
              where('idempotency.answer_sealed', 'is', null),
              where('idempotency.claim_until_ms', '<=', request.mayTakeOver ? request.nowMs : 0),
              where('idempotency.request_hash', '=', request.requestHash),
            ]),
          ),
      )
      .returning('key_hash')
      .executeTakeFirst()
    return claimed === undefined ? await this.#judge(request) : { type: 'claimed' }
  }

  /**
   * Keeps the answer for those who ask again. The answer may hold a secret that is shown once, so it is sealed.
   *
   * @returns False where another request has taken the key over since.
   */
  async saveAnswer({ keyHash, claimUntilMs }: ClaimedKey, answer: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable('idempotency')
      .set({ answer_sealed: this.#sealer.seal(answer, place(keyHash)) })
      .where('key_hash', '=', keyHash)
      .where('claim_until_ms', '=', claimUntilMs)
      .where('answer_sealed', 'is', null)
      .executeTakeFirst()
    return numUpdatedRows > 0n
  }

  /** Lets the key be used again: its request has changed nothing. Another request that has it keeps it. */
  async remove({ keyHash, claimUntilMs }: ClaimedKey): Promise<void> {
    await this.#db
      .deleteFrom('idempotency')
      .where('key_hash', '=', keyHash)
      .where('claim_until_ms', '=', claimUntilMs)
      .where('answer_sealed', 'is', null)
      .execute()
  }

  async #judge({
    keyHash,
    requestHash,
    nowMs,
  }: {
    readonly keyHash: string
    readonly requestHash: string
    readonly nowMs: number
  }): Promise<IdempotencyClaim> {
    const row = await this.#db
      .selectFrom('idempotency')
      .selectAll()
      .where('key_hash', '=', keyHash)
      .executeTakeFirst()
    // Removed in between: whoever asks again will find it free.
    if (row === undefined) return { type: 'running' }
    if (row.request_hash !== requestHash) return { type: 'other_request' }
    if (row.answer_sealed === null) {
      return { type: row.claim_until_ms > nowMs ? 'running' : 'interrupted' }
    }
    return { type: 'answered', answer: this.#sealer.open(row.answer_sealed, place(keyHash)) }
  }
}

function place(keyHash: string) {
  return { table: 'idempotency', column: 'answer', rowId: keyHash, environmentId: '' }
}
