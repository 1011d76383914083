import { type Selectable, type Updateable, sql } from 'kysely'
import { Redacted } from '../secret.ts'
import type { Sealer } from '../seal.ts'
import { given, textCell } from './batch.ts'
import type { Engine, TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'

/** Where events of an environment go. */
export interface Destination {
  readonly id: string
  readonly environmentId: string
  readonly url: string
  /** Signs what is sent there. */
  readonly secret: Redacted<string>
  /** Null takes every type. */
  readonly eventTypes: readonly string[] | null
  /** Whether event types that Terra does not have are sent too. */
  readonly wantsExtensions: boolean
  readonly status: 'enabled' | 'disabled'
  readonly disabledReason: string | null
  /** Longest time for one attempt, in milliseconds. */
  readonly timeoutMs: number
  /** Deliveries that may be under way to it at once, per process. */
  readonly concurrency: number
  /** Attempts before this belong to an earlier series; null where it was never disabled. */
  readonly resumedAtMs: number | null
  readonly createdAtMs: number
}

/** What whoever delivers asks about a destination at each turn. */
export interface DestinationState {
  readonly id: string
  readonly status: Destination['status']
  /** Grows with each change of anything that {@link Destination} has. */
  readonly version: number
}

/** Deliveries under way to one destination at once, where nothing else is said. */
export const CONCURRENCY_DEFAULT = 8

/** The part of a destination that decides whether an event is owed to it. */
export type Subscription = Pick<Destination, 'id' | 'eventTypes' | 'wantsExtensions' | 'status'>

/** Most destinations that one environment can have: each event is fanned out to all of them at once. */
export const DESTINATIONS_MAX = 100

export class DestinationTable {
  readonly #db: Db
  readonly #sealer: Sealer
  readonly #engine: Engine

  constructor({ db, sealer, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
    this.#sealer = sealer
  }

  async add(destination: Destination): Promise<void> {
    const row = { id: destination.id, environment_id: destination.environmentId }
    await this.#db
      .insertInto('destination')
      .values({
        ...row,
        url: destination.url,
        secret_sealed: this.#sealer.seal(destination.secret.reveal(), place(row)),
        event_types:
          destination.eventTypes === null ? null : JSON.stringify(destination.eventTypes),
        wants_extensions: destination.wantsExtensions ? 1 : 0,
        status: destination.status,
        disabled_reason: destination.disabledReason,
        timeout_ms: destination.timeoutMs,
        concurrency: destination.concurrency,
        resumed_at_ms: destination.resumedAtMs,
        created_at_ms: destination.createdAtMs,
      })
      .execute()
  }

  async find(id: string): Promise<Destination | undefined> {
    const row = await this.#db
      .selectFrom('destination')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : toDestination(row, this.#sealer)
  }

  async list(environmentId: string): Promise<Destination[]> {
    const rows = await this.#db
      .selectFrom('destination')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .orderBy('created_at_ms')
      .orderBy('id')
      .limit(DESTINATIONS_MAX)
      .execute()
    return rows.map((row) => toDestination(row, this.#sealer))
  }

  /** What fanning an event out needs of each destination; no secret is opened for it. */
  async listSubscriptions(environmentId: string): Promise<Subscription[]> {
    const rows = await this.#db
      .selectFrom('destination')
      .select(['id', 'event_types', 'wants_extensions', 'status'])
      .where('environment_id', '=', environmentId)
      .orderBy('created_at_ms')
      .orderBy('id')
      .limit(DESTINATIONS_MAX)
      .execute()
    return rows.map((row) => ({
      id: row.id,
      eventTypes: toEventTypes(row.event_types),
      wantsExtensions: row.wants_extensions === 1,
      status: row.status,
    }))
  }

  /** Of those destinations that there are. */
  async listStates(ids: readonly string[]): Promise<DestinationState[]> {
    if (ids.length === 0) return []
    const rows = await sql<DestinationState>`
      SELECT destination.id, destination.status, destination.version
      FROM ${given(
        this.#engine,
        ids.map((id) => [id]),
      )} JOIN destination ON destination.id = ${textCell(0)}`.execute(this.#db)
    return rows.rows
  }

  async moveTo(id: string, url: string): Promise<void> {
    await this.#change(id, { url })
  }

  async disable(id: string, reason: string): Promise<void> {
    await this.#change(id, { status: 'disabled', disabled_reason: reason })
  }

  async enable(id: string, nowMs: number): Promise<void> {
    await this.#change(id, { status: 'enabled', disabled_reason: null, resumed_at_ms: nowMs })
  }

  async #change(id: string, change: Updateable<Schema['destination']>): Promise<void> {
    await this.#db
      .updateTable('destination')
      .set(({ eb }) => ({ ...change, version: eb('version', '+', 1) }))
      .where('id', '=', id)
      .execute()
  }
}

function place(row: { id: string; environment_id: string }) {
  return {
    table: 'destination',
    column: 'secret',
    rowId: row.id,
    environmentId: row.environment_id,
  }
}

function toDestination(row: Selectable<Schema['destination']>, sealer: Sealer): Destination {
  return {
    id: row.id,
    environmentId: row.environment_id,
    url: row.url,
    secret: new Redacted(sealer.open(row.secret_sealed, place(row))),
    eventTypes: toEventTypes(row.event_types),
    wantsExtensions: row.wants_extensions === 1,
    status: row.status,
    disabledReason: row.disabled_reason,
    timeoutMs: row.timeout_ms,
    concurrency: row.concurrency,
    resumedAtMs: row.resumed_at_ms,
    createdAtMs: row.created_at_ms,
  }
}

function toEventTypes(json: string | null): string[] | null {
  return json === null ? null : (JSON.parse(json) as string[])
}
