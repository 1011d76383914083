import { type Selectable, sql } from 'kysely'
import { type Brand, NO_BRAND } from '../core/brand.ts'
import type { RedirectPolicy } from '../core/redirect.ts'
import type { MatchPolicy } from '../core/match.ts'
import type { Policy } from '../core/connection.ts'
import { Redacted, sealedOnce } from '../secret.ts'
import type { Sealer } from '../seal.ts'
import type { Engine, TableContext } from './context.ts'
import { KeptRows } from './kept-rows.ts'
import type { Db, Schema } from './schema.ts'
import { first, statement } from './statement.ts'

/** What an operator can set per environment; stored as JSON. */
export interface EnvironmentSettings extends Policy {
  /** Which earlier connection a new one continues. */
  readonly matchPolicy: MatchPolicy
  readonly redirects: RedirectPolicy
  /** How the pages look that people connect on. */
  readonly brand: Brand
  /** Whether real people connect here: browsers are sent only to addresses on the allow-list. */
  readonly isProduction: boolean
  /** Whether the app may read access tokens, instead of calling providers through the hub. */
  readonly tokenAccess: 'off' | 'allowed'
  /** Days after which events leave the history, unless they are still owed. */
  readonly retentionDays: number
}

export const DEFAULT_SETTINGS: EnvironmentSettings = {
  matchPolicy: 'reference',
  failedAuthShape: 'auth_cancelled',
  connect: { confirmation: 'off', accountPolicy: 'allow' },
  redirects: { schemes: [], allowList: null },
  brand: NO_BRAND,
  isProduction: false,
  tokenAccess: 'off',
  retentionDays: 14,
}

/** One `dev_id` with everything that belongs to it. */
export interface Environment {
  /** The `dev_id`. */
  readonly id: string
  readonly name: string
  readonly settings: EnvironmentSettings
  /** Signs the parameters of redirects to the app. */
  readonly redirectSecret: Redacted<string>
  readonly createdAtMs: number
  /** Null while it is in use. In an archived one no key works and no link is made. */
  readonly archivedAtMs: number | null
}

const FIND = statement(({ db }, given: { readonly id: string }) =>
  db.selectFrom('environment').selectAll().where('id', '=', given.id).compile(),
)

const KEPT = new KeptRows(toEnvironment)

export class EnvironmentTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #sealer: Sealer
  readonly #engine: Engine

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
    this.#sealer = context.sealer
    this.#engine = context.engine
  }

  /** Until the transaction ends, no other process declares environments. SQLite has one writer. */
  async holdDeclarations(): Promise<void> {
    if (this.#engine === 'sqlite') return
    await sql`SELECT pg_advisory_xact_lock(hashtext('firma.declaration'), hashtext(current_schema()))`.execute(
      this.#db,
    )
  }

  async add(environment: Environment): Promise<void> {
    await this.#db
      .insertInto('environment')
      .values({
        id: environment.id,
        name: environment.name,
        settings: JSON.stringify(environment.settings),
        redirect_secret_sealed: this.#sealer.seal(
          environment.redirectSecret.reveal(),
          secretPlace(environment.id),
        ),
        created_at_ms: environment.createdAtMs,
        archived_at_ms: environment.archivedAtMs,
      })
      .execute()
  }

  async find(id: string): Promise<Environment | undefined> {
    const row = await first(FIND(this.#context, { id }))
    return row === undefined ? undefined : KEPT.get(this.#sealer, id, row)
  }

  /** In the order of their `dev_id`. */
  async list(page: { limit: number; after?: string | undefined }): Promise<Environment[]> {
    let query = this.#db.selectFrom('environment').selectAll().orderBy('id').limit(page.limit)
    if (page.after !== undefined) query = query.where('id', '>', page.after)
    return (await query.execute()).map((row) => toEnvironment(row, this.#sealer))
  }

  /** Locks the environment until the end of the transaction. */
  async findForUpdate(id: string): Promise<Environment | undefined> {
    const row = await this.#db
      .selectFrom('environment')
      .selectAll()
      .where('id', '=', id)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst()
    return row === undefined ? undefined : toEnvironment(row, this.#sealer)
  }

  /** Saves name, settings and archival. */
  async save({ id, name, settings, archivedAtMs }: Environment): Promise<void> {
    await this.#db
      .updateTable('environment')
      .set({ name, settings: JSON.stringify(settings), archived_at_ms: archivedAtMs })
      .where('id', '=', id)
      .execute()
  }

  async saveSettings(id: string, settings: EnvironmentSettings): Promise<void> {
    await this.#db
      .updateTable('environment')
      .set({ settings: JSON.stringify(settings) })
      .where('id', '=', id)
      .execute()
  }
}

function toEnvironment(row: Selectable<Schema['environment']>, sealer: Sealer): Environment {
  return {
    id: row.id,
    name: row.name,
    // Written by us from a typed object; a setting that is new since then takes its default.
    settings: { ...DEFAULT_SETTINGS, ...(JSON.parse(row.settings) as object) },
    redirectSecret: new Redacted(
      sealedOnce(() => sealer.open(row.redirect_secret_sealed, secretPlace(row.id))),
    ),
    createdAtMs: row.created_at_ms,
    archivedAtMs: row.archived_at_ms,
  }
}

function secretPlace(id: string) {
  return {
    table: 'environment',
    column: 'redirect_secret',
    rowId: id,
    environmentId: id,
  }
}
