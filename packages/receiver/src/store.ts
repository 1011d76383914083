/**
 * What a database must do for the receiver. All decisions are made above this interface and by pure code, so a store holds no
 * rules: it inserts, reads and updates rows inside a transaction.
 */
import type { AliasEdge } from './core/facts.ts'
import type { UserRecord } from './core/user-record.ts'

/**
 * Whether the app's handler has had an event.
 *
 * - `none`: nobody was to be told (no handler was configured when it was accepted).
 * - `pending`: accepted, the handler has not finished.
 * - `parked`: about a `user_id` that no state event has named yet; becomes `pending` when one does.
 * - `done`: the handler finished.
 * - `failed`: the handler threw; it is called again.
 * - `dead`: the handler threw as often as it may; it is called again only when somebody asks for it.
 */
export type HandlerState = 'none' | 'pending' | 'parked' | 'done' | 'failed' | 'dead'

/** States of events that have not been handled. */
export type WaitingState = Exclude<HandlerState, 'none' | 'done'>

/** An accepted event, before the store numbers it. */
export interface NewInboxEvent {
  /** Label of the environment whose secret signed it; empty without one. */
  environment: string
  /** What makes it the same event at every delivery; unique per environment. */
  eventKey: string
  /** `X-Terra-Trace-Id`, else `webhook-id`; `undefined` when the sender gave neither. */
  traceId: string | undefined
  /** The wire's `type`. */
  type: string
  /** The connection that it is about, as named by the event. */
  userId: string | undefined
  /** `X-Terra-Ordering-Timestamp`, epoch milliseconds. */
  orderingMs: number | undefined
  /** When it was accepted, epoch milliseconds. */
  receivedAtMs: number
  /** The raw bytes, exactly as received. */
  body: Uint8Array
  /** Headers of interest, by lower-case name. */
  headers: Record<string, string>
  /** Whether the app's handler has had it. */
  handlerState: HandlerState
  /** From when on any process may call the handler for it, epoch milliseconds; `undefined` unless it is `pending` or `failed`. */
  handlerDueAtMs: number | undefined
}

/** An event of the inbox. */
export interface InboxEvent extends NewInboxEvent {
  /** Its number in the inbox: grows with each accepted event, with gaps. */
  seq: number
  /** Times that the app's handler was called for it. */
  attempts: number
  /** When {@link InboxEvent.handlerState} last changed, epoch milliseconds. */
  handlerStateAtMs: number
  /** What the handler threw last, shortened. */
  handlerError: string | undefined
}

/** A record with the component of alias edges that it is in. */
export interface StoredUser {
  /** See {@link UserRecord}. */
  record: UserRecord
  /** Any name that all users of one component share, and no others of the environment. */
  componentId: string
}

/** Which events to list; conditions are joined by "and". */
export interface EventFilter {
  /** Only these users' events, at most 1,000, with {@link EventFilter.environment}. */
  userIds?: readonly string[]
  /** Only this environment's events. */
  environment?: string
  /** Only events in one of these states. */
  handlerStates?: readonly HandlerState[]
  /** Only events whose state changed before, epoch milliseconds. */
  handlerStateBeforeMs?: number
  /** Only events with a greater number. */
  afterSeq?: number
  /** Only events with this number or a smaller one. */
  throughSeq?: number
  /** Only events that were accepted at this time or later, epoch milliseconds. */
  receivedFromMs?: number
  /** Only events that were accepted before, epoch milliseconds. */
  receivedBeforeMs?: number
  /** Only events of one of these wire types. */
  types?: readonly string[]
  /** From the greatest number down. */
  isNewestFirst?: boolean
  /** At most so many, from the smallest number on, unless {@link EventFilter.isNewestFirst}. */
  limit: number
}

