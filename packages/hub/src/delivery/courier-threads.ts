/**
 * A courier whose signing and sending is done by threads of its own, so that it takes none of the time in which this
 * one decides and writes. Letters and answers travel in batches: a message costs more than what is in it.
 */
import { nextTick } from 'node:process'
import { Worker } from 'node:worker_threads'
import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, LogDep } from '../deps.ts'
import { assert } from '../errors.ts'
import type { Addressee, Courier, Letter } from './courier.ts'
import type { SendResult } from './send.ts'

/** What a thread is told: letters, or to close. */
export type ToThread = LetterBatch | 'close'

/** Letters of one turn of the event loop. */
export interface LetterBatch {
  /** Where they go; most go to few. */
  readonly addressees: readonly Addressee[]
  /** Number, index of the addressee, and what {@link Letter} has: lists, because names would be copied, too. */
  readonly letters: readonly (readonly [
    number: number,
    addressee: number,
    id: string,
    body: string,
    orderingMs: number,
    nowMs: number,
    isReplay: boolean,
  ])[]
}

/** What a thread tells: what came of letters, by their numbers; a text is an error, which is a bug. The first is empty. */
export type FromThread = readonly (readonly [number: number, result: SendResult | string])[]

/** What a thread is made with. */
export interface ThreadData {
  readonly allowedRanges: readonly string[]
}

/** Below so many processors, a thread would take its time from this one. */
const PROCESSORS_MIN = 3

/** Threads where nothing else is said: one sends more than this one can decide about. */
export function defaultThreads(processors: number): number {
  return processors < PROCESSORS_MIN ? 0 : 1
}

export interface CourierThreadsDeps extends ClockDep, LogDep {
  /** Takes the letters of a thread that cannot be started. */
  readonly fallback: Courier
}

/** A thread that could not be started is tried again after so long. */
export const RESTART_AFTER_MS = MINUTE_MS

/**
 * @param count At least one; all that goes to one address goes through one thread, which keeps its connections.
 * @param data What addresses may be connected to: each thread has a guard of its own.
 */
export function createCourierThreads(
  deps: CourierThreadsDeps,
  count: number,
  data: ThreadData,
): Courier {
  const threads = Array.from({ length: count }, () => new Thread(deps, data))
  return {
    deliver: async (letter) => {
      const thread = threads[hash(letter.addressee.url) % count]
      assert(thread !== undefined, 'there is a thread for each remainder')
      return await thread.deliver(letter)
    },
    close: async () =>
      void (await Promise.all([...threads, deps.fallback].map(async (one) => await one.close()))),
  }
}

/** What becomes of letters that come after the end. */
const CUT_OFF: SendResult = { type: 'unanswered', error: 'network' }

interface Waiting {
  readonly letter: Letter
  resolve(result: SendResult): void
  reject(error: unknown): void
}

class Thread {
  readonly #deps: CourierThreadsDeps
  readonly #data: ThreadData
  /** Started at once, so that no letter waits for it, and again by the first letter after one has failed. */
  #worker: Worker | undefined
  readonly #waiting = new Map<number, Waiting>()
  #count = 0
  /** Letters of this turn, which no thread has yet. */
  #letters: [number, Waiting][] = []
  #isClosed = false
  /** Not before then; it could not be started. */
  #startAtMs = 0

  constructor(deps: CourierThreadsDeps, data: ThreadData) {
    this.#deps = deps
    this.#data = data
    this.#worker = this.#start()
  }

  deliver(letter: Letter): Promise<SendResult> {
    if (this.#isClosed) return Promise.resolve(CUT_OFF)
    return new Promise((resolve, reject) => {
      this.#count += 1
      this.#letters.push([this.#count, { letter, resolve, reject }])
      // After everything else that this turn brings.
      if (this.#letters.length === 1) nextTick(() => this.#post())
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const worker = this.#worker
    if (worker === undefined) return
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    this.#tell(worker, 'close')
    await ended
  }

  #post(): void {
    const posted = this.#letters
    this.#letters = []
    if (this.#isClosed) {
      for (const [, { resolve }] of posted) resolve(CUT_OFF)
      return
    }
    if (this.#worker === undefined && this.#deps.clock.nowMs() < this.#startAtMs) {
      return this.#sendWithout(posted.map(([, waiting]) => waiting))
    }
    const addressees = new Map<Addressee, number>()
    const letters = posted.map(([number, waiting]): LetterBatch['letters'][number] => {
      this.#waiting.set(number, waiting)
      const { addressee, event, nowMs, isReplay } = waiting.letter
      const index = addressees.get(addressee) ?? addressees.size
      addressees.set(addressee, index)
      return [number, index, event.id, event.body, event.orderingMs, nowMs, isReplay]
    })
    this.#worker ??= this.#start()
    this.#tell(this.#worker, { addressees: [...addressees.keys()], letters })
  }

  #tell(worker: Worker, message: ToThread): void {
    // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
    worker.postMessage(message)
  }

  #start(): Worker {
    const worker = startThread(this.#data)
    let hasStarted = false
    worker.on('message', (results: FromThread) => {
      hasStarted = true
      for (const [number, result] of results) {
        const waiting = this.#waiting.get(number)
        if (typeof result === 'string') waiting?.reject(new Error(result))
        else waiting?.resolve(result)
        this.#waiting.delete(number)
      }
    })
    let failure: unknown = new Error('the thread that sends has ended')
    worker.once('error', (error) => {
      failure = error
    })
    worker.once('exit', () => {
      this.#worker = undefined
      const lost = [...this.#waiting.values()]
      this.#waiting.clear()
      // Whether they were sent is not known.
      if (hasStarted || this.#isClosed) for (const { reject } of lost) reject(failure)
      else this.#giveUp(failure, lost)
    })
    return worker
  }

  /** It would fail again, for each batch of letters. None of them has been sent. */
  #giveUp(error: unknown, letters: readonly Waiting[]): void {
    const { clock, log } = this.#deps
    this.#startAtMs = clock.nowMs() + RESTART_AFTER_MS
    log.error({ error }, 'a thread that sends could not be started: events are sent without it')
    this.#sendWithout(letters)
  }

  #sendWithout(letters: readonly Waiting[]): void {
    for (const { letter, resolve, reject } of letters) {
      this.#deps.fallback.deliver(letter).then(resolve, reject)
    }
  }
}

/** Runs the file beside this one, which is TypeScript where the hub runs from its sources. */
function startThread(workerData: ThreadData): Worker {
  const options = { name: 'firma-courier', workerData }
  if (!import.meta.url.endsWith('.ts')) {
    return new Worker(new URL('./courier-thread.js', import.meta.url), options)
  }
  const file = new URL('./courier-thread.source.mjs', import.meta.url)
  return new Worker(file, { ...options, execArgv: ['--conditions=source'] })
}

/** Spreads addresses over the threads (FNV-1a). */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i += 1) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193) >>> 0
  }
  return value
}
