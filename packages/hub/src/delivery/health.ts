/** What attempts say about their destinations, in the transaction that records them. */
import { setImmediate } from 'node:timers/promises'
import { type Breaker, WARN_AFTER_MS, decideBreaker, decideNotices } from '../core/breaker.ts'
import type { EventRecord } from '../core/event-body.ts'
import {
  DISABLED_REASONS,
  type DestinationNotice,
  toDestinationLane,
  toOperatorRecord,
} from '../core/operator-event.ts'
import { RETRY_AFTER_MS_MAX, type RetrySchedule } from '../core/retry.ts'
import type { ClockDep, IdsDep, LogDep, RandomDep } from '../deps.ts'
import type { Destination, DestinationState } from '../store/destinations.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import type { Made } from './attempt.ts'

/** Announces events in the transaction that makes them. */
export interface AnnounceDep {
  announce(
    tx: Tables,
    lane: {
      readonly environmentId: string
      readonly lineageId: null
      readonly orderKey: string
      readonly lastOrderingMs: number
    },
    records: readonly EventRecord[],
  ): Promise<{ readonly lastOrderingMs: number }>
}

type RecordDeps = ClockDep & IdsDep & AnnounceDep

/** What became of a destination. */
export interface Health {
  readonly destination: Destination
  /** Each is an event that has been announced. */
  readonly notices: readonly DestinationNotice[]
  /** When each kind is tried next; none where the breaker is closed and nobody has asked to be left alone. */
  readonly openings: readonly { readonly isData: boolean; readonly atMs: number }[]
  readonly again: Again
}

/** What waits for a later attempt can go at once, where the breaker was open for it and is closed now. */
export interface Again {
  readonly data: boolean
  readonly state: boolean
  /** Of data, one is to be tried at once: it takes what happened to connections again, which it had refused. */
  readonly oneOfData: boolean
}

const NOTHING_AGAIN: Again = { data: false, state: false, oneOfData: false }

/**
 * Moves the breakers, leaves alone who asked for it, disables what is gone or has failed for a day, and leaves a record of it.
 *
 * @param attempts.found How their destinations stood before.
 * @returns The destinations whose attempts were not all ordinary successes.
 */
export async function recordHealth(
  deps: RecordDeps & RandomDep,
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
    const isWell = breaker.failingSinceMs === null && breaker.probeAtMs === null
    return attempts.length > 0 && !(isWell && attempts.every(isSuccess))
  })
  const health: Health[] = []
  const lanes = changing.flatMap(({ id }) => byDestination.get(id)?.[0]?.destination ?? [])
  for (const state of await tx.destinations.listStatesToTell(lanes)) {
    const attempts = byDestination.get(state.id) ?? []
    const destination = attempts[0]?.destination
    if (destination === undefined) continue
    const notices: DestinationNotice[] = []
    let { breaker, quietUntilMs } = state
    for (const attempt of attempts.toSorted((a, b) => endOf(a) - endOf(b))) {
      if (attempt.verdict.type === 'gone') notices.push({ type: 'gone' })
      quietUntilMs = latest([quietUntilMs, attempt.quietUntilMs])
      const decided = decideBreaker(breaker, destination.retries ?? schedule, {
        isData: attempt.delivery.isData,
        isProbe: attempt.isProbe,
        succeeded: isSuccess(attempt),
        isAsking: attempt.quietUntilMs !== null,
        hasAsked: hasAsked({ quietUntilMs }, endOf(attempt)),
        atMs: endOf(attempt),
        fraction: deps.random.fraction(),
      })
      breaker = decided.breaker
      notices.push(...decided.notices)
    }
    await tx.destinations.saveBreaker(state.id, breaker)
    const quiet = toQuiet(state, attempts)
    if (attempts.some((one) => one.quietUntilMs !== null)) {
      await tx.destinations.quiet(state.id, quiet)
    }
    const openings = findOpenings(breaker, quiet, deps.clock.nowMs())
    const told = state.status === 'enabled' ? untilEnd(notices) : []
    await record(deps, tx, destination, { ...state, notices: told })
    health.push({ destination, notices: told, openings, again: toAgain(state.breaker, breaker) })
  }
  return health
}

/** Destinations that one look warns of at most. */
const OVERDUE_MAX = 100

/** Warnings and disabling that are due although nothing was tried in the meantime. */
export async function recordOverdue(deps: RecordDeps & StoreDep): Promise<Health[]> {
  const nowMs = deps.clock.nowMs()
  const beforeMs = nowMs - WARN_AFTER_MS[0]
  const failing = await deps.store.destinations.listFailingSince(beforeMs, OVERDUE_MAX)
  if (failing.length === 0) return []
  return await deps.store.transaction(async (tx) => {
    const health: Health[] = []
    for (const state of await tx.destinations.listStatesToTell(failing)) {
      const destination = failing.find(({ id }) => id === state.id)
      // One that has said when to try again is not tried before; whatever it answers then says more.
      const { breaker, notices } = decideNotices(state.breaker, nowMs, hasAsked(state, nowMs))
      if (destination === undefined || state.status !== 'enabled' || notices.length === 0) continue
      await tx.destinations.saveBreaker(state.id, breaker)
      await record(deps, tx, destination, { ...state, notices })
      health.push({ destination, notices, openings: [], again: NOTHING_AGAIN })
    }
    return health
  })
}

