/** Removes a person of the app: connections, what is under way, and the history of both. */
import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { digest } from '../secret.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import { applySignal } from './apply-signal.ts'
import { failFlow } from './end-flow.ts'
import { writeAudit } from './write-audit.ts'

/** Connections that one round erases, and attempts that are read at a time: more than a person has, but not than a name that tests share. */
const PER_ROUND_MAX = 1_000
/** Events that one transaction removes. */
const EVENTS_PER_BATCH = 200

export interface ErasureRequest {
  readonly referenceId: string
  readonly actor: string
  /**
   * `deliver`: what is owed is sent, the last `deauth` too, and goes with its retention; `remove`: what has not left by
   * then is not sent any more.
   */
  readonly owedEvents: 'deliver' | 'remove'
  /** Events that are looked at; only for what is undone afterwards. All of them without it. */
  readonly eventsMax?: number
}

/** What was removed. */
export interface Erased {
  readonly connections: number
  readonly attempts: number
  readonly events: number
  /** Events that stay until they have been delivered and their retention has passed. */
  readonly eventsOwed: number
  /** Whether {@link ErasureRequest.eventsMax} has left some out. */
  readonly hasMore: boolean
}

/**
 * Disconnects the person everywhere, cancels what is under way, and removes what is known of them. Tokens go to the
 * outbox alone, until the providers have taken the access back. A refresh that is under way finds no connection.
 *
 * @throws FirmaError `not_found` for a person of whom nothing is known.
 */
export async function erasePerson(
  deps: ClockDep & IdsDep & StoreDep & WakeDep,
  environment: Environment,
  request: ErasureRequest,
): Promise<Erased> {
  let all: Erased = { connections: 0, attempts: 0, events: 0, eventsOwed: 0, hasMore: false }
  for (;;) {
    const { eventsMax = Number.POSITIVE_INFINITY } = request
    const left = { ...request, eventsMax: eventsMax - all.events - all.eventsOwed }
    const round = await eraseRound(deps, environment, left)
    all = {
      connections: all.connections + round.connections,
      attempts: all.attempts + round.attempts,
      events: all.events + round.events,
      eventsOwed: all.eventsOwed + round.eventsOwed,
      hasMore: round.hasMore,
    }
    // What it has erased is nobody's any more, so the next one comes to the rest.
    if (round.connections < PER_ROUND_MAX || round.hasMore) break
  }
  if (isNothing(all)) {
    throw new FirmaError('not_found', 'nothing is known of a person with this reference_id')
  }
  deps.wake.deliveries()
  return all
}

function isNothing({ connections, attempts, events, eventsOwed }: Erased): boolean {
  return connections + attempts + events + eventsOwed === 0
}

async function eraseRound(
  deps: ClockDep & IdsDep & StoreDep & WakeDep,
  environment: Environment,
  request: ErasureRequest & { readonly eventsMax: number },
): Promise<Erased> {
  const { referenceId, owedEvents, eventsMax } = request
  // In this order: an attempt that has not ended could still connect.
  const attempts = await cancelAttempts(deps, environment, referenceId)
  const connections = await endEverything(deps, environment, referenceId)
  const subject = { environmentId: environment.id, referenceId, connections }
  let [events, eventsOwed, afterSeq] = [0, 0, 0]
  let hasMore = true
  while (hasMore && events + eventsOwed < eventsMax) {
    const limit = Math.min(EVENTS_PER_BATCH, eventsMax - events - eventsOwed)
    const page = { afterSeq, limit }
    const batch = await deps.store.transaction(async (tx) => {
      const found = await tx.erasure.listEvents(subject, page)
      const ids = found.map(({ id }) => id)
      if (owedEvents === 'remove') await tx.erasure.suppress(ids, deps.clock.nowMs())
      return { found, removed: (await tx.retention.removeEnded(found)).length }
    })
    events += batch.removed
    eventsOwed += batch.found.length - batch.removed
    afterSeq = batch.found.at(-1)?.seq ?? afterSeq
    hasMore = batch.found.length === limit
  }
  if (hasMore) {
    const next = { afterSeq, limit: 1 }
    const left = await deps.store.transaction((tx) => tx.erasure.listEvents(subject, next))
    hasMore = left.length > 0
  }
  const counts = { connections: connections.length, attempts, events, eventsOwed }
  if (isNothing({ ...counts, hasMore })) return { ...counts, hasMore }
  const accounts = await deps.store.transaction(async (tx) => {
    const found = await tx.erasure.anonymize(subject)
    await writeAudit(deps, tx, {
      environmentId: environment.id,
      actor: request.actor,
      action: 'person.erase',
      // Whoever knows the name can find the proof; nobody can read the name from it.
      subject: digest(referenceId),
      detail: { ...counts, user_ids: connections.map(({ state }) => state.user.userId) },
    })
    return found
  })
  await deps.store.transaction(async (tx) => await tx.erasure.forgetAccounts(subject, accounts))
  return { ...counts, hasMore }
}

/** @returns Every connection that the person has or had. */
async function endEverything(
  deps: ClockDep & IdsDep & StoreDep & WakeDep,
  environment: Environment,
  referenceId: string,
): Promise<Connection[]> {
  const filter = { referenceId, withDeleted: true }
  const page = { limit: PER_ROUND_MAX }
  for (const connection of await deps.store.connections.listBy(environment.id, filter, page)) {
    if (connection.state.status === 'deleted') continue
    const signal = { type: 'disconnect_requested', atMs: deps.clock.nowMs() } as const
    await applySignal(deps, environment, connection, signal)
  }
  return await deps.store.connections.listBy(environment.id, filter, page)
}

/** @returns How many attempts and links the person had. */
async function cancelAttempts(
  deps: ClockDep & IdsDep & StoreDep & WakeDep,
  environment: Environment,
  referenceId: string,
): Promise<number> {
  const { store } = deps
  const page = { limit: PER_ROUND_MAX }
  // The links first: from here on they begin nothing.
  const links = await store.widgetSessions.endOfReference(
    environment.id,
    referenceId,
    deps.clock.nowMs(),
  )
  // All of them: one that stayed open would connect nobody in particular once the name is forgotten.
  for (;;) {
    const open = await store.flows.listOpenOfReference(environment.id, referenceId, page)
    for (const flow of open) await failFlow(deps, environment, flow, { reason: 'auth_cancelled' })
    if (open.length === 0) break
  }
  return links + (await store.flows.countOfReference(environment.id, referenceId))
}
