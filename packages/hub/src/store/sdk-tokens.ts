import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** Lets a mobile SDK connect one device. */
export interface SdkToken {
  readonly environmentId: string
  /** Null where the device says who it belongs to. */
  readonly referenceId: string | null
  readonly expiresAtMs: number
}

export class SdkTokenTable {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  async add(token: SdkToken, tokenHash: string): Promise<void> {
    await this.#db
      .insertInto('sdk_token')
      .values({
        token_hash: tokenHash,
        environment_id: token.environmentId,
        reference_id: token.referenceId,
        expires_at_ms: token.expiresAtMs,
      })
      .execute()
  }

  /** Uses a token up. @returns Undefined for one that is unknown, foreign, used or too old. */
  async take(
    environmentId: string,
    tokenHash: string,
    nowMs: number,
  ): Promise<SdkToken | undefined> {
    const row = await this.#db
      .deleteFrom('sdk_token')
      .where('token_hash', '=', tokenHash)
      .where('environment_id', '=', environmentId)
      .where('expires_at_ms', '>', nowMs)
      .returningAll()
      .executeTakeFirst()
    if (row === undefined) return undefined
    const { environment_id, reference_id, expires_at_ms } = row
    return {
      environmentId: environment_id,
      referenceId: reference_id,
      expiresAtMs: expires_at_ms,
    }
  }

  async removeExpired(nowMs: number): Promise<void> {
    await this.#db.deleteFrom('sdk_token').where('expires_at_ms', '<=', nowMs).execute()
  }
}
