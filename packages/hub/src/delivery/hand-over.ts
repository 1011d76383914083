/**
 * Claims deliveries in the transaction that makes them, and sends them after its commit: nobody has to look for them.
 * Only where nothing else of the kind is due at the destination, or data has places enough for that, too: see `Work.takeEarly`.
 */
import { ATTEMPT_TIMEOUT_MS_MAX } from '../core/delivery.ts'
import type { ClockDep, IdsDep } from '../deps.ts'
import type { ClaimedDelivery, Handing } from '../store/delivery-claims.ts'
import type { DestinationState } from '../store/destinations.ts'
import { openAtMs, probeAtMs } from './claim.ts'
import { LEASE_MARGIN_MS } from './places.ts'
import type { Load, Work } from './work.ts'

/** The worker that is handed to. */
export interface Taker {
  readonly work: Work
  readonly isStopped: () => boolean
  /** Sends; the place is taken. */
  start(delivery: ClaimedDelivery, state: DestinationState): void
  /** Something may be claimed that will not be sent: its lease must end. */
  lost(): void
}

/**
 * Begins a transaction that adds deliveries.
 *
 * @param states The destinations, as the transaction sees them.
 */
export function beginHandOver(
  deps: ClockDep & IdsDep,
  taker: Taker,
  states: readonly DestinationState[],
): Handing {
  const { work } = taker
  const nowMs = deps.clock.nowMs()
  const byId = new Map(states.map((state) => [state.id, state]))
  const taken: Load[] = []
  const putBack = (): void => {
    for (const load of taken.splice(0)) work.putBack(load)
  }
  return {
    id: deps.ids.claim(),
    untilMs: nowMs + ATTEMPT_TIMEOUT_MS_MAX + LEASE_MARGIN_MS,
    take(load) {
      const state = byId.get(load.destinationId)
      if (state === undefined || taker.isStopped()) return false
      if (openAtMs(state, load.isData) > nowMs) return false
      // Where it is open again, it is tried with one at a time.
      if (probeAtMs(state, load.isData) !== null) return false
      if (!work.takeEarly(load, state.concurrency, nowMs)) return false
      taken.push(load)
      return true
    },
    send(claimed) {
      // Closing meanwhile: the claims are let go with all others of this process.
      if (taker.isStopped()) return putBack()
      taken.length = 0
      for (const delivery of claimed) {
        const state = byId.get(delivery.destinationId)
        if (state !== undefined) taker.start(delivery, state)
      }
    },
    cancel() {
      if (taken.length === 0) return
      putBack()
      // Whether it was committed is not known when the connection broke at that moment.
      taker.lost()
    },
  }
}
