/** A destination that flaps: it accepts, refuses, hangs, and loses answers, as chance has it. */
import type { Outgoing, SendResult } from '../../src/delivery/send.ts'
import { SECOND_MS } from '../../src/core/time.ts'
import type { Arrival } from '../faults/recorder.ts'
import type { Chance } from '../support/seeded.ts'
import type { SimTime } from './sim-time.ts'

export type Mood = 'up' | 'error' | 'busy' | 'gone' | 'reset' | 'hang' | 'accept_and_hang' | 'lossy'

export const MOODS: readonly Mood[] = [
  'up',
  'up',
  'up',
  'error',
  'busy',
  'gone',
  'reset',
  'hang',
  'accept_and_hang',
  'lossy',
]

const REFUSALS = {
  error: { httpStatus: 500, retryAfter: undefined },
  busy: { httpStatus: 429, retryAfter: '60' },
  gone: { httpStatus: 410, retryAfter: undefined },
} as const

export class SimDestination {
  readonly arrivals: Arrival[] = []
  /** When an event was accepted without the hub learning of it, by trace id. */
  readonly unheard = new Map<string, number[]>()
  mood: Mood = 'up'
  readonly #time: SimTime
  readonly #chance: Chance

  constructor(time: SimTime, chance: Chance) {
    this.#time = time
    this.#chance = chance
  }

  async send({ headers, body, timeoutMs }: Outgoing): Promise<SendResult> {
    await this.#pass(this.#chance.integer(1, 1_500))
    const { mood } = this
    if (mood === 'hang') return await this.#timeOut(timeoutMs)
    if (mood === 'reset') return { type: 'unanswered', error: 'reset' }
    if (mood === 'error' || mood === 'busy' || mood === 'gone') {
      return { type: 'answered', ...REFUSALS[mood], headers: '{}', body: '' }
    }
    const traceId = String(headers['x-terra-trace-id'])
    const orderingMs = Number(headers['x-terra-ordering-timestamp'])
    this.arrivals.push({ traceId, orderingMs, body, atMs: this.#time.elapsedMs })
    const isHeard = mood === 'up' || (mood === 'lossy' && this.#chance.fraction() < 0.5)
    if (!isHeard) {
      this.unheard.set(traceId, [...(this.unheard.get(traceId) ?? []), this.#time.elapsedMs])
      if (mood === 'accept_and_hang') return await this.#timeOut(timeoutMs)
      return { type: 'unanswered', error: 'reset' }
    }
    await this.#pass(this.#chance.integer(1, 1_500))
    return { type: 'answered', httpStatus: 200, retryAfter: undefined, headers: '{}', body: '' }
  }

  async #timeOut(timeoutMs: number): Promise<SendResult> {
    await this.#pass(timeoutMs - SECOND_MS)
    return { type: 'unanswered', error: 'timeout' }
  }

  async #pass(ms: number): Promise<void> {
    await new Promise<void>((resolve) => void this.#time.timer.after(ms, resolve))
  }
}
