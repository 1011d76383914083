import type { Selectable } from 'kysely'
import { AuditChainTable, type AuditLog, tableOf } from './audit-chain.ts'
import { codeOfRow } from './audit-codes.ts'
import type { TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'
import { statement } from './statement.ts'

/** One change that somebody made. */
export interface AuditEntry {
  /** Sorts by time. */
  readonly id: string
  /** Null for what belongs to no environment. */
  readonly environmentId: string | null
  /** `key:<hint>`, `session:<id>`, `cli` or `system`. */
  readonly actor: string
  /** What was done, `<subject>.<verb>`, for example `destination.create`. */
  readonly action: string
  /** Id of what it was done to. */
  readonly subject: string | null
  /** What a reader needs besides; never a secret. */
  readonly detail: Readonly<Record<string, unknown>>
  readonly createdAtMs: number
}

/** Which entries to list; undefined takes all. */
export interface AuditFilter {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
}

/** Rows that one statement may look through for what no index finds. */
const WINDOW_ROWS = 2_000
/** Windows of one page; it ends early where they hold too little. */
const WINDOWS_MAX = 10

interface Page {
  readonly limit: number
  readonly after?: string | undefined
}

type NewRow = Omit<Schema['audit'], 'seq' | 'link'>

const insertInto = (log: AuditLog) =>
  statement(({ db }, row: NewRow) =>
    db
      .insertInto(tableOf(log))
      .values({
        id: row.id,
        environment_id: row.environment_id,
        actor: row.actor,
        action: row.action,
        subject: row.subject,
        detail: row.detail,
        created_at_ms: row.created_at_ms,
        mac: row.mac,
      })
      .compile(),
  )
const ADD = { changes: insertInto('changes'), traffic: insertInto('traffic') }

/** The rows of one log. */
export class AuditTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #chains: AuditChainTable
  readonly #log: AuditLog

  constructor(context: TableContext, log: AuditLog) {
    this.#context = context
    this.#db = context.db
    this.#chains = new AuditChainTable(context, log)
    this.#log = log
  }

  async add(entry: AuditEntry): Promise<void> {
    const secret = await this.#chains.secretOf(entry.environmentId, entry.createdAtMs)
    const row = {
      id: entry.id,
      environment_id: entry.environmentId,
      actor: entry.actor,
      action: entry.action,
      subject: entry.subject,
      detail: JSON.stringify(entry.detail),
      created_at_ms: entry.createdAtMs,
    }
    await ADD[this.#log](this.#context, { ...row, mac: codeOfRow(secret, row) })
  }

  /** Removes rows from before there were chains, the oldest first. @returns How many. */
  async pruneUnprotected(beforeMs: number, limit: number): Promise<number> {
    const old = this.#db
      .selectFrom('audit')
      .select('id')
      .where('mac', 'is', null)
      .where('seq', 'is', null)
      .where('created_at_ms', '<', beforeMs)
      .orderBy('created_at_ms')
      .limit(limit)
    const removed = this.#db.deleteFrom('audit').where('id', 'in', old).returning('id')
    return (await removed.execute()).length
  }

  /**
   * Entries of an environment, newest first.
   *
   * @returns Also what to go on after, where the page ended early: what is asked for is rare, and no index finds it.
   */
  async list(
    environmentId: string,
    filter: AuditFilter,
    { limit, after }: Page,
  ): Promise<{ entries: AuditEntry[]; next: string | undefined }> {
    if (this.#isIndexed(filter)) {
      return { entries: await this.#list(environmentId, filter, { limit, after }), next: undefined }
    }
    const entries: AuditEntry[] = []
    let next = after
    for (let windows = 0; windows < WINDOWS_MAX; windows += 1) {
      const page = { limit: limit - entries.length, after: next }
      const last = await this.#findWindowEnd(environmentId, next)
      entries.push(...(await this.#list(environmentId, filter, page, last)))
      if (last === undefined || entries.length === limit) return { entries, next: undefined }
      next = last
    }
    return { entries, next }
  }

  #isIndexed({ actor, action, subject }: AuditFilter): boolean {
    if (subject !== undefined) return this.#log === 'traffic'
    return actor === undefined && action === undefined
  }

  /** @returns Undefined where the log ends within the window. */
  async #findWindowEnd(
    environmentId: string,
    after: string | undefined,
  ): Promise<string | undefined> {
    let query = this.#db
      .selectFrom(tableOf(this.#log))
      .select('id')
      .where('environment_id', '=', environmentId)
      .orderBy('id', 'desc')
      .offset(WINDOW_ROWS - 1)
      .limit(1)
    if (after !== undefined) query = query.where('id', '<', after)
    return (await query.executeTakeFirst())?.id
  }

  /** @param last Where to stop looking. */
  async #list(
    environmentId: string,
    filter: AuditFilter,
    page: Page,
    last?: string,
  ): Promise<AuditEntry[]> {
    let query = this.#db
      .selectFrom(tableOf(this.#log))
      .selectAll()
      .where('environment_id', '=', environmentId)
      .orderBy('id', 'desc')
      .limit(page.limit)
    if (page.after !== undefined) query = query.where('id', '<', page.after)
    if (last !== undefined) query = query.where('id', '>=', last)
    if (filter.actor !== undefined) query = query.where('actor', '=', filter.actor)
    if (filter.action !== undefined) query = query.where('action', '=', filter.action)
    if (filter.subject !== undefined) query = query.where('subject', '=', filter.subject)
    return (await query.execute()).map(toEntry)
  }
}

function toEntry(row: Selectable<Schema['audit']>): AuditEntry {
  return {
    id: row.id,
    environmentId: row.environment_id,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    detail: JSON.parse(row.detail) as Record<string, unknown>,
    createdAtMs: row.created_at_ms,
  }
}
