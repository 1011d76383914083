import type { Selectable } from 'kysely'
import type { Engine, TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'

/** A link to the connect page, made for one end user. */
export interface WidgetSession {
  readonly id: string
  readonly environmentId: string
  readonly referenceId: string | null
  /** Whose account at the app it is, masked; null where the app has not said. */
  readonly accountLabel: string | null
  /** Providers to offer; null offers all that the environment has. */
  readonly providers: readonly string[] | null
  readonly language: string | null
  readonly showDisconnect: boolean
  readonly successUrl: string | null
  readonly failureUrl: string | null
  /** Digest of the first browser's secret; null until someone came. */
  readonly browserHash: string | null
  readonly usedAtMs: number | null
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

export class WidgetSessionTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  async add(session: WidgetSession, tokenHash: string): Promise<void> {
    await this.#db
      .insertInto('widget_session')
      .values({
        id: session.id,
        environment_id: session.environmentId,
        token_hash: tokenHash,
        reference_id: session.referenceId,
        account_label: session.accountLabel,
        providers: session.providers === null ? null : JSON.stringify(session.providers),
        language: session.language,
        show_disconnect: session.showDisconnect ? 1 : 0,
        success_url: session.successUrl,
        failure_url: session.failureUrl,
        browser_hash: session.browserHash,
        used_at_ms: session.usedAtMs,
        created_at_ms: session.createdAtMs,
        expires_at_ms: session.expiresAtMs,
      })
      .execute()
  }

  async find(id: string): Promise<WidgetSession | undefined> {
    const row = await this.#db
      .selectFrom('widget_session')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : toSession(row)
  }

  /** Locks the session until the transaction ends: it connects once, however many of its flows succeed. */
  async findForUpdate(id: string): Promise<WidgetSession | undefined> {
    const row = await this.#db
      .selectFrom('widget_session')
      .selectAll()
      .where('id', '=', id)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst()
    return row === undefined ? undefined : toSession(row)
  }

  async findByToken(tokenHash: string): Promise<WidgetSession | undefined> {
    const row = await this.#db
      .selectFrom('widget_session')
      .selectAll()
      .where('token_hash', '=', tokenHash)
      .executeTakeFirst()
    return row === undefined ? undefined : toSession(row)
  }

  /** Gives the session to a browser. @returns False when another one was first. */
  async claim(id: string, browserHash: string): Promise<boolean> {
    const result = await this.#db
      .updateTable('widget_session')
      .set({ browser_hash: browserHash })
      .where('id', '=', id)
      .where('browser_hash', 'is', null)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /** Ends every link of a person. @returns How many they had. */
  async endOfReference(environmentId: string, referenceId: string, atMs: number): Promise<number> {
    const result = await this.#db
      .updateTable('widget_session')
      .set(({ fn, val }) => ({ used_at_ms: fn.coalesce('used_at_ms', val(atMs)) }))
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId)
      .executeTakeFirst()
    return Number(result.numUpdatedRows)
  }

  async markUsed(id: string, atMs: number): Promise<void> {
    await this.#db
      .updateTable('widget_session')
      .set({ used_at_ms: atMs })
      .where('id', '=', id)
      .where('used_at_ms', 'is', null)
      .execute()
  }
}

function toSession(row: Selectable<Schema['widget_session']>): WidgetSession {
  return {
    id: row.id,
    environmentId: row.environment_id,
    referenceId: row.reference_id,
    accountLabel: row.account_label,
    providers: row.providers === null ? null : (JSON.parse(row.providers) as string[]),
    language: row.language,
    showDisconnect: row.show_disconnect === 1,
    successUrl: row.success_url,
    failureUrl: row.failure_url,
    browserHash: row.browser_hash,
    usedAtMs: row.used_at_ms,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  }
}
