import type { Selectable } from 'kysely'
import type { Scope } from '../core/scope.ts'
import type { TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'
import { first, statement } from './statement.ts'

/** A key to the API; the key itself is not kept. */
export interface ApiKey {
  readonly id: string
  /** Null for an operator's key, which works in every environment. */
  readonly environmentId: string | null
  /** The last characters, so that a person can tell keys apart. */
  readonly hint: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly createdAtMs: number
  /** Null for a key that does not end by itself. */
  readonly expiresAtMs: number | null
  readonly revokedAtMs: number | null
  /** To the minute. */
  readonly lastUsedAtMs: number | null
}

/** Uses within this time of the last one recorded are not recorded again. */
const USE_INTERVAL_MS = 60_000

const FIND_LIVE = statement(({ db }, given: { readonly keyHash: string; readonly nowMs: number }) =>
  db
    .selectFrom('api_key')
    .selectAll()
    .where('key_hash', '=', given.keyHash)
    .where('revoked_at_ms', 'is', null)
    .where((where) =>
      where.or([where('expires_at_ms', 'is', null), where('expires_at_ms', '>', given.nowMs)]),
    )
    .compile(),
)

export class ApiKeyTable {
  readonly #context: TableContext
  readonly #db: Db

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
  }

  async add(key: ApiKey & { readonly keyHash: string }): Promise<void> {
    await this.#db
      .insertInto('api_key')
      .values({
        id: key.id,
        environment_id: key.environmentId,
        key_hash: key.keyHash,
        hint: key.hint,
        name: key.name,
        scopes: JSON.stringify(key.scopes),
        created_at_ms: key.createdAtMs,
        expires_at_ms: key.expiresAtMs,
        revoked_at_ms: key.revokedAtMs,
        last_used_at_ms: key.lastUsedAtMs,
      })
      .execute()
  }

  /** The key with this digest, unless it was revoked or has ended. */
  async findLive(keyHash: string, nowMs: number): Promise<ApiKey | undefined> {
    const row = await first(FIND_LIVE(this.#context, { keyHash, nowMs }))
    return row === undefined ? undefined : toApiKey(row)
  }

  /** Also one that has ended. */
  async findByHash(keyHash: string): Promise<ApiKey | undefined> {
    const row = await this.#db
      .selectFrom('api_key')
      .selectAll()
      .where('key_hash', '=', keyHash)
      .executeTakeFirst()
    return row === undefined ? undefined : toApiKey(row)
  }

  /** Keys of an environment, and those of operators, newest first; ended ones too. */
  async list(
    environmentId: string,
    page: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<ApiKey[]> {
    let query = this.#db
      .selectFrom('api_key')
      .selectAll()
      .where((where) =>
        where.or([
          where('environment_id', '=', environmentId),
          where('environment_id', 'is', null),
        ]),
      )
      .orderBy('id', 'desc')
      .limit(page.limit)
    if (page.after !== undefined) query = query.where('id', '<', page.after)
    return (await query.execute()).map(toApiKey)
  }

  /** A key of an environment or of an operator. */
  async find(environmentId: string, id: string): Promise<ApiKey | undefined> {
    const row = await this.#db
      .selectFrom('api_key')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    if (row === undefined) return undefined
    return row.environment_id === null || row.environment_id === environmentId
      ? toApiKey(row)
      : undefined
  }

  /** @returns False for a key that was revoked before. */
  async revoke(id: string, atMs: number): Promise<boolean> {
    const result = await this.#db
      .updateTable('api_key')
      .set({ revoked_at_ms: atMs })
      .where('id', '=', id)
      .where('revoked_at_ms', 'is', null)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  async setExpiry(id: string, expiresAtMs: number): Promise<void> {
    await this.#db
      .updateTable('api_key')
      .set({ expires_at_ms: expiresAtMs })
      .where('id', '=', id)
      .execute()
  }

  /** Remembers that the key is in use, to the minute. */
  async recordUse(key: ApiKey, nowMs: number): Promise<void> {
    if (key.lastUsedAtMs !== null && nowMs - key.lastUsedAtMs < USE_INTERVAL_MS) return
    await this.#db
      .updateTable('api_key')
      .set({ last_used_at_ms: nowMs })
      .where('id', '=', key.id)
      .execute()
  }
}

function toApiKey(row: Selectable<Schema['api_key']>): ApiKey {
  return {
    id: row.id,
    environmentId: row.environment_id,
    hint: row.hint,
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
    lastUsedAtMs: row.last_used_at_ms,
  }
}
