import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

export class ApiKeyTable {
  readonly #db: Db

  constructor({ db }: TableContext) {
    this.#db = db
  }

  async add(key: {
    id: string
    environmentId: string
    keyHash: string
    hint: string
    createdAtMs: number
  }): Promise<void> {
    await this.#db
      .insertInto('api_key')
      .values({
        id: key.id,
        environment_id: key.environmentId,
        key_hash: key.keyHash,
        hint: key.hint,
        created_at_ms: key.createdAtMs,
      })
      .execute()
  }

  /** Whether the digest is that of a live key of this environment. */
  async isLive(environmentId: string, keyHash: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom('api_key')
      .select('id')
      .where('environment_id', '=', environmentId)
      .where('key_hash', '=', keyHash)
      .executeTakeFirst()
    return row !== undefined
  }
}