type Quiet = Pick<DestinationState, 'quietUntilMs' | 'stateQuietUntilMs'>

/** Whether it has said within the last day when to try again. */
function hasAsked({ quietUntilMs }: Pick<Quiet, 'quietUntilMs'>, atMs: number): boolean {
  return (quietUntilMs ?? 0) > atMs - RETRY_AFTER_MS_MAX
}

/** An answer to data says nothing about what happened to connections, which never waits for it; the other way round it does. */
function toQuiet(before: Quiet, attempts: readonly Made[]): Quiet {
  const asked = (isAbout: (one: Made) => boolean) =>
    attempts.filter(isAbout).map(({ quietUntilMs }) => quietUntilMs)
  return {
    quietUntilMs: latest([before.quietUntilMs, ...asked(() => true)]),
    stateQuietUntilMs: latest([
      before.stateQuietUntilMs,
      ...asked(({ delivery }) => !delivery.isData),
    ]),
  }
}

function toAgain(before: Breaker, after: Breaker): Again {
  const hadRefusedBoth = before.probeAtMs !== null && before.stateFailures > 0
  return {
    data: before.probeAtMs !== null && after.probeAtMs === null,
    state: before.stateProbeAtMs !== null && after.stateProbeAtMs === null,
    oneOfData: hadRefusedBoth && after.stateFailures === 0 && after.probeAtMs !== null,
  }
}

function findOpenings(
  { probeAtMs, stateProbeAtMs }: Breaker,
  { quietUntilMs, stateQuietUntilMs }: Quiet,
  nowMs: number,
): Health['openings'] {
  return [true, false].flatMap((isData) => {
    const quietMs = isData ? quietUntilMs : stateQuietUntilMs
    // The row keeps a time that has passed: nothing is to be looked for because of it.
    const atMs = latest([
      isData ? probeAtMs : stateProbeAtMs,
      (quietMs ?? 0) > nowMs ? quietMs : null,
    ])
    return atMs === null ? [] : [{ isData, atMs }]
  })
}

function latest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : Math.max(...known)
}

function isSuccess({ verdict }: Made): boolean {
  return verdict.type === 'delivered'
}

function endOf({ attempt }: Made): number {
  return attempt.startedAtMs + attempt.durationMs
}

function isEnd(notice: DestinationNotice): notice is { type: keyof typeof DISABLED_REASONS } {
  return notice.type in DISABLED_REASONS
}

/** What ends together may say more than once that the destination is to be disabled. */
function untilEnd(notices: readonly DestinationNotice[]): readonly DestinationNotice[] {
  const end = notices.findIndex(isEnd)
  return end === -1 ? notices : notices.slice(0, end + 1)
}

async function record(
  deps: RecordDeps,
  tx: Tables,
  { id, environmentId }: Destination,
  {
    notices,
    lastOrderingMs,
  }: Pick<DestinationState, 'lastOrderingMs'> & { readonly notices: readonly DestinationNotice[] },
): Promise<void> {
  if (notices.length === 0) return
  for (const notice of notices) {
    const reason = isEnd(notice) ? DISABLED_REASONS[notice.type] : undefined
    if (reason !== undefined) await tx.destinations.disable(id, reason)
    await tx.audit.add({
      id: deps.ids.ordered(),
      environmentId,
      actor: 'system',
      action: reason === undefined ? `destination.${notice.type}` : 'destination.disable',
      subject: id,
      detail: {
        ...(reason !== undefined && { reason }),
        ...(notice.type === 'failing' && { hours: notice.hours }),
      },
      createdAtMs: deps.clock.nowMs(),
    })
  }
  const lane = { environmentId, lineageId: null, orderKey: toDestinationLane(id) }
  const records = notices.map((notice) => toOperatorRecord(id, notice))
  const announced = await deps.announce(tx, { ...lane, lastOrderingMs }, records)
  await tx.destinations.saveOrdering(id, announced.lastOrderingMs)
}

/** Lets go what had to wait because its destination did not work. @returns Whether there was anything to be let go. */
export async function makeDueAgain(
  { store, clock }: StoreDep & ClockDep,
  { destination, again }: Pick<Health, 'destination' | 'again'>,
): Promise<boolean> {
  const nowMs = clock.nowMs()
  const kinds = [false, true].filter((isData) => (isData ? again.data : again.state))
  for (const isData of kinds) {
    while (await store.deliveries.makeDue(destination.id, nowMs, { isData })) await setImmediate()
  }
  if (again.oneOfData) {
    await store.deliveries.makeDue(destination.id, nowMs, { isData: true, limit: 1 })
  }
  return kinds.length > 0 || again.oneOfData
}

/** Tells the log what the record says. */
export function logHealth({ log }: LogDep, { destination, notices }: Health): void {
  for (const notice of notices) {
    const subject = { destination: destination.id, environment: destination.environmentId }
    if (notice.type === 'recovered') log.info(subject, 'a destination works again')
    else if (notice.type === 'failing') {
      log.warn({ ...subject, hours: notice.hours }, 'a destination is failing')
    } else log.warn({ ...subject, reason: DISABLED_REASONS[notice.type] }, 'destination disabled')
  }
}
