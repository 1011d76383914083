/** How much a process sends at once, and to whom: destinations that do not answer take nobody's place. */
import { SECOND_MS } from '../core/time.ts'

/** How long a lease outlives the longest attempt that a destination may ask for. */
export const LEASE_MARGIN_MS = 5 * SECOND_MS
/** Deliveries that one process has under way at most, to destinations that answer. */
export const DELIVERIES_IN_FLIGHT_MAX = 512
/** Of these, to destinations that have not answered lately, all of them together. */
export const SILENT_IN_FLIGHT_MAX = 128
/** Beyond the first bound, every destination that answers still has one place, up to this. */
const PLACES_MAX = 2 * DELIVERIES_IN_FLIGHT_MAX
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
}

export class Places {
  readonly #traffic = new Map<string, Traffic>()
  #total = 0

  /** Deliveries under way. */
  get total(): number {
    return this.#total
  }

  inFlightTo(destinationId: string): number {
    return this.#traffic.get(destinationId)?.inFlight ?? 0
  }

  /** Deliveries that may be begun to a destination now. One that is silent is tried with one at a time. */
  free(destinationId: string, concurrency: number, nowMs: number): number {
    const traffic = this.#traffic.get(destinationId)
    const inFlight = traffic?.inFlight ?? 0
    if (traffic !== undefined && isSilent(traffic, nowMs)) {
      const left = Math.min(DELIVERIES_IN_FLIGHT_MAX - this.#total, this.#silentLeft(nowMs))
      return Math.max(0, Math.min(1 - inFlight, left))
    }
    const left = DELIVERIES_IN_FLIGHT_MAX - this.#total
    if (left <= 0) return inFlight === 0 && this.#total < PLACES_MAX ? 1 : 0
    return Math.max(0, Math.min(concurrency - inFlight, left))
  }

  take(destinationId: string, nowMs: number): void {
    const traffic = this.#traffic.get(destinationId) ?? newTraffic()
    if (traffic.inFlight === 0) traffic.busySinceMs = nowMs
    traffic.inFlight += 1
    this.#total += 1
    this.#traffic.delete(destinationId)
    this.#traffic.set(destinationId, traffic)
    this.#forget()
  }

  /** What a place was taken for is not sent. */
  putBack(destinationId: string): void {
    const traffic = this.#traffic.get(destinationId)
    if (traffic === undefined) return
    traffic.inFlight -= 1
    this.#total -= 1
  }

  /** @param isAnswered Whether any answer came, of whatever status. */
  giveBack(destinationId: string, isAnswered: boolean, nowMs: number): void {
    const traffic = this.#traffic.get(destinationId)
    if (traffic === undefined) return
    this.putBack(destinationId)
    traffic.isSilent = !isAnswered
    if (isAnswered) traffic.busySinceMs = nowMs
  }

  #silentLeft(nowMs: number): number {
    let taken = 0
    for (const traffic of this.#traffic.values()) {
      if (traffic.inFlight > 0 && isSilent(traffic, nowMs)) taken += traffic.inFlight
    }
    return SILENT_IN_FLIGHT_MAX - taken
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
  return { inFlight: 0, busySinceMs: 0, isSilent: false }
}

function isSilent(traffic: Traffic, nowMs: number): boolean {
  if (traffic.isSilent) return true
  return traffic.inFlight > 0 && nowMs - traffic.busySinceMs > SILENT_AFTER_MS
}
