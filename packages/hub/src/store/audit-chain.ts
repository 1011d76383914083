/**
 * A chain over the audit log of each environment. A row carries a code over its fields from the moment it is written,
 * by a key that the database has only sealed; soon afterwards it is linked to the row before it. Whoever writes into the
 * database without that key cannot change, add or remove a row unseen.
 *
 * The order of the chain is that of linking: ids of several processes do not commit in their order.
 */
import { randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Sealer } from '../seal.ts'
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

/** Stands for no environment; no `dev_id` looks like it. */
const NONE = '*'
const SECRET_BYTES = 32

export class AuditChainTable {
  readonly #db: Db
  readonly #sealer: Sealer
  readonly #engine: Engine

  constructor({ db, sealer, engine }: TableContext) {
    this.#db = db
    this.#sealer = sealer
    this.#engine = engine
  }

  /** The chain of an environment, or of what belongs to none; undefined where nothing was written yet. */
  async find(environmentId: string | null): Promise<Chain | undefined> {
    return await this.#find(environmentId, false)
  }

  /** The same, and begins it where there is none. */
  async begin(environmentId: string | null, nowMs: number): Promise<Chain> {
    const present = await this.find(environmentId)
    if (present !== undefined) return present
    const id = environmentId ?? NONE
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
      .selectFrom('audit')
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
    for (const row of rows) {
      if (row.mac === null || row.mac !== codeOfRow(chain.secret, row)) continue
      seq += 1
      link = codeOfLink(chain.secret, { link, seq }, row.mac)
      await this.#db.updateTable('audit').set({ seq, link }).where('id', '=', row.id).execute()
    }
    if (seq > chain.last_seq) await this.#save(chain, { last_seq: seq, last_link: link })
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
    await this.#db.deleteFrom('audit').where('id', 'in', ids).execute()
    await this.#save(chain, { anchor_seq: last.seq, anchor_link: last.link })
    return old.length
  }

  /** All chains, one per environment; null for that of what belongs to none. */
  async list(): Promise<(string | null)[]> {
    const rows = await this.#db.selectFrom('audit_chain').select('environment_id').execute()
    return rows.map((row) => (row.environment_id === NONE ? null : row.environment_id))
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
      .selectFrom('audit')
      .selectAll()
      .where('environment_id', environmentId === null ? 'is' : '=', environmentId)
  }

  async #find(environmentId: string | null, isForUpdate: boolean): Promise<Chain | undefined> {
    const id = environmentId ?? NONE
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