/** Everything the receiver asks of a database inside one transaction. */
export interface StoreTransaction {
  /** Inserts an event; `undefined`, and no change, when its environment has its key already. */
  insertEvent(event: NewInboxEvent): Promise<number | undefined>
  /** The event with this key. */
  findEvent(environment: string, eventKey: string): Promise<InboxEvent | undefined>
  /** Events by number, ascending. */
  listEvents(filter: EventFilter): Promise<InboxEvent[]>
  /**
   * Notes what became of the handler's call; `attemptsAdded` is added to the attempts. What is `done` does not become `failed` or `dead`:
   * a call whose commit was not confirmed may have been committed all the same.
   */
  setHandlerState(update: HandlerUpdate): Promise<void>
  /**
   * Events whose call is due, oldest due time first, no two callers the same ones: each becomes `pending` now, and due again at `untilMs`, when the
   * caller should have finished or has died.
   */
  claimDue(claim: DueClaim): Promise<InboxEvent[]>
  /** How many events wait in a state, counted up to `max`; costs no more than so many entries of an index. */
  countEvents(state: WaitingState, max: number): Promise<number>
  /**
   * Number of the last event that was accepted before a time; `undefined` when none was. Events are numbered as they come, so everything up to it
   * was accepted before, too, whatever its own time says.
   */
  findLastBefore(filter: ReceivedFilter): Promise<number | undefined>
  /** Deletes old events that nobody waits for, at most `limit`; returns how many. The map stays as it is. */
  prune(filter: PruneFilter): Promise<number>
  /** Moves every parked event of a user to another state. */
  unpark(user: UnparkedUser): Promise<void>
  /** The user, when a state event has named it. */
  findUser(environment: string, userId: string): Promise<StoredUser | undefined>
  /** Whether a state event has named the user: what is asked for each event of data. */
  hasUser(environment: string, userId: string): Promise<boolean>
  /** Inserts or replaces a user. */
  saveUser(environment: string, user: StoredUser): Promise<void>
  /** Inserts an edge unless it is there. */
  saveEdge(environment: string, edge: AliasEdge): Promise<void>
  /** Moves every user of one component to another. */
  mergeComponents(environment: string, from: string, into: string): Promise<void>
  /** All users of a component. */
  listComponent(environment: string, componentId: string): Promise<StoredUser[]>
  /** All edges between users of a component. */
  listEdges(environment: string, componentId: string): Promise<AliasEdge[]>
  /** Users by reference_id and provider, in order of `user_id`, across environments where none is given. */
  listGroup(filter: GroupFilter): Promise<GroupMember[]>
  /** Environments that have a user of this id, sorted, at most 16. */
  listEnvironments(userId: string): Promise<string[]>
  /** Users of an environment, in order of `user_id`. */
  listUsers(filter: UserFilter): Promise<StoredUser[]>
  /** Deletes a user; its events and edges stay. */
  deleteUser(environment: string, userId: string): Promise<void>
  /** Deletes an edge. */
  deleteEdge(environment: string, edge: AliasEdge): Promise<void>
  /** Where something that goes on has come to; `undefined` when it has not begun. */
  findCursor(name: string): Promise<string | undefined>
  /** Notes where it has come to. */
  saveCursor(cursor: Cursor): Promise<void>
  /** Forgets it, its name included. */
  deleteCursor(name: string): Promise<void>
  /** Replaces what an event says, and forgets its headers, trace id and handler's error; its state becomes `done`. */
  redactEvent(redaction: EventRedaction): Promise<void>
}

/** Where something has come to. */
export interface Cursor {
  /** What it is. */
  name: string
  /** Where it has come to. */
  value: string
  /** Now, epoch milliseconds. */
  atMs: number
}

/** Which users to list; see {@link StoreTransaction.listUsers}. */
export interface UserFilter {
  /** Their environment; empty without one. */
  environment: string
  /** Only users after this one. */
  afterUserId?: string
  /** At most so many. */
  limit: number
}

/** What is left of an event whose end user was erased; see {@link StoreTransaction.redactEvent}. */
export interface EventRedaction {
  /** Number of the event. */
  seq: number
  /** A digest in place of the `user_id`. */
  userId: string | undefined
  /** The new body. */
  body: Uint8Array
  /** Now, epoch milliseconds. */
  atMs: number
}

/** Which users to list; see {@link StoreTransaction.listGroup}. */
export interface GroupFilter {
  /** Only of this environment. */
  environment?: string
  /** Only of this provider, in upper case. */
  provider?: string
  /** The app's own name for the end user, as last stated for the user. */
  referenceId: string
  /** Only users whose `user_reauth` did not say whom they replaced. */
  isOrphan?: boolean
  /** Only one user of each component, the first by `user_id`. */
  isPerComponent?: boolean
  /** At most so many. */
  limit: number
}

/** A user with its environment. */
export interface GroupMember extends StoredUser {
  /** Its label; empty without one. */
  environment: string
}

/** What became of a call of the app's handler. */
export interface HandlerUpdate {
  /** Number of the event. */
  seq: number
  /** The state from now on. */
  state: HandlerState
  /** Now, epoch milliseconds. */
  atMs: number
  /** Calls that were made since the last update. */
  attemptsAdded: number
  /** What the handler threw, shortened; `undefined` clears it. */
  error: string | undefined
  /** See {@link NewInboxEvent.handlerDueAtMs}. */
  dueAtMs: number | undefined
}

/** Which events to take; see {@link StoreTransaction.claimDue}. */
export interface DueClaim {
  /** Now, epoch milliseconds: what is due by then. */
  nowMs: number
  /** Whether `failed` ones are taken before their time, too. False by default. */
  isFailedIncluded?: boolean
  /** Only this one. */
  seq?: number
  /** Not these, at most 1,000. */
  exceptSeqs?: readonly number[]
  /** When they become due for others again, epoch milliseconds. */
  untilMs: number
  /** At most so many. */
  limit: number
}

