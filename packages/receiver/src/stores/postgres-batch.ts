import type { AliasEdge } from '../core/facts.ts'
import { toStorable } from '../core/json-fields.ts'
import type {
  Cursor,
  DueClaim,
  EventFilter,
  EventRedaction,
  ExpectedReads,
  GroupFilter,
  GroupMember,
  HandlerUpdate,
  InboxEvent,
  NewInboxEvent,
  PruneFilter,
  ReceivedFilter,
  StoredUser,
  StoreTransaction,
  UnparkedUser,
  UserFilter,
  UserName,
  WaitingState,
} from '../store.ts'
import { toKey, type NumberedEvent } from './postgres-rows.ts'
import type { PostgresTransaction } from './postgres-transaction.ts'

const keyOf = (environment: string, name: string): string =>
  `${environment.length}:${environment}${toStorable(name)}`

/**
 * A transaction that reads once at its start and writes once at its end, for events that are accepted together: two round trips where statements
 * can be sent ahead, else four, for all of them instead of three for each. One more where a user is not known.
 *
 * Right only while nobody else changes the inbox's keys and the users, which the lock of such transactions sees to. What was not
 * foreseen is asked when it is needed, after everything that waits has been written.
 */
export class PostgresBatch implements StoreTransaction {
  readonly #tx: PostgresTransaction
  /** Numbers that were taken and are not used yet. */
  readonly #seqs: number[] = []
  /** Whether the inbox has a key, for keys that were asked or inserted. */
  readonly #keys = new Map<string, boolean>()
  readonly #users = new Map<string, { environment: string; user: StoredUser | undefined }>()
  /** Whether a user is known, for users that were only asked for. */
  readonly #asked = new Map<string, boolean>()
  readonly #inserts = new Map<string, NumberedEvent>()
  readonly #unsavedUsers = new Set<string>()
  readonly #edges: { environment: string; edge: AliasEdge }[] = []
  readonly #unparked: UnparkedUser[] = []

  constructor(tx: PostgresTransaction) {
    this.#tx = tx
  }

  /** Reads what is expected. */
  async load(expected: ExpectedReads): Promise<void> {
    const { events, users, asked } = expected
    for (const { environment, eventKey } of events) {
      this.#keys.set(keyOf(environment, eventKey), false)
    }
    for (const { environment, userId } of users) {
      this.#users.set(keyOf(environment, userId), { environment, user: undefined })
    }
    const loaded = await this.#tx.rows.load(expected)
    this.#seqs.push(...loaded.seqs)
    for (const { environment, eventKey } of loaded.keys) {
      this.#keys.set(keyOf(environment, eventKey), true)
    }
    for (const { environment, user } of loaded.users) {
      this.#users.set(keyOf(environment, user.record.userId), { environment, user })
    }
    this.#noteAsked(asked, loaded.unknown)
    const unknown = [...users, ...asked].filter(
      ({ environment, userId }) => !this.#isKnown(keyOf(environment, userId)),
    )
    if (unknown.length > 0) await this.#ask(await Promise.all(unknown.map(expected.insteadOf)))
  }

