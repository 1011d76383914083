import { sql } from 'kysely'
import { FirmaError } from '../errors.ts'
import type { Sealer } from '../seal.ts'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'
import { hasChangedOne } from './statement.ts'

/** A column with sealed values, and the place that they are bound to. */
interface SealedColumn {
  readonly table: string
  readonly column: string
  /** `column` of the place. */
  readonly place: string
  readonly id: string
  /** SQL for `environmentId` of the place. */
  readonly environment: string
}

const OWN = 'environment_id'

/** Where sealed values are. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  ['environment', 'redirect_secret_sealed', 'redirect_secret', 'id', 'id'],
  ['provider_app', 'client_secret_sealed', 'client_secret', 'provider', OWN],
  ['provider_app', 'secrets_sealed', 'secrets', 'provider', OWN],
  ['app_subscription', 'app_sealed', 'app', 'id', OWN],
  ['flow', 'code_verifier_sealed', 'code_verifier', 'id', OWN],
  ['held_grant', 'grant_sealed', 'grant', 'flow_id', OWN],
  ['destination', 'secret_sealed', 'secret', 'id', OWN],
  ['destination', 'headers_sealed', 'headers', 'id', OWN],
  ['signing_key', 'secret_sealed', 'secret', 'id', OWN],
  ['revocation', 'token_set_sealed', 'token_set', 'id', OWN],
  ['audit_chain', 'secret_sealed', 'secret', 'environment_id', OWN],
  ['idempotency', 'answer_sealed', 'answer', 'key_hash', "''"],
  [
    'token_set',
    'sealed',
    'sealed',
    'lineage_id',
    '(SELECT c.environment_id FROM connection c WHERE c.lineage_id = token_set.lineage_id)',
  ],
].map(([table = '', column = '', place = '', id = '', environment = '']) => ({
  table,
  column,
  place,
  id,
  environment,
}))

/** Where a pass over all sealed values is. */
export interface ResealPosition {
  readonly column: number
  readonly environmentId: string
  readonly id: string
}

export const RESEAL_START: ResealPosition = { column: 0, environmentId: '', id: '' }

/** What one step of a pass has done. */
export interface ResealStep {
  readonly resealed: number
  /** Values that did not open: their key is missing, or they were moved or changed. */
  readonly failed: number
  /** Undefined when the pass is over. */
  readonly next: ResealPosition | undefined
}

/** All sealed values of the database, whatever they are. */
export class SealedValues {
  readonly #db: Db
  readonly #sealer: Sealer

  constructor({ db, sealer }: TableContext) {
    this.#db = db
    this.#sealer = sealer
  }

  /** The key that seals. */
  get primaryId(): string {
    return this.#sealer.primaryId
  }

  /** All keys that open, in the order of the configuration. */
  get keyIds(): readonly string[] {
    return this.#sealer.keyIds
  }

  /** From now on this one of the keys seals. */
  sealWith(id: string): void {
    this.#sealer.sealWith(id)
  }

  /** Seals up to `limit` values anew that the primary key has not sealed. */
  async reseal(from: ResealPosition, limit: number): Promise<ResealStep> {
    const column = SEALED_COLUMNS[from.column]
    if (column === undefined) return { resealed: 0, failed: 0, next: undefined }
    const { table, column: name, id, environment } = column
    const [value, rowId, env] = [sql.raw(name), sql.raw(id), sql.raw(environment)]
    const { rows } = await sql<{ id: string; environment_id: string; value: string }>`
      SELECT id, environment_id, value FROM (
        SELECT ${rowId} AS id, ${env} AS environment_id, ${value} AS value FROM ${sql.raw(table)}
        WHERE ${value} IS NOT NULL AND ${sealedBy(name, this.#sealer.primaryId, '<>')}
      ) AS sealed_value
      WHERE environment_id > ${from.environmentId}
        OR (environment_id = ${from.environmentId} AND id > ${from.id})
      ORDER BY environment_id, id LIMIT ${limit} + 0`.execute(this.#db)
    let [resealed, failed] = [0, 0]
    for (const row of rows) {
      const fresh = this.#sealAnew(column, row)
      if (fresh === undefined) failed += 1
      else {
        // Only over what was read: whoever has written meanwhile has used the primary key.
        const update = sql`UPDATE ${sql.raw(table)} SET ${value} = ${fresh}
          WHERE ${rowId} = ${row.id} AND ${value} = ${row.value}`
        if (await hasChangedOne(update.execute(this.#db))) resealed += 1
      }
    }
    const last = rows.at(-1)
    const next =
      last === undefined || rows.length < limit
        ? { ...RESEAL_START, column: from.column + 1 }
        : { column: from.column, environmentId: last.environment_id, id: last.id }
    return { resealed, failed, next: SEALED_COLUMNS[next.column] && next }
  }

  /** How many values each key has sealed; `unknown` counts those of keys that are not configured. */
  async count(): Promise<{ byKey: Map<string, number>; unknown: number }> {
    const byKey = new Map(this.#sealer.keyIds.map((id) => [id, 0]))
    let unknown = 0
    for (const { table, column } of SEALED_COLUMNS) {
      let rest = await this.#countWhere(table, sql`${sql.raw(column)} IS NOT NULL`)
      for (const [id, sum] of byKey) {
        const found = await this.#countWhere(table, sealedBy(column, id, '='))
        byKey.set(id, sum + found)
        rest -= found
      }
      unknown += rest
    }
    return { byKey, unknown }
  }

  async #countWhere(table: string, condition: ReturnType<typeof sealedBy>): Promise<number> {
    const { rows } = await sql<{ count: number }>`
      SELECT count(*) AS count FROM ${sql.raw(table)} WHERE ${condition}`.execute(this.#db)
    return rows[0]?.count ?? 0
  }

  #sealAnew(
    { table, place }: SealedColumn,
    row: { id: string; environment_id: string; value: string },
  ): string | undefined {
    const at = { table, column: place, rowId: row.id, environmentId: row.environment_id }
    try {
      return this.#sealer.seal(this.#sealer.open(row.value, at), at)
    } catch (error) {
      // Counted by the caller; the others go on.
      if (error instanceof FirmaError) return undefined
      throw error
    }
  }
}

/** Compared as a prefix by position: an underscore in a key's id would stand for anything in LIKE. */
function sealedBy(column: string, keyId: string, comparison: '=' | '<>') {
  const prefix = `v1.${keyId}.`
  return sql`substr(${sql.raw(column)}, 1, ${sql.lit(prefix.length)}) ${sql.raw(comparison)} ${prefix}`
}
