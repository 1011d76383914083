/**
 * What the outside world hands to Firma. A function takes one `deps` object and asks only for the
 * interfaces it uses; `hub.ts` builds the real ones, tests build their own.
 */

/** The current time. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
}

/** Waiting, so that tests can make hours pass at once. */
export interface Timer {
  /**
   * Calls `run` once after a delay.
   *
   * @param delayMs Milliseconds from now; negative counts as 0.
   * @returns Cancels the call; harmless when it has happened.
   */
  after(delayMs: number, run: () => void): () => void
}

/** Cryptographically strong randomness. */
export interface Random {
  /** `count` random bytes. */
  bytes(count: number): Uint8Array
  /** A number from 0 inclusive to 1 exclusive, for jitter. */
  fraction(): number
}

/** New identifiers. */
export interface Ids {
  /** A random UUID (version 4), lower case, as `user_id`, `flow_id` and `session_id` are. */
  uuid(): string
  /** A UUID that sorts by creation time (version 7, RFC 9562 section 5.7), for rows of our own. */
  ordered(): string
  /** A claim of this process: its id, a slash, and a UUID. */
  claim(): string
  /** This process: host, process id and a random part, without a slash. */
  readonly processId: string
}

/** Structured logging. Values that may be secret never reach it: see `secret.ts`. */
export interface Log {
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
  error(fields: Record<string, unknown>, message: string): void
}

export interface ClockDep {
  readonly clock: Clock
}
export interface TimerDep {
  readonly timer: Timer
}
export interface RandomDep {
  readonly random: Random
}
export interface IdsDep {
  readonly ids: Ids
}
export interface LogDep {
  readonly log: Log
}
/**
 * Key in the init of a fetch: the body is wanted whole. Whoever can, reads it without streams, which cost several times
 * what the call does, and leaves it under the same key of the answer; reading ends behind this many bytes.
 */
export const WHOLE_BODY: unique symbol = Symbol('firma.whole-body')

/** What {@link WHOLE_BODY} is in an init, and in the answer. */
export interface WholeBodyInit extends RequestInit {
  readonly [WHOLE_BODY]?: number
}
export interface WholeBodyResponse extends Response {
  [WHOLE_BODY]?: Uint8Array<ArrayBuffer>
}

/** The HTTP client for calls to providers. Deliveries do not use it: they have a faster, guarded one. */
export interface FetchDep {
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
}

/** Tells the workers that a commit has given them something to do, so that nobody has to poll for it. */
export interface Wake {
  /**
   * @param destinationIds Where something may be due; nothing said, the database is asked.
   * @param isDataAlone Whether it is health data, and nothing that happened to a connection.
   */
  deliveries(destinationIds?: readonly string[], isDataAlone?: boolean): void
  revocations(): void
  resends(): void
  /** @param deadlineMs When a flow is over, in epoch milliseconds. */
  flows(deadlineMs: number): void
  jobs(): void
  /** @param atMs When a token set has to be looked at, in epoch milliseconds; null: never. */
  refreshes(atMs: number | null): void
  /** Notices to apply and subscriptions to make. */
  providerTasks(): void
  /** The encryption key has changed. */
  keys(): void
}

/** Who asks, where somebody does. */
export interface NetworkDep {
  /** The part of the address that many people share, for example `203.0.113.0/24`. */
  readonly network?: string | undefined
}

export interface WakeDep {
  readonly wake: Wake
}
