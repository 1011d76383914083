/**
 * A chain over the audit log of each environment. A row carries a code over its fields from the moment it is written,
 * by a key that the database has only sealed; soon afterwards it is linked to the row before it. Whoever writes into the
 * database without that key cannot change, add or remove a row unseen.
 *
 * The order of the chain is that of linking: ids of several processes do not commit in their order.
 */
import { randomBytes } from 'node:crypto'
import { type Selectable, sql } from 'kysely'
import type { Sealer } from '../seal.ts'
import { type Cell, cell, given } from './batch.ts'
import { type ChainState, codeOfChain, codeOfLink, codeOfRow } from './audit-codes.ts'
import type { Engine, TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'

/** A row as it is checked. */
export type ChainedRow = Selectable<Schema['audit']>

/** A chain with its key. */
export interface Chain extends ChainState {
  readonly secret: string
  readonly mac: string
}

/** Which rows to read next. */
interface Page {
  readonly after: string | number
  readonly limit: number
}

/**
 * - `changes`: what operators and apps change.
 * - `traffic`: links made and opened, callbacks, refreshes, revocations. Much more of it, kept for a shorter time, and
 *   so with chains of its own; all of it belongs to an environment.
 */
export type AuditLog = 'changes' | 'traffic'

/** Stands for no environment; no `dev_id` looks like it. */
const NONE = '*'
/** Behind the id of an environment: the chain of its traffic. */
const OF_TRAFFIC = '*traffic'
const SECRET_BYTES = 32

/** The table of a log. All have the same columns, and Kysely is told of one. */
export function tableOf(log: AuditLog): 'audit' {
  return { changes: 'audit', traffic: 'audit_traffic' }[log] as 'audit'
}

/** The chains of one log. */
export class AuditChainTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #sealer: Sealer
  readonly #engine: Engine
  readonly #log: AuditLog
  readonly #table: 'audit'
  /** Of a chain that a transaction has begun nobody knows yet whether it stays. */
  #hasBegun = false

  constructor(context: TableContext, log: AuditLog) {
    this.#context = context
    this.#db = context.db
    this.#sealer = context.sealer
    this.#engine = context.engine
    this.#log = log
    this.#table = tableOf(log)
  }

  /** The key of a chain, which is begun where there is none. */
  async secretOf(environmentId: string | null, nowMs: number): Promise<string> {
    const id = this.#idOf(environmentId)
    const known = this.#context.auditKeys.get(id)
    if (known !== undefined) return known
    const { secret } = await this.begin(environmentId, nowMs)
    if (!this.#hasBegun) this.#context.auditKeys.set(id, secret)
    return secret
  }

  /** The chain of an environment, or of what belongs to none; undefined where nothing was written yet. */
  async find(environmentId: string | null): Promise<Chain | undefined> {
    return await this.#find(environmentId, false)
  }

  /** The same, and begins it where there is none. */
  async begin(environmentId: string | null, nowMs: number): Promise<Chain> {
    const present = await this.find(environmentId)
    if (present !== undefined) return present
    this.#hasBegun = true
    const id = this.#idOf(environmentId)
    const secret = randomBytes(SECRET_BYTES).toString('base64url')
    const state: ChainState = {
      environment_id: id,
      begun_at_ms: nowMs,
      anchor_seq: 0,
      anchor_link: '',
      last_seq: 0,
      last_link: '',
    }
    await this.#db
      .insertInto('audit_chain')
      .values({
        ...state,
        secret_sealed: this.#sealer.seal(secret, place(id)),
        mac: codeOfChain(secret, state),
      })
      // Another process may have begun it meanwhile.
      .onConflict((conflict) => conflict.doNothing())
      .execute()
    return await this.begin(environmentId, nowMs)
  }

  /** Environments with rows that are not linked yet; null for what belongs to none. */
  async listUnlinked(limit: number): Promise<(string | null)[]> {
    const rows = await this.#db
      .selectFrom(this.#table)
      .select('environment_id')
      .distinct()
      .where('seq', 'is', null)
      .where('mac', 'is not', null)
      .limit(limit)
      .execute()
    return rows.map((row) => row.environment_id)
  }

  /**
   * In a transaction: links up to `limit` rows, the oldest first. Rows that nobody with the key has written stay
   * unlinked, for whoever verifies.
   *
   * @param after Id of the last row that was looked at.
   * @returns That of the last one now; undefined when there are no more.
   */
  async link(environmentId: string | null, page: Page): Promise<string | undefined> {
    const chain = await this.#find(environmentId, true)
    if (chain === undefined) return undefined
    const rows = await this.#unlinked(environmentId, page).where('mac', 'is not', null).execute()
    let [seq, link] = [chain.last_seq, chain.last_link]
    const links: Cell[][] = []
    for (const row of rows) {
      if (row.mac === null || row.mac !== codeOfRow(chain.secret, row)) continue
      seq += 1
      link = codeOfLink(chain.secret, { link, seq }, row.mac)
      links.push([row.id, row.environment_id, seq, link])
    }
    if (seq > chain.last_seq) {
      await this.#saveLinks(links)
      await this.#save(chain, { last_seq: seq, last_link: link })
    }
    return rows.length < page.limit ? undefined : rows.at(-1)?.id
  }

  /**
   * In a transaction: removes linked rows from before, from the beginning of the chain, and remembers the last link
   * that left. @returns How many.
   */
  async prune(environmentId: string | null, beforeMs: number, limit: number): Promise<number> {
    const chain = await this.#find(environmentId, true)
    if (chain === undefined) return 0
    const rows = await this.listRows(environmentId, { after: chain.anchor_seq, limit })
    const young = rows.findIndex((row) => row.created_at_ms >= beforeMs)
    const old = young === -1 ? rows : rows.slice(0, young)
    const last = old.at(-1)
    if (last === undefined || last.seq === null || last.link === null) return 0
    const ids = old.map(({ id }) => id)
    await this.#db
      .deleteFrom(this.#table)
      .where('environment_id', environmentId === null ? 'is' : '=', environmentId)
      .where('id', 'in', ids)
      .execute()
    await this.#save(chain, { anchor_seq: last.seq, anchor_link: last.link })
    return old.length
  }

  /** All chains, one per environment; null for that of what belongs to none. */
  async list(): Promise<(string | null)[]> {
    const rows = await this.#db.selectFrom('audit_chain').select('environment_id').execute()
    const ids = rows.map((row) => row.environment_id)
    if (this.#log === 'traffic') {
      return ids.flatMap((id) => (id.endsWith(OF_TRAFFIC) ? id.slice(0, -OF_TRAFFIC.length) : []))
    }
    return ids.flatMap((id) => (id === NONE ? null : id.endsWith(OF_TRAFFIC) ? [] : id))
  }

  /** Linked rows in the order of the chain. */
  async listRows(environmentId: string | null, { after, limit }: Page): Promise<ChainedRow[]> {
    return await this.#of(environmentId)
      .where('seq', '>', Number(after))
      .orderBy('seq')
      .orderBy('id')
      .limit(limit)
      .execute()
  }

  /** Rows that are not linked, those from before there were chains, too. */
  async listRowsUnlinked(environmentId: string | null, page: Page): Promise<ChainedRow[]> {
    return await this.#unlinked(environmentId, page).execute()
  }

  #unlinked(environmentId: string | null, { after, limit }: Page) {
    return this.#of(environmentId)
      .where('seq', 'is', null)
      .where('id', '>', String(after))
      .orderBy('id')
      .limit(limit)
  }

  #of(environmentId: string | null) {
    return this.#db
      .selectFrom(this.#table)
      .selectAll()
      .where('environment_id', environmentId === null ? 'is' : '=', environmentId)
  }

  async #find(environmentId: string | null, isForUpdate: boolean): Promise<Chain | undefined> {
    const id = this.#idOf(environmentId)
    const row = await this.#db
      .selectFrom('audit_chain')
      .selectAll()
      .where('environment_id', '=', id)
      // One process at a time links and prunes. SQLite has one writer.
      .$if(isForUpdate && this.#engine === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst()
    if (row === undefined) return undefined
    const { secret_sealed: sealed, ...state } = row
    return { ...state, secret: this.#sealer.open(sealed, place(id)) }
  }

  #idOf(environmentId: string | null): string {
    return (environmentId ?? NONE) + (this.#log === 'traffic' ? OF_TRAFFIC : '')
  }

  async #saveLinks(links: readonly Cell[][]): Promise<void> {
    const [table, rows] = [
      sql.table(this.#table),
      given(this.#engine, ['text', 'text', 'bigint', 'text'], links),
    ]
    // An environment by its id where there is one: it leads the key of the table of traffic.
    const isHere =
      this.#log === 'traffic'
        ? sql`environment_id = ${cell(1)} AND id = ${cell(0)}`
        : sql`id = ${cell(0)}`
    await sql`UPDATE ${table} SET seq = ${cell(2)}, link = ${cell(3)} FROM ${rows} WHERE ${isHere}`.execute(
      this.#db,
    )
  }

  async #save(chain: Chain, change: Partial<ChainState>): Promise<void> {
    await this.#db
      .updateTable('audit_chain')
      .set({ ...change, mac: codeOfChain(chain.secret, { ...chain, ...change }) })
      .where('environment_id', '=', chain.environment_id)
      .execute()
  }
}

function place(id: string) {
  return { table: 'audit_chain', column: 'secret', rowId: id, environmentId: id }
}
