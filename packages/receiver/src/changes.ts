/** What an app is told when a connection changes, after the change is committed. */
import type { EnvironmentConnection } from './connections.ts'
import { ReceiverError } from './receiver-error.ts'

/** Why a connection changed. */
export type ChangeCause =
  /** An event, by its wire type. */
  | {
      /** An event said so. */
      kind: 'event'
      /** The event's wire type. */
      type: string
    }
  /** The API was asked; see `reconcile`. */
  | { kind: 'reconcile' }
  /** Its end user was erased. */
  | { kind: 'erase' }

/** One connection before and after. */
export interface ConnectionChange {
  /** Label of the environment that it is in; empty without one. */
  environment: string
  /** What was known before; `undefined` when it was not known at all. */
  from: EnvironmentConnection | undefined
  /** What is known now; `undefined` when it was erased. */
  to: EnvironmentConnection | undefined
  /** Other connections that turned out to be this one, as they were. Rows that are keyed by their `lineageId` are to be moved. */
  absorbed: EnvironmentConnection[]
  /** What changed it. */
  cause: ChangeCause
}

/** Called after the commit, in the order of commits. What it throws is ignored; do slow work elsewhere. */
export type ChangeListener = (change: ConnectionChange) => void

/** Settings of `changes()`. */
export interface ChangesOptions {
  /** Changes that may wait to be read, from 1 to 100,000; 1,000 by default. With more, reading ends with an error. */
  bufferMax?: number
  /** Ends the iteration. */
  signal?: AbortSignal
}

const BUFFER_CHANGES = 1_000
const BUFFER_CHANGES_MAX = 100_000

/** Compares all connections that something can have changed, as they were and as they are. */
export function diffConnections(
  before: readonly EnvironmentConnection[],
  after: readonly EnvironmentConnection[],
  cause: ChangeCause,
): ConnectionChange[] {
  const owners = new Map<string, EnvironmentConnection>()
  for (const connection of before) {
    for (const alias of connection.aliases) owners.set(alias, connection)
  }
  const changes: ConnectionChange[] = []
  for (const to of after) {
    const former = new Set<EnvironmentConnection>()
    for (const alias of to.aliases) {
      const owner = owners.get(alias)
      if (owner !== undefined) former.add(owner)
    }
    const [first, ...others] = former
    if (first !== undefined && others.length === 0 && isSame(first, to)) continue
    changes.push({ environment: to.environment, from: first, to, absorbed: others, cause })
  }
  return changes
}

/** Both are made by the same code, so that their properties stand in the same order. */
function isSame(a: EnvironmentConnection, b: EnvironmentConnection): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

/** Hands changes to whoever asked for them. */
export class ChangeFeed {
  readonly #listeners = new Set<ChangeListener>()

  /** Whether anybody listens; looking for changes costs reads, and is left out otherwise. */
  get isWatched(): boolean {
    return this.#listeners.size > 0
  }

  subscribe(listener: ChangeListener): () => void {
    // Wrapped, so that the same function may be given twice and each is taken off by itself.
    const own: ChangeListener = (change) => listener(change)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  publish(changes: readonly ConnectionChange[]): void {
    for (const change of changes) {
      for (const listener of this.#listeners) {
        try {
          listener(change)
        } catch {
          // The event is committed; an app's broken listener must not turn it into an error for its sender.
        }
      }
    }
  }

  /** Listens from the call on, not from the first read. */
  changes(options: ChangesOptions = {}): AsyncIterableIterator<ConnectionChange> {
    const { bufferMax = BUFFER_CHANGES, signal } = options
    if (!Number.isSafeInteger(bufferMax) || bufferMax < 1 || bufferMax > BUFFER_CHANGES_MAX) {
      throw new RangeError(
        `bufferMax must be a whole number from 1 to ${BUFFER_CHANGES_MAX}, found ${bufferMax}`,
      )
    }
    const buffer = new ChangeBuffer(bufferMax)
    const unsubscribe = this.subscribe((change) => {
      buffer.push(change)
      if (buffer.isOverflown) unsubscribe()
    })
    const end = (): void => {
      unsubscribe()
      buffer.end()
    }
    if (signal?.aborted === true) end()
    signal?.addEventListener('abort', end, { once: true })
    return {
      next: () => buffer.take(),
      return: async () => {
        end()
        signal?.removeEventListener('abort', end)
        return { done: true, value: undefined }
      },
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }
}

type Taken = IteratorResult<ConnectionChange, undefined>

/** A bounded queue with one or more readers waiting. */
class ChangeBuffer {
  readonly #max: number
  readonly #items: ConnectionChange[] = []
  readonly #readers: ((taken: Taken) => void)[] = []
  #isEnded = false
  isOverflown = false

  constructor(max: number) {
    this.#max = max
  }

  push(change: ConnectionChange): void {
    const reader = this.#readers.shift()
    if (reader !== undefined) reader({ done: false, value: change })
    else if (this.#items.length < this.#max) this.#items.push(change)
    else this.isOverflown = true
  }

  async take(): Promise<Taken> {
    const item = this.#items.shift()
    if (item !== undefined) return { done: false, value: item }
    if (this.isOverflown) {
      this.isOverflown = false
      this.#isEnded = true
      throw new ReceiverError(
        'changes_missed',
        `more than ${this.#max} changes waited to be read and some are lost; look the connections up again, then ` +
          'ask for changes anew, with a larger bufferMax if the reader has to be slow',
      )
    }
    if (this.#isEnded) return { done: true, value: undefined }
    return new Promise((resolve) => this.#readers.push(resolve))
  }

  end(): void {
    this.#isEnded = true
    for (const reader of this.#readers.splice(0)) reader({ done: true, value: undefined })
  }
}