/** Which event to find; see {@link StoreTransaction.findLastBefore}. */
export interface ReceivedFilter {
  /** Accepted before, epoch milliseconds. */
  receivedBeforeMs: number
  /** Now, epoch milliseconds. A later time is that of a clock which was ahead, and says nothing. */
  nowMs: number
}

/** Which events to delete; see {@link StoreTransaction.prune}. */
export interface PruneFilter {
  /** Only events with this number or a smaller one; see {@link StoreTransaction.findLastBefore}. */
  throughSeq: number
  /** Whether parked and dead events go, too. Pending and failed ones never go. */
  isUnhandledIncluded: boolean
  /** At most so many. */
  limit: number
}

/** A user whose parked events wait no longer. */
export interface UnparkedUser {
  /** Its environment; empty without one. */
  environment: string
  /** Its id. */
  userId: string
  /** The state of its parked events from now on. */
  state: HandlerState
  /** See {@link NewInboxEvent.handlerDueAtMs}. */
  dueAtMs: number | undefined
  /** Now, epoch milliseconds. */
  atMs: number
}

/** What is going to be asked in a transaction, so that a database across a network can answer it at once. */
export interface ExpectedReads {
  /** Keys of the events that will be inserted, at most so many as there are events. */
  events: readonly { environment: string; eventKey: string }[]
  /** Users that will be looked for. */
  users: readonly UserName[]
  /** Users of whom will only be asked whether they are known. */
  asked: readonly UserName[]
  /** Who else will be asked for when one of all these is not known. */
  insteadOf: (user: UserName) => Promise<UserName>
}

/** A user's name. */
export interface UserName {
  /** Its environment; empty without one. */
  environment: string
  /** Its id. */
  userId: string
}

/** What a transaction is for; a store may ignore it, or let more of them run at once. */
export interface TransactionOptions {
  /**
   * - `map`: reads and changes the map and the inbox, and no other one of this kind overlaps it. The default.
   * - `event`: changes the handler's state of single events, or redacts them.
   * - `read`: changes nothing, and sees one state of everything.
   */
  kind?: 'map' | 'event' | 'read'
  /** Tells what will be asked; for stores that can use it. More and less may be asked all the same. */
  expected?: () => ExpectedReads
  /**
   * Called once nothing is left but to wait for the commit, by stores that can begin the next one meanwhile: it will be run after this one,
   * and see what this one did.
   */
  onCommitting?: () => void
  /** For `read`: the user whose connection will be looked for, in any environment. More may be asked all the same. */
  expectedUserId?: string
}

/** Runs SQL in a transaction of the app's. The statements are this library's, with whole numbers in their text, so they have no parameters. */
export interface SqlExecutor {
  /** Runs a query; resolves with the first column of its first row, `undefined` when there is none. */
  findValue(sql: string): Promise<unknown>
  /** Runs a statement that returns no rows. */
  execute(sql: string): Promise<void>
}

/** Transactions of the app's database library; made by `fromPg`, `fromKysely`, `fromDrizzle`, `fromPrisma` or `fromSqlite`. */
export interface AppTransactions<Tx> {
  /** Runs `run` in one transaction: commits when it resolves, rolls back when it rejects. */
  transaction<T>(run: (executor: SqlExecutor, tx: Tx) => Promise<T>): Promise<T>
  /** The connection it runs on, where it shares one with the store. */
  source?: unknown
}

/** An event on its way through the app's handler. */
export interface HandlingEvent {
  /** Its number in the inbox. */
  seq: number
  /** Now, epoch milliseconds. */
  atMs: number
}

/** A database for the receiver: `memoryStore()`, or `sqliteStore()` of `firma-receiver/sqlite`, or `postgresStore()` of `firma-receiver/postgres`. */
export interface ReceiverStore {
  /**
   * Runs `fn` in one transaction that no other one of its kind overlaps in effect. Commits when it resolves, durably where the store is
   * durable; rolls back when it rejects. `fn` may be run again from the start when the database asks for it.
   */
  transaction<T>(fn: (tx: StoreTransaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  /**
   * Runs the app's handler in a transaction of the app's, and marks the event as `done` in the same one: either both are
   * committed or neither. Absent in stores that share no database with anybody.
   *
   * @returns Whether `fn` was run; not when the event is `done` already or another process is at it.
   */
  handleInAppTransaction?<Tx>(
    transactions: AppTransactions<Tx>,
    event: HandlingEvent,
    fn: (tx: Tx) => Promise<void>,
  ): Promise<boolean>
  /** Waits for running transactions and lets go of the database. */
  close(): Promise<void>
}
