/** Sends events again that an operator asks for: durable, in order, a window at a time. */
import { setImmediate } from 'node:timers/promises'
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import type { Resend, ResendFilter, ResendRange, Resendable } from '../store/resends.ts'
import { resendNotFound } from './not-found.ts'
import { writeAudit } from './write-audit.ts'

type Deps = ClockDep & IdsDep & StoreDep & WakeDep

/** Deliveries that one transaction makes. */
const DELIVERIES_PER_BATCH = 200
/** A resend makes more only while fewer of its deliveries are owed: pausing it soon shows. */
const WINDOW = 500
/** Resends that one turn goes on with. */
const RESENDS_PER_TURN = 20
/** A preview looks through so many parts of the history at most, each of {@link PREVIEW_BATCH} deliveries or a window of events. */
const PREVIEW_PARTS_MAX = 200
const PREVIEW_BATCH = 1_000

/** Asks for events to be sent again. What comes after this moment is not among them. */
export async function startResend(
  deps: Deps,
  environment: Environment,
  filter: ResendFilter,
  actor: string,
): Promise<Resend> {
  const resend: Resend = {
    ...(await findRange(deps, environment, filter)),
    id: deps.ids.ordered(),
    status: 'running',
    deliveries: 0,
    actor,
    createdAtMs: deps.clock.nowMs(),
    endedAtMs: null,
  }
  await deps.store.transaction(async (tx) => {
    await tx.resends.add(resend)
    await writeAudit(deps, tx, {
      environmentId: environment.id,
      actor,
      action: 'resend.start',
      subject: resend.id,
      detail: { ...filter },
    })
  })
  deps.wake.resends()
  return resend
}

async function findRange(
  { store }: StoreDep,
  { id: environmentId }: Environment,
  filter: ResendFilter,
): Promise<ResendRange> {
  const ends = await store.ledger.ends()
  const { from, before = ends.events + 1 } = await store.eventTimes.findRange(filter)
  const throughSeq = Math.min(ends.events, before - 1)
  return {
    environmentId,
    filter,
    cursorSeq: Math.min(throughSeq, Math.max(0, from - 1)),
    throughSeq,
  }
}

/** What a resend of a filter would send. */
export interface ResendPreview {
  readonly events: number
  readonly deliveries: number
  /** When the first and the last of the events were made; null where there is none. */
  readonly firstAtMs: number | null
  readonly lastAtMs: number | null
  /** Deliveries by destination. */
  readonly byDestination: ReadonlyMap<string, number>
  /** False where there was too much to be counted to the end. */
  readonly isComplete: boolean
}

/** Counts what {@link startResend} would send now, and changes nothing. */
export async function previewResend(
  deps: StoreDep,
  environment: Environment,
  filter: ResendFilter,
): Promise<ResendPreview> {
  let range = await findRange(deps, environment, filter)
  const byDestination = new Map<string, number>()
  let [events, deliveries, lastSeq] = [0, 0, 0]
  // Not those of the first and the last row: clocks may have been set back meanwhile.
  let [firstAtMs, lastAtMs] = [Infinity, -Infinity]
  for (let part = 0; part < PREVIEW_PARTS_MAX && range.cursorSeq < range.throughSeq; part += 1) {
    const { found, cursorSeq } = await deps.store.resends.listNext(range, PREVIEW_BATCH)
    for (const { seq, destinationId, createdAtMs } of found) {
      byDestination.set(destinationId, (byDestination.get(destinationId) ?? 0) + 1)
      if (seq !== lastSeq) events += 1
      lastSeq = seq
      firstAtMs = Math.min(firstAtMs, createdAtMs)
      lastAtMs = Math.max(lastAtMs, createdAtMs)
    }
    deliveries += found.length
    range = { ...range, cursorSeq }
    // SQLite answers at once, and others want to be answered, too.
    await setImmediate()
  }
  return {
    events,
    deliveries,
    firstAtMs: events === 0 ? null : firstAtMs,
    lastAtMs: events === 0 ? null : lastAtMs,
    byDestination,
    isComplete: range.cursorSeq >= range.throughSeq,
  }
}

/** @throws FirmaError `not_found`. */
export async function getResend(
  { store }: StoreDep,
  environment: Environment,
  id: string,
): Promise<Resend> {
  const resend = await store.resends.find(environment.id, id)
  if (resend === undefined) throw resendNotFound(id)
  return resend
}

/** Pauses, resumes or cancels a resend. What it has made already is sent all the same. */
export async function changeResend(
  deps: Deps,
  { environment, id, actor }: { environment: Environment; id: string; actor: string },
  action: 'pause' | 'resume' | 'cancel',
): Promise<Resend> {
  await getResend(deps, environment, id)
  const changed = await deps.store.transaction(async (tx) => {
    const resend = await tx.resends.findForUpdate(id)
    if (resend === undefined || resend.endedAtMs !== null) {
      throw new FirmaError('conflict', `this resend has ended (${resend?.status ?? 'gone'})`)
    }
    const endedAtMs = action === 'cancel' ? deps.clock.nowMs() : null
    const next: Resend = { ...resend, status: STATUS_AFTER[action], endedAtMs }
    await tx.resends.save(next)
    await writeAudit(deps, tx, {
      environmentId: environment.id,
      actor,
      action: `resend.${action}`,
      subject: id,
      detail: {},
    })
    return next
  })
  deps.wake.resends()
  return changed
}

const STATUS_AFTER = { pause: 'paused', resume: 'running', cancel: 'cancelled' } as const

/** Goes on with what is running. @returns When the next turn is due; undefined when nothing runs. */
export async function runResends(deps: Deps): Promise<number | undefined> {
  const running = await deps.store.resends.listRunning(RESENDS_PER_TURN)
  let isRunning = false
  for (const id of running) {
    let step = await makeSome(deps, id)
    while (step === 'more') step = await makeSome(deps, id)
    if (step === 'wait') isRunning = true
  }
  return isRunning ? deps.clock.nowMs() + SECOND_MS : undefined
}

async function makeSome(deps: Deps, id: string): Promise<'more' | 'wait' | 'done'> {
  const made = await deps.store.transaction(async (tx) => {
    const resend = await tx.resends.findForUpdate(id)
    if (resend?.status !== 'running') return undefined
    if ((await tx.resends.countOwed(id, WINDOW)) >= WINDOW) return 'full' as const
    await tx.destinations.holdDeletions(resend.environmentId)
    const { found, cursorSeq } = await tx.resends.listNext(resend, DELIVERIES_PER_BATCH, true)
    const isLast = cursorSeq === resend.throughSeq
    const nowMs = deps.clock.nowMs()
    await tx.deliveries.addMany(found.map((one) => toDelivery(one, id, nowMs)))
    await tx.resends.save({
      ...resend,
      status: isLast ? 'done' : 'running',
      cursorSeq,
      deliveries: resend.deliveries + found.length,
      endedAtMs: isLast ? nowMs : null,
    })
    return { isLast, destinationIds: [...new Set(found.map((one) => one.destinationId))] }
  })
  if (made === undefined) return 'done'
  if (made === 'full') return 'wait'
  if (made.destinationIds.length > 0) deps.wake.deliveries(made.destinationIds)
  return made.isLast ? 'done' : 'more'
}

function toDelivery(one: Resendable, resendId: string, atMs: number) {
  return { ...one, suppressed: null, resendId, atMs }
}