  /** Asks which users are known. */
  async #ask(asked: readonly UserName[]): Promise<void> {
    const loaded = await this.#tx.rows.load({ events: [], users: [], asked })
    this.#noteAsked(asked, loaded.unknown)
  }

  #noteAsked(asked: readonly UserName[], unknown: readonly number[]): void {
    for (const { environment, userId } of asked) this.#asked.set(keyOf(environment, userId), true)
    for (const n of unknown) {
      const user = asked[n]
      if (user !== undefined) this.#asked.set(keyOf(user.environment, user.userId), false)
    }
  }

  #isKnown(key: string): boolean {
    return this.#users.get(key)?.user !== undefined || this.#asked.get(key) === true
  }

  /** Writes what waits; sends it before it returns, or throws at once. */
  flush(): Promise<unknown> {
    const events = [...this.#inserts.values()]
    const users = [...this.#unsavedUsers].flatMap((key) => {
      const { environment, user } = this.#users.get(key) ?? {}
      return environment === undefined || user === undefined ? [] : [{ environment, user }]
    })
    this.#inserts.clear()
    this.#unsavedUsers.clear()
    const unparked = this.#unparked.splice(0)
    return this.#tx.rows.write({ unparked, users, edges: this.#edges.splice(0), events })
  }

  async insertEvent(event: NewInboxEvent): Promise<number | undefined> {
    const key = keyOf(event.environment, event.eventKey)
    if (this.#keys.get(key) === true) return undefined
    if (!this.#keys.has(key) || this.#seqs.length === 0) {
      const { seqs, keys } = await this.#tx.rows.load({ events: [event], users: [], asked: [] })
      this.#seqs.push(...seqs)
      if (keys.length > 0) return undefined
    }
    const seq = this.#seqs.shift()
    if (seq === undefined) throw new TypeError('the sequence of the inbox gave no number')
    this.#keys.set(key, true)
    this.#inserts.set(key, { ...event, seq })
    return seq
  }

  async findEvent(environment: string, eventKey: string): Promise<InboxEvent | undefined> {
    const waiting = this.#inserts.get(keyOf(environment, eventKey))
    if (waiting === undefined) return this.#tx.findEvent(environment, eventKey)
    const { receivedAtMs: handlerStateAtMs } = waiting
    return { ...waiting, attempts: 0, handlerStateAtMs, handlerError: undefined }
  }

  async unpark(user: UnparkedUser): Promise<void> {
    this.#unparked.push(user)
    const { environment, userId, state, dueAtMs } = user
    for (const [key, event] of this.#inserts) {
      if (event.handlerState !== 'parked' || event.userId !== userId) continue
      if (event.environment !== environment) continue
      this.#inserts.set(key, { ...event, handlerState: state, handlerDueAtMs: dueAtMs })
    }
  }

  async findUser(environment: string, userId: string): Promise<StoredUser | undefined> {
    const key = keyOf(environment, userId)
    const known = this.#users.get(key)
    if (known !== undefined) return known.user
    const user = await this.#tx.findUser(environment, userId)
    this.#users.set(key, { environment, user })
    return user
  }

  async hasUser(environment: string, userId: string): Promise<boolean> {
    const key = keyOf(environment, userId)
    const isKnown = this.#users.has(key) ? undefined : this.#asked.get(key)
    return isKnown ?? (await this.findUser(environment, userId)) !== undefined
  }

  async saveUser(environment: string, user: StoredUser): Promise<void> {
    const key = keyOf(environment, user.record.userId)
    this.#users.set(key, { environment, user })
    this.#unsavedUsers.add(key)
  }

  async saveEdge(environment: string, edge: AliasEdge): Promise<void> {
    this.#edges.push({ environment, edge })
  }

  async mergeComponents(environment: string, from: string, into: string): Promise<void> {
    await this.flush()
    await this.#tx.mergeComponents(environment, from, into)
    for (const [key, each] of this.#users) {
      if (each.environment !== environment || each.user === undefined) continue
      if (toKey(each.user.componentId) !== toKey(from)) continue
      this.#users.set(key, { environment, user: { ...each.user, componentId: into } })
    }
  }

  async listEvents(filter: EventFilter): Promise<InboxEvent[]> {
    await this.flush()
    return this.#tx.listEvents(filter)
  }

  async setHandlerState(update: HandlerUpdate): Promise<void> {
    await this.flush()
    await this.#tx.setHandlerState(update)
  }

  async claimDue(claim: DueClaim): Promise<InboxEvent[]> {
    await this.flush()
    return this.#tx.claimDue(claim)
  }

  async countEvents(state: WaitingState, max: number): Promise<number> {
    await this.flush()
    return this.#tx.countEvents(state, max)
  }

  async findLastBefore(filter: ReceivedFilter): Promise<number | undefined> {
    await this.flush()
    return this.#tx.findLastBefore(filter)
  }

  async prune(filter: PruneFilter): Promise<number> {
    await this.flush()
    this.#keys.clear()
    return this.#tx.prune(filter)
  }

  async listComponent(environment: string, componentId: string): Promise<StoredUser[]> {
    await this.flush()
    return this.#tx.listComponent(environment, componentId)
  }

  async listEdges(environment: string, componentId: string): Promise<AliasEdge[]> {
    await this.flush()
    return this.#tx.listEdges(environment, componentId)
  }

  async listGroup(filter: GroupFilter): Promise<GroupMember[]> {
    await this.flush()
    return this.#tx.listGroup(filter)
  }

  async listEnvironments(userId: string): Promise<string[]> {
    await this.flush()
    return this.#tx.listEnvironments(userId)
  }

  async listUsers(filter: UserFilter): Promise<StoredUser[]> {
    await this.flush()
    return this.#tx.listUsers(filter)
  }

  async deleteUser(environment: string, userId: string): Promise<void> {
    await this.flush()
    await this.#tx.deleteUser(environment, userId)
    this.#users.set(keyOf(environment, userId), { environment, user: undefined })
  }

  async deleteEdge(environment: string, edge: AliasEdge): Promise<void> {
    await this.flush()
    await this.#tx.deleteEdge(environment, edge)
  }

  findCursor(name: string): Promise<string | undefined> {
    return this.#tx.findCursor(name)
  }

  saveCursor(cursor: Cursor): Promise<void> {
    return this.#tx.saveCursor(cursor)
  }

  deleteCursor(name: string): Promise<void> {
    return this.#tx.deleteCursor(name)
  }

  async redactEvent(redaction: EventRedaction): Promise<void> {
    await this.flush()
    await this.#tx.redactEvent(redaction)
  }
}
