import type { AliasEdge } from '../core/facts.ts'
import { compareText } from '../core/user-record.ts'
import type {
  Cursor,
  DueClaim,
  EventFilter,
  EventRedaction,
  GroupFilter,
  GroupMember,
  HandlerUpdate,
  InboxEvent,
  NewInboxEvent,
  PruneFilter,
  ReceivedFilter,
  ReceiverStore,
  StoredUser,
  StoreTransaction,
  UnparkedUser,
  UserFilter,
  WaitingState,
} from '../store.ts'
import { toKeptStates } from './rows.ts'

/** A store that ends with the process: for tests and for trying things out. Lookups walk everything. */
export function memoryStore(): ReceiverStore {
  let tables = emptyTables()
  let tail: Promise<unknown> = Promise.resolve()
  return {
    transaction<T>(fn: (tx: StoreTransaction) => Promise<T>): Promise<T> {
      const run = async (): Promise<T> => {
        // Rows are never changed in place, so copies of the maps are enough to go back to.
        const draft = copyTables(tables)
        const result = await fn(new MemoryTransaction(draft))
        tables = draft
        return result
      }
      const result = tail.then(run, run)
      // A failed transaction must not fail the next one.
      tail = result.catch(() => undefined)
      return result
    },
    async close() {
      await tail
    },
  }
}

interface Tables {
  /** An object, so that a number is not given out twice after a rollback or a deletion. */
  counter: { seq: number }
  events: Map<number, InboxEvent>
  seqs: Map<string, number>
  users: Map<string, GroupMember>
  edges: Map<string, { environment: string; edge: AliasEdge }>
  cursors: Map<string, string>
}

const ENVIRONMENTS_MAX = 16

function emptyTables(): Tables {
  return {
    counter: { seq: 0 },
    events: new Map(),
    seqs: new Map(),
    users: new Map(),
    edges: new Map(),
    cursors: new Map(),
  }
}

function copyTables({ counter, events, seqs, users, edges, cursors }: Tables): Tables {
  return {
    counter,
    events: new Map(events),
    seqs: new Map(seqs),
    users: new Map(users),
    edges: new Map(edges),
    cursors: new Map(cursors),
  }
}

const keyOf = (...parts: readonly string[]): string => JSON.stringify(parts)

class MemoryTransaction implements StoreTransaction {
  readonly #tables: Tables

  constructor(tables: Tables) {
    this.#tables = tables
  }

  async insertEvent(event: NewInboxEvent): Promise<number | undefined> {
    const key = keyOf(event.environment, event.eventKey)
    if (this.#tables.seqs.has(key)) return undefined
    const seq = (this.#tables.counter.seq += 1)
    this.#tables.seqs.set(key, seq)
    this.#tables.events.set(seq, {
      ...event,
      body: event.body.slice(),
      seq,
      attempts: 0,
      handlerStateAtMs: event.receivedAtMs,
      handlerError: undefined,
    })
    return seq
  }

  async findEvent(environment: string, eventKey: string): Promise<InboxEvent | undefined> {
    const seq = this.#tables.seqs.get(keyOf(environment, eventKey))
    return seq === undefined ? undefined : this.#tables.events.get(seq)
  }

