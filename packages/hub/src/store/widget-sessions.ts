import type { Selectable } from 'kysely'
import type { TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'
import { first, hasChangedOne, statement } from './statement.ts'

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

type SessionRow = Selectable<Schema['widget_session']>

const ADD = statement(({ db }, row: SessionRow) =>
  db
    .insertInto('widget_session')
    .values({
      id: row.id,
      environment_id: row.environment_id,
      token_hash: row.token_hash,
      reference_id: row.reference_id,
      account_label: row.account_label,
      providers: row.providers,
      language: row.language,
      show_disconnect: row.show_disconnect,
      success_url: row.success_url,
      failure_url: row.failure_url,
      browser_hash: row.browser_hash,
      used_at_ms: row.used_at_ms,
      created_at_ms: row.created_at_ms,
      expires_at_ms: row.expires_at_ms,
    })
    .compile(),
)

const FIND = statement(({ db }, given: { readonly id: string }) =>
  db.selectFrom('widget_session').selectAll().where('id', '=', given.id).compile(),
)

const FIND_FOR_UPDATE = statement(({ db, engine }, given: { readonly id: string }) =>
  db
    .selectFrom('widget_session')
    .selectAll()
    .where('id', '=', given.id)
    .$if(engine === 'postgres', (query) => query.forUpdate())
    .compile(),
)

const FIND_BY_TOKEN = statement(({ db }, given: { readonly tokenHash: string }) =>
  db.selectFrom('widget_session').selectAll().where('token_hash', '=', given.tokenHash).compile(),
)

const CLAIM = statement(({ db }, given: { readonly id: string; readonly browserHash: string }) =>
  db
    .updateTable('widget_session')
    .set({ browser_hash: given.browserHash })
    .where('id', '=', given.id)
    .where('browser_hash', 'is', null)
    .compile(),
)

const MARK_USED = statement(({ db }, given: { readonly id: string; readonly atMs: number }) =>
  db
    .updateTable('widget_session')
    .set({ used_at_ms: given.atMs })
    .where('id', '=', given.id)
    .where('used_at_ms', 'is', null)
    .compile(),
)

export class WidgetSessionTable {
  readonly #context: TableContext
  readonly #db: Db

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
  }

  async add(session: WidgetSession, tokenHash: string): Promise<void> {
    await ADD(this.#context, {
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
  }

  async find(id: string): Promise<WidgetSession | undefined> {
    return toSession(await first(FIND(this.#context, { id })))
  }

  /** Locks the session until the transaction ends: it connects once, however many of its flows succeed. */
  async findForUpdate(id: string): Promise<WidgetSession | undefined> {
    return toSession(await first(FIND_FOR_UPDATE(this.#context, { id })))
  }

  async findByToken(tokenHash: string): Promise<WidgetSession | undefined> {
    return toSession(await first(FIND_BY_TOKEN(this.#context, { tokenHash })))
  }

  /** Gives the session to a browser. @returns False when another one was first. */
  async claim(id: string, browserHash: string): Promise<boolean> {
    return await hasChangedOne(CLAIM(this.#context, { id, browserHash }))
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
    await MARK_USED(this.#context, { id, atMs })
  }
}

function toSession(row: SessionRow | undefined): WidgetSession | undefined {
  if (row === undefined) return undefined
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
