import { type RawBuilder, type Updateable, sql } from 'kysely'
import { type Breaker, CLOSED } from '../core/breaker.ts'
import { toDestinationLane } from '../core/operator-event.ts'
import type { Sealer } from '../seal.ts'
import { batchStatement, cell } from './batch.ts'
import type { Engine, TableContext } from './context.ts'
import {
  type Destination,
  type DestinationChange,
  type DestinationState,
  NOT_QUIET,
  type StateRow,
  type Subscription,
  toBreakerRow,
  toChangeRow,
  toDestination,
  toEventTypes,
  toRow,
  toState,
} from './destination-row.ts'
import { LaneTable } from './lanes.ts'
import type { Db, Schema } from './schema.ts'
import { SigningKeyTable } from './signing-keys.ts'
import { statement } from './statement.ts'

export { CONCURRENCY_DEFAULT } from './destination-row.ts'
export type {
  Destination,
  DestinationChange,
  DestinationState,
  Subscription,
} from './destination-row.ts'

/** Most destinations that one environment can have: each event is fanned out to all of them at once. */
export const DESTINATIONS_MAX = 100

/** First key of the advisory locks on deletions; the second is the hash of the environment. */
const DELETION_LOCKS = sql.lit(7_102)

/** Asked for by each commit of events. */
const LIST_SUBSCRIPTIONS = statement(({ db }, given: { readonly environmentId: string }) =>
  db
    .selectFrom('destination')
    .select([
      'id',
      'event_types',
      'wants_extensions',
      'status',
      'version',
      'failures',
      'failing_since_ms',
      'warned',
      'probe_at_ms',
      'state_failures',
      'state_probe_at_ms',
      'quiet_until_ms',
      'state_quiet_until_ms',
      'last_ordering_ms',
      'concurrency',
    ])
    .where('environment_id', '=', given.environmentId)
    .where('deleted_at_ms', 'is', null)
    .orderBy('created_at_ms')
    .orderBy('id')
    .limit(DESTINATIONS_MAX)
    .compile(),
)

const selectStates = (ids: RawBuilder<unknown>): RawBuilder<StateRow> => sql`
  SELECT destination.id, destination.status, destination.version, destination.failures,
    destination.failing_since_ms, destination.warned, destination.probe_at_ms,
    destination.state_failures, destination.state_probe_at_ms,
    destination.quiet_until_ms, destination.state_quiet_until_ms, destination.last_ordering_ms,
    destination.concurrency
  FROM ${ids} JOIN destination ON destination.id = ${cell(0)}`

const LIST_STATES = batchStatement(['text'], selectStates)

/** In one order for everybody, so that no two wait for each other. */
const LIST_STATES_LOCKED = batchStatement<StateRow>(
  ['text'],
  (ids) => sql`${selectStates(ids)} ORDER BY destination.id FOR UPDATE OF destination`,
)