  async listEvents(filter: EventFilter): Promise<InboxEvent[]> {
    const users = filter.userIds === undefined ? undefined : new Set(filter.userIds)
    const found: InboxEvent[] = []
    const events = [...this.#tables.events.values()]
    for (const event of filter.isNewestFirst === true ? events.toReversed() : events) {
      if (found.length >= filter.limit) break
      if (event.seq <= (filter.afterSeq ?? 0) || event.seq > (filter.throughSeq ?? Infinity))
        continue
      if (event.receivedAtMs < (filter.receivedFromMs ?? -Infinity)) continue
      if (event.receivedAtMs >= (filter.receivedBeforeMs ?? Infinity)) continue
      if (filter.environment !== undefined && event.environment !== filter.environment) continue
      if (users !== undefined && !users.has(event.userId ?? '')) continue
      if (filter.types?.includes(event.type) === false) continue
      if (filter.handlerStates?.includes(event.handlerState) === false) continue
      if (event.handlerStateAtMs >= (filter.handlerStateBeforeMs ?? Infinity)) continue
      found.push(event)
    }
    return found
  }

  async setHandlerState(update: HandlerUpdate): Promise<void> {
    const { seq, state, atMs, attemptsAdded, error, dueAtMs } = update
    const event = this.#tables.events.get(seq)
    if (event === undefined) return
    if (event.handlerState === 'done' && (state === 'failed' || state === 'dead')) return
    this.#tables.events.set(seq, {
      ...event,
      handlerState: state,
      handlerStateAtMs: atMs,
      handlerDueAtMs: dueAtMs,
      handlerError: error,
      attempts: event.attempts + attemptsAdded,
    })
  }

  async claimDue(claim: DueClaim): Promise<InboxEvent[]> {
    const { exceptSeqs = [], nowMs, untilMs, limit, isFailedIncluded = false } = claim
    const due = [...this.#tables.events.values()].filter(
      ({ seq, handlerDueAtMs, handlerState }) =>
        handlerDueAtMs !== undefined &&
        (claim.seq === undefined || claim.seq === seq) &&
        !exceptSeqs.includes(seq) &&
        (handlerDueAtMs <= nowMs || (isFailedIncluded && handlerState === 'failed')),
    )
    due.sort((a, b) => (a.handlerDueAtMs ?? 0) - (b.handlerDueAtMs ?? 0) || a.seq - b.seq)
    const taken = {
      handlerState: 'pending',
      handlerStateAtMs: nowMs,
      handlerDueAtMs: untilMs,
    } as const
    const claimed = due.slice(0, limit).map((event) => ({ ...event, ...taken }))
    for (const event of claimed) this.#tables.events.set(event.seq, event)
    return claimed.sort((a, b) => a.seq - b.seq)
  }

  async countEvents(state: WaitingState, max: number): Promise<number> {
    const events = [...this.#tables.events.values()]
    return Math.min(max, events.filter(({ handlerState }) => handlerState === state).length)
  }

  async findLastBefore({ receivedBeforeMs, nowMs }: ReceivedFilter): Promise<number | undefined> {
    let last: number | undefined
    for (const [seq, { receivedAtMs }] of this.#tables.events) {
      if (receivedAtMs < receivedBeforeMs) last = seq
      else if (receivedAtMs <= nowMs) break
    }
    return last
  }

  async prune({ throughSeq, isUnhandledIncluded, limit }: PruneFilter): Promise<number> {
    const kept = toKeptStates(isUnhandledIncluded)
    let pruned = 0
    for (const [seq, { handlerState, environment, eventKey }] of this.#tables.events) {
      if (pruned >= limit || seq > throughSeq) break
      if (kept.includes(handlerState)) continue
      this.#tables.events.delete(seq)
      this.#tables.seqs.delete(keyOf(environment, eventKey))
      pruned += 1
    }
    return pruned
  }

  async unpark({ environment, userId, state, atMs, dueAtMs }: UnparkedUser): Promise<void> {
    for (const [seq, event] of this.#tables.events) {
      if (event.handlerState !== 'parked' || event.userId !== userId) continue
      if (event.environment !== environment) continue
      const change = { handlerState: state, handlerStateAtMs: atMs, handlerDueAtMs: dueAtMs }
      this.#tables.events.set(seq, { ...event, ...change })
    }
  }

  async findUser(environment: string, userId: string): Promise<StoredUser | undefined> {
    return this.#tables.users.get(keyOf(environment, userId))
  }

  async hasUser(environment: string, userId: string): Promise<boolean> {
    return this.#tables.users.has(keyOf(environment, userId))
  }

  async saveUser(environment: string, { record, componentId }: StoredUser): Promise<void> {
    const key = keyOf(environment, record.userId)
    this.#tables.users.set(key, { environment, record, componentId })
  }

  async saveEdge(environment: string, edge: AliasEdge): Promise<void> {
    const key = keyOf(environment, edge.oldUserId, edge.newUserId)
    this.#tables.edges.set(key, { environment, edge })
  }

  async mergeComponents(environment: string, from: string, into: string): Promise<void> {
    for (const [key, user] of this.#tables.users) {
      if (user.environment !== environment || user.componentId !== from) continue
      this.#tables.users.set(key, { ...user, componentId: into })
    }
  }

  async listComponent(environment: string, componentId: string): Promise<StoredUser[]> {
    return [...this.#tables.users.values()].filter(
      (user) => user.environment === environment && user.componentId === componentId,
    )
  }

  async listEdges(environment: string, componentId: string): Promise<AliasEdge[]> {
    const found: AliasEdge[] = []
    for (const { environment: of, edge } of this.#tables.edges.values()) {
      if (of !== environment) continue
      const user = this.#tables.users.get(keyOf(environment, edge.oldUserId))
      if (user?.componentId === componentId) found.push(edge)
    }
    return found
  }

  async listGroup(filter: GroupFilter): Promise<GroupMember[]> {
    const found = [...this.#tables.users.values()]
      .filter(
        ({ environment, record }) =>
          record.referenceId?.value === filter.referenceId &&
          (filter.environment === undefined || environment === filter.environment) &&
          (filter.provider === undefined || record.provider?.value === filter.provider) &&
          (filter.isOrphan !== true || record.marks.orphan_reauth !== undefined),
      )
      .sort(
        (a, b) =>
          compareText(a.record.userId, b.record.userId) ||
          compareText(a.environment, b.environment),
      )
    if (filter.isPerComponent !== true) return found.slice(0, filter.limit)
    const first = new Map<string, GroupMember>()
    for (const member of found) {
      const key = keyOf(member.environment, member.componentId)
      if (!first.has(key)) first.set(key, member)
    }
    return [...first.values()].slice(0, filter.limit)
  }

  async listEnvironments(userId: string): Promise<string[]> {
    const found: string[] = []
    for (const { environment, record } of this.#tables.users.values()) {
      if (record.userId === userId) found.push(environment)
    }
    return found.sort().slice(0, ENVIRONMENTS_MAX)
  }

  async listUsers({ environment, afterUserId = '', limit }: UserFilter): Promise<StoredUser[]> {
    return [...this.#tables.users.values()]
      .filter((user) => user.environment === environment && user.record.userId > afterUserId)
      .sort((a, b) => compareText(a.record.userId, b.record.userId))
      .slice(0, limit)
  }

  async deleteUser(environment: string, userId: string): Promise<void> {
    this.#tables.users.delete(keyOf(environment, userId))
  }

  async deleteEdge(environment: string, { oldUserId, newUserId }: AliasEdge): Promise<void> {
    this.#tables.edges.delete(keyOf(environment, oldUserId, newUserId))
  }

  async findCursor(name: string): Promise<string | undefined> {
    return this.#tables.cursors.get(name)
  }

  async saveCursor({ name, value }: Cursor): Promise<void> {
    this.#tables.cursors.set(name, value)
  }

  async deleteCursor(name: string): Promise<void> {
    this.#tables.cursors.delete(name)
  }

  async redactEvent({ seq, userId, body, atMs }: EventRedaction): Promise<void> {
    const event = this.#tables.events.get(seq)
    if (event === undefined) return
    const gone = { traceId: undefined, headers: {}, handlerError: undefined }
    const state = {
      handlerState: 'done',
      handlerStateAtMs: atMs,
      handlerDueAtMs: undefined,
    } as const
    this.#tables.events.set(seq, { ...event, ...gone, ...state, userId, body: body.slice() })
  }
}
