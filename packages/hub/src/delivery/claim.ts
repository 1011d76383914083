/** Claims with a lease what there is a place for, in the transaction of a turn. */
import { ATTEMPT_TIMEOUT_MS_MAX } from '../core/delivery.ts'
import type { IdsDep } from '../deps.ts'
import type { ClaimedDelivery, Want } from '../store/delivery-claims.ts'
import type { DestinationState } from '../store/destinations.ts'
import type { Tables } from '../store/open.ts'
import { LEASE_MARGIN_MS } from './places.ts'
import type { Load, Planned } from './work.ts'

/** What was claimed, and what is known by that. */
export interface Claim {
  readonly wants: readonly Planned[]
  /** Destinations that were looked at, as they stand now. */
  readonly states: ReadonlyMap<string, DestinationState>
  readonly claimed: readonly ClaimedDelivery[]
  /** When more is due of what there was less of than places; Infinity where there is nothing more. */
  readonly due: readonly (Load & { readonly dueAtMs: number })[]
}

/** @param given.present How the destinations stood a moment ago. */
export async function claimWanted(
  deps: IdsDep,
  tx: Tables,
  nowMs: number,
  { wants, present }: { wants: readonly Planned[]; present: readonly DestinationState[] },
): Promise<Claim> {
  const states = new Map(present.map((state) => [state.id, state]))
  const failing = wants.flatMap(({ destinationId: id }) => {
    const { probeAtMs = null, stateProbeAtMs = null } = states.get(id)?.breaker ?? {}
    return (probeAtMs ?? stateProbeAtMs) === null ? [] : [id]
  })
  // As they stand now: whoever writes down what was tried there may be moving their breakers.
  for (const state of await tx.destinations.listStates(failing, true)) states.set(state.id, state)
  const open = admit(nowMs, wants, states)
  if (open.length === 0) return { wants, states, claimed: [], due: [] }
  const untilMs = nowMs + ATTEMPT_TIMEOUT_MS_MAX + LEASE_MARGIN_MS
  const id = deps.ids.claim()
  const claimed = await tx.deliveries.claimDue({ id, nowMs, untilMs, wants: open })
  await reserve(tx, untilMs, states, claimed)
  return { wants, states, claimed, due: await findDue(tx, open, claimed) }
}

/** When a delivery may be tried at a destination; Infinity: not before somebody enables it. */
export function openAtMs(state: DestinationState | undefined, isData: boolean): number {
  if (state?.status !== 'enabled') return Infinity
  const quietUntilMs = isData ? state.quietUntilMs : state.stateQuietUntilMs
  return Math.max(probeAtMs(state, isData) ?? 0, quietUntilMs ?? 0)
}

/** When one of this kind is tried at a destination whose breaker is open for it; null where it is closed. */
export function probeAtMs({ breaker }: DestinationState, isData: boolean): number | null {
  return isData ? breaker.probeAtMs : breaker.stateProbeAtMs
}

/** Nothing for those that are disabled or asked to be left alone; where the breaker is open, one delivery in its time. */
function admit(
  nowMs: number,
  wants: readonly Planned[],
  states: ReadonlyMap<string, DestinationState>,
): Want[] {
  const open: Want[] = []
  for (const want of wants) {
    const state = states.get(want.destinationId)
    if (state === undefined) continue
    const { breaker, concurrency } = state
    // Whoever has sent nothing there yet did not know how much it takes at once.
    const most = (isData: boolean): number => {
      if (openAtMs(state, isData) > nowMs) return 0
      return probeAtMs(state, isData) === null ? concurrency : 1
    }
    const isWell = breaker.failingSinceMs === null && breaker.probeAtMs === null
    const ahead = isWell && most(true) > 0 ? want.ahead : 0
    const limit = Math.min(most(true), want.limit - want.ahead) + ahead
    const stateLimit = Math.min(most(false), want.stateLimit ?? want.limit)
    if (Math.max(limit, stateLimit) > 0) open.push({ ...want, limit, stateLimit })
  }
  return open
}

/**
 * Where the breaker is open, nobody else tries until the attempt must have ended that has been claimed. What is answered to an
 * event of a connection is about data, too.
 */
async function reserve(
  tx: Tables,
  untilMs: number,
  states: ReadonlyMap<string, DestinationState>,
  claimed: readonly ClaimedDelivery[],
): Promise<void> {
  for (const { destinationId, isData } of claimed) {
    const state = states.get(destinationId)
    if (state === undefined || probeAtMs(state, isData) === null) continue
    const reserved = { probeAtMs: untilMs, ...(!isData && { stateProbeAtMs: untilMs }) }
    await tx.destinations.saveBreaker(destinationId, { ...state.breaker, ...reserved })
  }
}

/** Of each kind that had less than there were places for: all that was due has been claimed. */
async function findDue(
  tx: Tables,
  wants: readonly Want[],
  claimed: readonly ClaimedDelivery[],
): Promise<Claim['due']> {
  const counts = new Map<string, { state: number; data: number }>()
  for (const { destinationId, isData } of claimed) {
    const count = counts.get(destinationId) ?? { state: 0, data: 0 }
    count[isData ? 'data' : 'state'] += 1
    counts.set(destinationId, count)
  }
  const short = wants.flatMap(({ destinationId, limit, stateLimit = limit }): Load[] => {
    const { state, data } = counts.get(destinationId) ?? { state: 0, data: 0 }
    return [
      ...(state < stateLimit ? [{ destinationId, isData: false }] : []),
      ...(state + data < limit ? [{ destinationId, isData: true }] : []),
    ]
  })
  const ids = [...new Set(short.map(({ destinationId }) => destinationId))]
  const found = await tx.deliveries.listDueOf(ids)
  return short.map((one) => {
    const due = found.find(
      (other) => other.destinationId === one.destinationId && other.isData === one.isData,
    )
    return { ...one, dueAtMs: due?.dueAtMs ?? Infinity }
  })
}