export class DestinationTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #sealer: Sealer
  readonly #engine: Engine
  readonly #keys: SigningKeyTable
  readonly #lanes: LaneTable

  constructor(context: TableContext) {
    const { db, sealer, engine } = context
    this.#context = context
    this.#db = db
    this.#keys = new SigningKeyTable(context)
    this.#lanes = new LaneTable(context)
    this.#engine = engine
    this.#sealer = sealer
  }

  async add(destination: Destination): Promise<void> {
    await this.#db.insertInto('destination').values(toRow(destination, this.#sealer)).execute()
  }

  /**
   * Deleted ones are not found.
   *
   * @param environmentId Whoever asks for an id has to say whose; null finds it everywhere.
   */
  async find(id: string, environmentId: string | null = null): Promise<Destination | undefined> {
    const row = await this.#select()
      .where('id', '=', id)
      .$if(environmentId !== null, (query) =>
        query.where('environment_id', '=', environmentId ?? ''),
      )
      .executeTakeFirst()
    if (row === undefined) return undefined
    return toDestination(row, this.#sealer, await this.#keys.list(id))
  }

  /** Oldest first; deleted ones are left out. */
  async list(environmentId: string): Promise<Destination[]> {
    const rows = await this.#select()
      .where('environment_id', '=', environmentId)
      .orderBy('created_at_ms')
      .orderBy('id')
      .limit(DESTINATIONS_MAX)
      .execute()
    return await Promise.all(
      rows.map(async (row) => toDestination(row, this.#sealer, await this.#keys.list(row.id))),
    )
  }

  /** Whether no other destination has had its address for longer: it is the one that a configuration file follows. */
  async isOldestAt({
    id,
    environmentId,
    url,
  }: Pick<Destination, 'id' | 'environmentId' | 'url'>): Promise<boolean> {
    const oldest = await this.#select()
      .clearSelect()
      .select('id')
      .where('environment_id', '=', environmentId)
      .where('url', '=', url)
      .orderBy('created_at_ms')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst()
    return oldest?.id === id
  }

  /**
   * What fanning an event out needs of each destination; no secret is opened for it. None of them is deleted
   * before the transaction ends.
   */
  async listSubscriptions(environmentId: string): Promise<Subscription[]> {
    const [, { rows }] = await Promise.all([
      this.holdDeletions(environmentId),
      LIST_SUBSCRIPTIONS(this.#context, { environmentId }),
    ])
    return rows.map((row) => ({
      ...toState(row),
      eventTypes: toEventTypes(row.event_types),
      wantsExtensions: row.wants_extensions === 1,
    }))
  }

  /** Of those destinations that there are. @param isLocked Nobody else changes them until the end. */
  async listStates(ids: readonly string[], isLocked = false): Promise<DestinationState[]> {
    if (ids.length === 0) return []
    const list = isLocked && this.#engine === 'postgres' ? LIST_STATES_LOCKED : LIST_STATES
    const rows = await list(
      this.#context,
      ids.map((id) => [id]),
    )
    return rows.rows.map(toState)
  }

  /**
   * As {@link listStates}, locked, for whoever may have to announce something about them. What announcing locks comes
   * before their rows, as it does wherever a delivery of such an announcement is settled: else two could wait for each other.
   */
  async listStatesToTell(
    destinations: readonly Pick<Destination, 'id' | 'environmentId'>[],
  ): Promise<DestinationState[]> {
    if (destinations.length === 0) return []
    const ids = destinations.map(({ id }) => id)
    const environmentIds = new Set(destinations.map(({ environmentId }) => environmentId))
    for (const id of environmentIds) await this.holdDeletions(id)
    await this.#lanes.lock(ids.map(toDestinationLane))
    return await this.listStates(ids, true)
  }

  /** Enabled ones whose failing began before then, the longest failing first. */
  async listFailingSince(beforeMs: number, limit: number): Promise<Destination[]> {
    const rows = await this.#select()
      .where('failing_since_ms', 'is not', null)
      .where('failing_since_ms', '<=', beforeMs)
      .where('status', '=', 'enabled')
      .orderBy('failing_since_ms')
      .limit(limit)
      .execute()
    return rows.map((row) => toDestination(row, this.#sealer, []))
  }

  async saveBreaker(id: string, breaker: Breaker): Promise<void> {
    await this.#note(id, toBreakerRow(breaker))
  }

  /** Sends no data to it before the first of these, nothing about connections before the other. */
  async quiet(
    id: string,
    {
      quietUntilMs,
      stateQuietUntilMs,
    }: Pick<DestinationState, 'quietUntilMs' | 'stateQuietUntilMs'>,
  ): Promise<void> {
    await this.#note(id, { quiet_until_ms: quietUntilMs, state_quiet_until_ms: stateQuietUntilMs })
  }

  /** Remembers the ordering timestamp of what was told about it. */
  async saveOrdering(id: string, lastOrderingMs: number): Promise<void> {
    await this.#note(id, { last_ordering_ms: lastOrderingMs })
  }

  async moveTo(id: string, url: string): Promise<void> {
    await this.#change(id, { url, ...NOT_QUIET })
  }

  async disable(id: string, reason: string): Promise<void> {
    await this.#change(id, { status: 'disabled', disabled_reason: reason })
  }

  async enable(id: string, nowMs: number): Promise<void> {
    await this.#change(id, {
      ...toBreakerRow(CLOSED),
      ...NOT_QUIET,
      status: 'enabled',
      disabled_reason: null,
      resumed_at_ms: nowMs,
    })
  }

  /** Changes settings; what is left out stays. */
  async update(destination: Destination, change: DestinationChange): Promise<void> {
    await this.#change(destination.id, toChangeRow(destination, change, this.#sealer))
  }

  /** Until the transaction ends, no destination of the environment is deleted. SQLite has one writer. */
  async holdDeletions(environmentId: string): Promise<void> {
    if (this.#engine === 'sqlite') return
    await sql`SELECT pg_advisory_xact_lock_shared(${DELETION_LOCKS}, hashtext(${environmentId}))`.execute(
      this.#db,
    )
  }

  /**
   * Disabled for good; the row stays for the history. Whoever is announcing to it comes first, whoever comes
   * later sees that it is gone: what it is owed by then is all that it will ever be.
   */
  async delete(
    { id, environmentId }: Pick<Destination, 'id' | 'environmentId'>,
    nowMs: number,
  ): Promise<void> {
    if (this.#engine === 'postgres') {
      await sql`SELECT pg_advisory_xact_lock(${DELETION_LOCKS}, hashtext(${environmentId}))`.execute(
        this.#db,
      )
    }
    await this.#change(id, {
      status: 'disabled',
      disabled_reason: 'deleted',
      deleted_at_ms: nowMs,
    })
  }

  /** Of every environment, deleted ones left out, oldest first. */
  async listIds(limit: number): Promise<string[]> {
    const rows = await this.#select()
      .clearSelect()
      .select('id')
      .orderBy('id')
      .limit(limit)
      .execute()
    return rows.map(({ id }) => id)
  }

  /** The newest deleted ones. */
  async listDeleted(): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('destination')
      .select('id')
      .where('deleted_at_ms', 'is not', null)
      .orderBy('deleted_at_ms', 'desc')
      .limit(DESTINATIONS_MAX)
      .execute()
    return rows.map(({ id }) => id)
  }

  #select() {
    return this.#db.selectFrom('destination').selectAll().where('deleted_at_ms', 'is', null)
  }

  /** What is no setting leaves the version as it is. */
  async #note(id: string, change: Updateable<Schema['destination']>): Promise<void> {
    await this.#db.updateTable('destination').set(change).where('id', '=', id).execute()
  }

  async #change(id: string, change: Updateable<Schema['destination']>): Promise<void> {
    await this.#db
      .updateTable('destination')
      .set(({ eb }) => ({ ...change, version: eb('version', '+', 1) }))
      .where('id', '=', id)
      .execute()
  }
}
