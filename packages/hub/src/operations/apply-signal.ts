import { type Signal, decide } from '../core/connection.ts'
import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { commitDecision } from './announce.ts'

/** What is written in the same transaction, when the user is still there. */
export interface AlongsideDep {
  readonly alongside?: (tx: Tables) => Promise<void>
}

/**
 * Applies a signal to a connection: state, events, deliveries and outbox commit together or not at all.
 *
 * @param observed The connection as the signal is about it. What was observed of a user says nothing of
 *   the one that a reconnection has put in its place meanwhile.
 * @returns The connection afterwards; undefined when it has another user by now.
 */
export async function applySignal(
  deps: ClockDep & IdsDep & WakeDep & StoreDep & AlongsideDep,
  environment: Environment,
  observed: Connection,
  signal: Signal,
): Promise<Connection | undefined> {
  const after = await deps.store.transaction(async (tx) => {
    const connection = await applySignalIn(deps, tx, environment, { observed, signal })
    if (connection !== undefined) await deps.alongside?.(tx)
    return connection
  })
  wakeAfterSignal(deps)
  return after
}

/** As {@link applySignal}, in the caller's transaction; then comes {@link wakeAfterSignal}. */
export async function applySignalIn(
  deps: ClockDep & IdsDep,
  tx: Tables,
  environment: Environment,
  { observed, signal }: { readonly observed: Connection; readonly signal: Signal },
): Promise<Connection | undefined> {
  const { lineageId } = observed
  const before = await tx.connections.findForUpdate(lineageId)
  if (before === undefined || before.environmentId !== environment.id) return undefined
  if (before.state.user.userId !== observed.state.user.userId) return undefined
  const decision = decide(before.state, signal, environment.settings)
  if (decision.state === before.state && decision.events.length === 0) return before
  const { matchKey } = before
  const change = { environmentId: environment.id, lineageId, matchKey, before, decision }
  await commitDecision(deps, tx, change)
  return await tx.connections.find(lineageId)
}

/** Tells the workers what a signal may have given them to do, once it is committed. */
export function wakeAfterSignal({ wake }: WakeDep): void {
  wake.deliveries()
  wake.revocations()
}
