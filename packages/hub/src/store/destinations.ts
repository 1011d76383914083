import type { Selectable } from 'kysely'
import { Redacted } from '../secret.ts'
import type { Sealer } from '../seal.ts'
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
  readonly createdAtMs: number
}

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

  /**
   * Whether it is enabled, and stays so until the transaction ends: enabling lets go of what is held, and
   * would not see what is about to be held.
   */
  async isEnabledForShare(id: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom('destination')
      .select('status')
      .where('id', '=', id)
      .$if(this.#engine === 'postgres', (query) => query.forShare())
      .executeTakeFirst()
    return row?.status === 'enabled'
  }

  /** What fanning an event out needs of each destination; no secret is opened for it. */
  async listSubscriptions(environmentId: string): Promise<Subscription[]> {
    return await this.#listSubscriptions(environmentId, false)
  }

  /** The same, and none of them is enabled or disabled until the transaction ends. */
  async listSubscriptionsForShare(environmentId: string): Promise<Subscription[]> {
    return await this.#listSubscriptions(environmentId, this.#engine === 'postgres')
  }

  async #listSubscriptions(environmentId: string, isLocked: boolean): Promise<Subscription[]> {
    const rows = await this.#db
      .selectFrom('destination')
      .select(['id', 'event_types', 'wants_extensions', 'status'])
      .where('environment_id', '=', environmentId)
      .orderBy('created_at_ms')
      .orderBy('id')
      .limit(DESTINATIONS_MAX)
      .$if(isLocked, (query) => query.forShare())
      .execute()
    return rows.map((row) => ({
      id: row.id,
      eventTypes: toEventTypes(row.event_types),
      wantsExtensions: row.wants_extensions === 1,
      status: row.status,
    }))
  }

  async moveTo(id: string, url: string): Promise<void> {
    await this.#db.updateTable('destination').set({ url }).where('id', '=', id).execute()
  }

  async disable(id: string, reason: string): Promise<void> {
    await this.#db
      .updateTable('destination')
      .set({ status: 'disabled', disabled_reason: reason })
      .where('id', '=', id)
      .execute()
  }

  async enable(id: string): Promise<void> {
    await this.#db
      .updateTable('destination')
      .set({ status: 'enabled', disabled_reason: null })
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
    createdAtMs: row.created_at_ms,
  }
}

function toEventTypes(json: string | null): string[] | null {
  return json === null ? null : (JSON.parse(json) as string[])
}
