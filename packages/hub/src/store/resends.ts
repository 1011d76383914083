import { type Selectable, sql } from 'kysely'
import type { TableContext, Engine } from './context.ts'
import { WINDOW_EVENTS, findOldest } from './event-windows.ts'
import { UNENDED } from './lanes.ts'
import type { Db, Schema } from './schema.ts'

/** Which deliveries to make again; what is left out takes all. */
export interface ResendFilter {
  readonly destinationId?: string | undefined
  readonly eventId?: string | undefined
  readonly type?: string | undefined
  readonly userId?: string | undefined
  readonly referenceId?: string | undefined
  readonly lineageId?: string | undefined
  readonly provider?: string | undefined
  /** How the first delivery ended. */
  readonly status?: 'delivered' | 'failed' | undefined
  readonly sinceMs?: number | undefined
  readonly untilMs?: number | undefined
}

/** Events that an operator asked to be sent again. */
export interface Resend {
  readonly id: string
  readonly environmentId: string
  readonly filter: ResendFilter
  readonly status: Schema['resend']['status']
  /** Events up to here have been dealt with. */
  readonly cursorSeq: number
  /** The newest event when it was asked for. */
  readonly throughSeq: number
  /** Made so far. */
  readonly deliveries: number
  readonly actor: string
  readonly createdAtMs: number
  readonly endedAtMs: number | null
}

/** A delivery that a resend asks for. */
export interface Resendable {
  readonly seq: number
  readonly eventId: string
  readonly destinationId: string
  readonly orderKey: string
  readonly isData: boolean
  /** When the event was made. */
  readonly createdAtMs: number
}

/** Which events a resend looks through. */
export type ResendRange = Pick<Resend, 'environmentId' | 'filter' | 'cursorSeq' | 'throughSeq'>

