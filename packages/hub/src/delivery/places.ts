/** How much a process sends at once, and to whom: destinations that do not answer take nobody's place. */
import { SECOND_MS } from '../core/time.ts'

/** How long a lease outlives the longest attempt that a destination may ask for. */
export const LEASE_MARGIN_MS = 5 * SECOND_MS
/** Deliveries that one process has under way at most, to destinations that answer. */
export const DELIVERIES_IN_FLIGHT_MAX = 512
/** Begun to destinations that have not answered lately, all of them together. */
export const SILENT_IN_FLIGHT_MAX = 128
/** Together with what was begun to destinations before they fell silent, which takes nobody's place. */
const ALL_IN_FLIGHT_MAX = 2 * DELIVERIES_IN_FLIGHT_MAX
/** Beyond these bounds, every destination that answers still has one place, up to this. */
const PLACES_MAX = 3 * DELIVERIES_IN_FLIGHT_MAX
/** An attempt that has lasted for so long makes its destination a silent one, until it answers. */
const SILENT_AFTER_MS = SECOND_MS
/** Destinations whose silence is remembered; beyond, the one unused for longest is forgotten. */
const REMEMBERED_MAX = 10_000

interface Traffic {
  inFlight: number
  /** Since when there has been something under way without any answer. */
  busySinceMs: number
  /** Whether the newest attempt ended without an answer. */
  isSilent: boolean
  /** Whether what is under way has lasted for so long that it counts as silent. */
  isLate: boolean
  /** Whether its newest attempt succeeded, and quickly. */
  isBrisk: boolean
}

export class Places {
  readonly #traffic = new Map<string, Traffic>()
  /** Those that are not silent and have something under way, the longest without an answer first. */
  readonly #awaited = new Set<Traffic>()
  #total = 0
  /** Of these, to silent ones. */
  #silent = 0

  /** Deliveries under way. */
  get total(): number {
    return this.#total
  }

  inFlightTo(destinationId: string): number {
    return this.#traffic.get(destinationId)?.inFlight ?? 0
  }

  /** Whether its newest attempt went unanswered, or what is under way has lasted for long. */
  isSilent(destinationId: string, nowMs: number): boolean {
    this.#noteLate(nowMs)
    const traffic = this.#traffic.get(destinationId)
    return traffic !== undefined && isSilent(traffic)
  }

  noteBrisk(destinationId: string, isBrisk: boolean): void {
    const traffic = this.#traffic.get(destinationId)
    if (traffic !== undefined) traffic.isBrisk = isBrisk
  }

  /** Whether a place of it is likely to become free in a moment, and to be answered then. */
  isBrisk(destinationId: string, nowMs: number): boolean {
    this.#noteLate(nowMs)
    const traffic = this.#traffic.get(destinationId)
    return traffic !== undefined && traffic.isBrisk && traffic.inFlight > 0 && !isSilent(traffic)
  }

  /** Deliveries that may be begun to a destination now. One that is silent is tried with one at a time. */
  free(destinationId: string, concurrency: number, nowMs: number): number {
    this.#noteLate(nowMs)
    const traffic = this.#traffic.get(destinationId)
    const inFlight = traffic?.inFlight ?? 0
    const left = ALL_IN_FLIGHT_MAX - this.#total
    if (traffic !== undefined && isSilent(traffic)) {
      return Math.max(0, Math.min(1 - inFlight, left, SILENT_IN_FLIGHT_MAX - this.#silent))
    }
    const leftToAnswering = Math.min(left, DELIVERIES_IN_FLIGHT_MAX - this.#total + this.#silent)
    if (leftToAnswering <= 0) return inFlight === 0 && this.#total < PLACES_MAX ? 1 : 0
    return Math.max(0, Math.min(concurrency - inFlight, leftToAnswering))
  }

  take(destinationId: string, nowMs: number): void {
    const traffic = this.#traffic.get(destinationId) ?? newTraffic()
    this.#count(traffic, 1)
    if (traffic.inFlight === 1) this.#await(traffic, nowMs)
    this.#traffic.delete(destinationId)
    this.#traffic.set(destinationId, traffic)
    this.#forget()
  }

  /** What a place was taken for is not sent. */
  putBack(destinationId: string): void {
    const traffic = this.#traffic.get(destinationId)
    if (traffic === undefined) return
    this.#count(traffic, -1)
    if (traffic.inFlight > 0) return
    traffic.isLate = false
    this.#awaited.delete(traffic)
  }

  /** @param isAnswered Whether any answer came, of whatever status. */
  giveBack(destinationId: string, isAnswered: boolean, nowMs: number): void {
    const traffic = this.#traffic.get(destinationId)
    if (traffic === undefined) return
    this.putBack(destinationId)
    this.#mark(traffic, { isSilent: !isAnswered, isLate: traffic.isLate && !isAnswered })
    if (isAnswered) this.#await(traffic, nowMs)
  }

  #count(traffic: Traffic, change: 1 | -1): void {
    traffic.inFlight += change
    this.#total += change
    if (isSilent(traffic)) this.#silent += change
  }

  #mark(traffic: Traffic, state: Pick<Traffic, 'isSilent' | 'isLate'>): void {
    const before = isSilent(traffic)
    Object.assign(traffic, state)
    if (isSilent(traffic)) this.#awaited.delete(traffic)
    if (isSilent(traffic) !== before) this.#silent += before ? -traffic.inFlight : traffic.inFlight
  }

  /** Its next answer is waited for from now on. */
  #await(traffic: Traffic, nowMs: number): void {
    traffic.busySinceMs = nowMs
    this.#awaited.delete(traffic)
    if (traffic.inFlight > 0 && !isSilent(traffic)) this.#awaited.add(traffic)
  }

  /** Looks at those alone that have become late, and at one more: it is asked for each destination of each turn. */
  #noteLate(nowMs: number): void {
    for (const traffic of this.#awaited) {
      if (nowMs - traffic.busySinceMs <= SILENT_AFTER_MS) return
      this.#mark(traffic, { isSilent: traffic.isSilent, isLate: true })
    }
  }

  #forget(): void {
    if (this.#traffic.size <= REMEMBERED_MAX) return
    for (const [id, { inFlight }] of this.#traffic) {
      if (inFlight > 0) continue
      this.#traffic.delete(id)
      return
    }
  }
}

function newTraffic(): Traffic {
  return { inFlight: 0, busySinceMs: 0, isSilent: false, isLate: false, isBrisk: false }
}

function isSilent({ isSilent, isLate }: Traffic): boolean {
  return isSilent || isLate
}
