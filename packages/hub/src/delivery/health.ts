/** What attempts say about their destinations, in the transaction that records them. */
import { type BreakerNotice, WARN_AFTER_MS, decideBreaker, decideNotices } from '../core/breaker.ts'
import type { RetrySchedule } from '../core/retry.ts'
import type { ClockDep, IdsDep, LogDep, RandomDep } from '../deps.ts'
import type { Destination, DestinationState } from '../store/destinations.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import type { Made } from './attempt.ts'

/** What became of a destination. */
export interface Health {
  readonly destination: Destination
  readonly notices: readonly (BreakerNotice | { readonly type: 'gone' })[]
  /** When it is tried next; null where its breaker is closed. */
  readonly probeAtMs: number | null
  /** Its breaker was open and is closed now: what waits for a later attempt can go at once. */
  readonly hasClosed: boolean
}

/**
 * Moves the breakers, disables what is gone or has failed for a day, and leaves a record of it.
 *
 * @param attempts.found How their destinations stood before.
 * @returns The destinations whose attempts were not all ordinary successes.
 */
export async function recordHealth(
  deps: ClockDep & IdsDep & RandomDep,
  tx: Tables,
  schedule: RetrySchedule,
  { made, found }: { made: readonly Made[]; found: readonly DestinationState[] },
): Promise<Health[]> {
  const byDestination = new Map<string, Made[]>()
  for (const one of made) {
    const others = byDestination.get(one.destination.id)
    if (others === undefined) byDestination.set(one.destination.id, [one])
    else others.push(one)
  }
  const changing = found.filter(({ id, breaker }) => {
    const attempts = byDestination.get(id) ?? []
    return attempts.length > 0 && (breaker.failures > 0 || !attempts.every(isSuccess))
  })
  const health: Health[] = []
  for (const state of await tx.destinations.listStates(
    changing.map(({ id }) => id),
    true,
  )) {
    const attempts = byDestination.get(state.id) ?? []
    const destination = attempts[0]?.destination
    if (destination === undefined) continue
    const notices: Health['notices'][number][] = []
    let { breaker } = state
    for (const attempt of attempts.toSorted((a, b) => endOf(a) - endOf(b))) {
      if (attempt.verdict.type === 'gone') notices.push({ type: 'gone' })
      const decided = decideBreaker(breaker, destination.retries ?? schedule, {
        succeeded: isSuccess(attempt),
        atMs: endOf(attempt),
        fraction: deps.random.fraction(),
      })
      breaker = decided.breaker
      notices.push(...decided.notices)
    }
    await tx.destinations.saveBreaker(state.id, breaker)
    const hasClosed = state.breaker.probeAtMs !== null && breaker.probeAtMs === null
    const told = state.status === 'enabled' ? notices : []
    for (const notice of told) await record(deps, tx, destination, notice)
    health.push({ destination, notices: told, probeAtMs: breaker.probeAtMs, hasClosed })
  }
  return health
}

/** Destinations that one look warns of at most. */
const OVERDUE_MAX = 100

/** Warnings and disabling that are due although nothing was tried in the meantime. */
export async function recordOverdue(deps: ClockDep & IdsDep & StoreDep): Promise<Health[]> {
  const nowMs = deps.clock.nowMs()
  const beforeMs = nowMs - WARN_AFTER_MS[0]
  const failing = await deps.store.destinations.listFailingSince(beforeMs, OVERDUE_MAX)
  if (failing.length === 0) return []
  return await deps.store.transaction(async (tx) => {
    const health: Health[] = []
    const states = await tx.destinations.listStates(
      failing.map(({ id }) => id),
      true,
    )
    for (const state of states) {
      const destination = failing.find(({ id }) => id === state.id)
      const { breaker, notices } = decideNotices(state.breaker, nowMs)
      if (destination === undefined || state.status !== 'enabled' || notices.length === 0) continue
      await tx.destinations.saveBreaker(state.id, breaker)
      for (const notice of notices) await record(deps, tx, destination, notice)
      health.push({ destination, notices, probeAtMs: null, hasClosed: false })
    }
    return health
  })
}

function isSuccess({ verdict }: Made): boolean {
  return verdict.type === 'delivered'
}

function endOf({ attempt }: Made): number {
  return attempt.startedAtMs + attempt.durationMs
}

const DISABLED = {
  gone: 'the destination answered 410 Gone',
  disable: 'nothing that was sent to it for 24 hours succeeded',
} as const

async function record(
  deps: ClockDep & IdsDep,
  tx: Tables,
  { id, environmentId }: Destination,
  notice: Health['notices'][number],
): Promise<void> {
  const isEnd = notice.type === 'gone' || notice.type === 'disable'
  if (isEnd) await tx.destinations.disable(id, DISABLED[notice.type])
  await tx.audit.add({
    id: deps.ids.ordered(),
    environmentId,
    actor: 'system',
    action: isEnd ? 'destination.disable' : `destination.${notice.type}`,
    subject: id,
    detail: isEnd
      ? { reason: DISABLED[notice.type] }
      : notice.type === 'failing'
        ? { hours: notice.hours }
        : {},
    createdAtMs: deps.clock.nowMs(),
  })
}

/** Tells the log what the record says. */
export function logHealth({ log }: LogDep, { destination, notices }: Health): void {
  for (const notice of notices) {
    const subject = { destination: destination.id, environment: destination.environmentId }
    if (notice.type === 'recovered') log.info(subject, 'a destination works again')
    else if (notice.type === 'failing') {
      log.warn({ ...subject, hours: notice.hours }, 'a destination is failing')
    } else log.warn({ ...subject, reason: DISABLED[notice.type] }, 'destination disabled')
  }
}
