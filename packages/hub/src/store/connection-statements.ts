/** The statements that every connect flow and every refresh makes about a connection. */
import { type Selectable, sql } from 'kysely'
import { batchStatement, cell } from './batch.ts'
import type { Db, Schema } from './schema.ts'
import { type StatementContext, pick, statement } from './statement.ts'

type ConnectionRow = Selectable<Schema['connection']>

const COLUMNS = [
  'lineage_id',
  'environment_id',
  'match_key',
  'provider',
  'reference_id',
  'provider_account_id',
  'account_label',
  'user_id',
  'status',
  'scopes',
  'token_version',
  'degraded_at_ms',
  'degraded_by',
  'error_announced_at_ms',
  'last_webhook_update_ms',
  'user_created_at_ms',
  'last_ordering_ms',
  'updated_at_ms',
  'ended_by',
] as const

export const FIND = statement(({ db }, given: { readonly lineageId: string }) =>
  selectConnections(db).where('lineage_id', '=', given.lineageId).compile(),
)

export const FIND_FOR_UPDATE = statement((context, given: { readonly lineageId: string }) =>
  selectForUpdate(context).where('lineage_id', '=', given.lineageId).compile(),
)

export const FIND_BY_MATCH_KEY = statement(
  (context, given: { readonly environmentId: string; readonly key: string }) =>
    selectForUpdate(context)
      .where('environment_id', '=', given.environmentId)
      .where('match_key', '=', given.key)
      .compile(),
)

export const SAVE = statement(({ db }, row: ConnectionRow) => {
  const values = pick(row, COLUMNS)
  return db
    .insertInto('connection')
    .values(values)
    .onConflict((conflict) => conflict.column('lineage_id').doUpdateSet(values))
    .compile()
})

export const ADD_ALIAS = statement(({ db }, row: ConnectionRow) =>
  db
    .insertInto('user_alias')
    .values({
      user_id: row.user_id,
      environment_id: row.environment_id,
      lineage_id: row.lineage_id,
      created_at_ms: row.updated_at_ms,
    })
    .onConflict((conflict) => conflict.column('user_id').doNothing())
    .compile(),
)

export const ADD_REFERENCE = statement(
  ({ db }, row: ConnectionRow & { readonly reference_id: string }) =>
    db
      .insertInto('lineage_reference')
      .values(pick(row, ['environment_id', 'reference_id', 'lineage_id']))
      .onConflict((conflict) => conflict.doNothing())
      .compile(),
)

export const SET_TOKEN_VERSION = statement(
  ({ db }, given: { readonly lineageId: string; readonly version: number }) =>
    db
      .updateTable('connection')
      .set({ token_version: given.version })
      .where('lineage_id', '=', given.lineageId)
      .compile(),
)

/** Locks the lineages until the transaction ends; SQLite has one writer. */
export function selectForUpdate({ db, engine }: StatementContext) {
  return selectConnections(db).$if(engine === 'postgres', (query) => query.forUpdate('connection'))
}

export function selectConnections(db: Db) {
  return db.selectFrom('connection').selectAll('connection')
}

/** By environment and alias. */
export const LIST_BY_ALIAS_FOR_UPDATE = batchStatement<ConnectionRow & { alias: string }>(
  ['text', 'text'],
  (rows, engine) => sql`
    SELECT connection.*, user_alias.user_id AS alias
    FROM ${rows} JOIN user_alias ON user_alias.user_id = ${cell(1)}
    JOIN connection ON connection.lineage_id = user_alias.lineage_id
      AND connection.environment_id = ${cell(0)} ${
        engine === 'postgres' ? sql`ORDER BY connection.lineage_id FOR UPDATE OF connection` : sql``
      }`,
)

/** Lineage, newest ordering timestamp, newest webhook (null leaves it as it is), now. */
export const SAVE_ACTIVITY = batchStatement(
  ['text', 'bigint', 'bigint', 'bigint'],
  (rows) => sql`
    UPDATE connection SET last_ordering_ms = ${cell(1)}, updated_at_ms = ${cell(3)},
      last_webhook_update_ms = coalesce(${cell(2)}, last_webhook_update_ms)
    FROM ${rows} WHERE lineage_id = ${cell(0)}`,
)