export class ResendTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  async add(resend: Resend): Promise<void> {
    await this.#db
      .insertInto('resend')
      .values({
        id: resend.id,
        environment_id: resend.environmentId,
        filter: JSON.stringify(resend.filter),
        status: resend.status,
        cursor_seq: resend.cursorSeq,
        through_seq: resend.throughSeq,
        deliveries: resend.deliveries,
        actor: resend.actor,
        created_at_ms: resend.createdAtMs,
        ended_at_ms: resend.endedAtMs,
      })
      .execute()
  }

  async find(environmentId: string, id: string): Promise<Resend | undefined> {
    const row = await this.#db
      .selectFrom('resend')
      .selectAll()
      .where('id', '=', id)
      .where('environment_id', '=', environmentId)
      .executeTakeFirst()
    return row === undefined ? undefined : toResend(row)
  }

  /** In a transaction: nobody else goes on with it until it ends. */
  async findForUpdate(id: string): Promise<Resend | undefined> {
    const row = await this.#db
      .selectFrom('resend')
      .selectAll()
      .where('id', '=', id)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst()
    return row === undefined ? undefined : toResend(row)
  }

  /** Newest first. */
  async list(
    environmentId: string,
    page: { limit: number; after?: string | undefined },
  ): Promise<Resend[]> {
    let query = this.#db
      .selectFrom('resend')
      .selectAll()
      .where('environment_id', '=', environmentId)
    if (page.after !== undefined) query = query.where('id', '<', page.after)
    const rows = await query.orderBy('id', 'desc').limit(page.limit).execute()
    return rows.map(toResend)
  }

  async listRunning(limit: number): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('resend')
      .select('id')
      .where('status', '=', sql.lit('running'))
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(({ id }) => id)
  }

  async save({ id, status, cursorSeq, deliveries, endedAtMs }: Resend): Promise<void> {
    await this.#db
      .updateTable('resend')
      .set({ status, cursor_seq: cursorSeq, deliveries, ended_at_ms: endedAtMs })
      .where('id', '=', id)
      .execute()
  }

  /** Deliveries of a resend that have not ended, counted up to a limit. */
  async countOwed(id: string, limit: number): Promise<number> {
    const rows = await sql<{ count: number }>`
      SELECT count(*) AS count FROM (SELECT 1 FROM delivery WHERE resend_id = ${id} AND resend_id <> ''
        AND ${UNENDED} LIMIT ${limit} + 0) AS owed`.execute(this.#db)
    return rows.rows[0]?.count ?? 0
  }

  /**
   * The next deliveries to make again, in the order of commits: those that have ended, at destinations that
   * wanted them and are still there.
   *
   * @param limit More than the destinations of one event.
   * @param isHeld In a transaction: the events stay until it ends.
   * @returns Also up to which event it has looked, so that no statement looks through the whole history.
   */
  async listNext(
    resend: ResendRange,
    limit: number,
    isHeld = false,
  ): Promise<{ found: Resendable[]; cursorSeq: number }> {
    const { environmentId, filter, cursorSeq, throughSeq } = resend
    const range = { after: cursorSeq, through: throughSeq }
    const seqs = await findOldest(this.#db, { environmentId, ...filter }, range)
    if (seqs.length === 0) return { found: [], cursorSeq: throughSeq }
    const found = await this.#listAmong(seqs, resend, limit, isHeld)
    if (found.length === limit) {
      // A whole number of events, because the cursor counts events.
      const lastSeq = found.at(-1)?.seq
      const whole = found.filter(({ seq }) => seq !== lastSeq)
      return { found: whole, cursorSeq: whole.at(-1)?.seq ?? cursorSeq }
    }
    const lastSeq = seqs.length === WINDOW_EVENTS ? (seqs.at(-1) ?? throughSeq) : throughSeq
    return { found, cursorSeq: lastSeq }
  }

  async #listAmong(
    seqs: readonly number[],
    { environmentId, filter }: ResendRange,
    limit: number,
    isHeld: boolean,
  ): Promise<Resendable[]> {
    let query = this.#db
      .selectFrom('event')
      .innerJoin('delivery', 'delivery.event_id', 'event.id')
      .innerJoin('destination', 'destination.id', 'delivery.destination_id')
      .select([
        'event.seq',
        'event.id',
        'event.order_key',
        'event.created_at_ms',
        'delivery.destination_id',
        'delivery.is_data',
      ])
      .where('event.environment_id', '=', environmentId)
      .where('event.seq', 'in', seqs)
      .where('delivery.resend_id', '=', '')
      .where('delivery.status', 'in', filter.status === undefined ? ENDED : [filter.status])
      .where('destination.deleted_at_ms', 'is', null)
    if (filter.destinationId !== undefined) {
      query = query.where('delivery.destination_id', '=', filter.destinationId)
    }
    if (filter.eventId !== undefined) query = query.where('event.id', '=', filter.eventId)
    if (filter.type !== undefined) query = query.where('event.type', '=', filter.type)
    if (filter.userId !== undefined) query = query.where('event.user_id', '=', filter.userId)
    if (filter.referenceId !== undefined) {
      query = query.where('event.reference_id', '=', filter.referenceId)
    }
    if (filter.lineageId !== undefined) {
      query = query.where('event.lineage_id', '=', filter.lineageId)
    }
    if (filter.provider !== undefined) {
      query = query.where('event.provider', '=', filter.provider)
    }
    if (filter.sinceMs !== undefined) {
      query = query.where('event.created_at_ms', '>=', filter.sinceMs)
    }
    if (filter.untilMs !== undefined) {
      query = query.where('event.created_at_ms', '<', filter.untilMs)
    }
    const rows = await query
      .orderBy('event.seq')
      .orderBy('delivery.id')
      .limit(limit)
      // They must not be pruned: they will be owed again.
      .$if(isHeld && this.#engine === 'postgres', (locked) => locked.forKeyShare('event'))
      .execute()
    return rows.map((row) => ({
      seq: row.seq,
      eventId: row.id,
      destinationId: row.destination_id,
      orderKey: row.order_key,
      isData: row.is_data === 1,
      createdAtMs: row.created_at_ms,
    }))
  }
}

const ENDED = ['delivered', 'failed'] as const

function toResend(row: Selectable<Schema['resend']>): Resend {
  return {
    id: row.id,
    environmentId: row.environment_id,
    // Written by us from a typed object.
    filter: JSON.parse(row.filter) as ResendFilter,
    status: row.status,
    cursorSeq: row.cursor_seq,
    throughSeq: row.through_seq,
    deliveries: row.deliveries,
    actor: row.actor,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
  }
}
