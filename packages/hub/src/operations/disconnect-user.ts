import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import { type AlongsideDep, applySignal } from './apply-signal.ts'
import { failFlow } from './end-flow.ts'
import { findReservation, getUser } from './find-user.ts'
import { userNotFound } from './not-found.ts'

/**
 * Disconnects a user: it is gone from the users list at once, `deauth` is announced, and the grant is
 * revoked at the provider by the outbox. A user that is only reserved has its attempt cancelled.
 *
 * @throws FirmaError `user_not_found` for an id that is unknown, foreign, replaced by a newer one, or
 *   disconnected already.
 */
export async function disconnectUser(
  deps: ClockDep & IdsDep & WakeDep & StoreDep & AlongsideDep,
  environment: Environment,
  userId: string,
): Promise<void> {
  const reservation = await findReservation(deps, environment, userId)
  if (reservation !== undefined) {
    await failFlow(deps, environment, reservation, { reason: 'auth_cancelled' })
    return
  }
  const connection = await getUser(deps, environment, userId)
  const after = await applySignal(deps, environment, connection, {
    type: 'disconnect_requested',
    atMs: deps.clock.nowMs(),
  })
  if (after === undefined) throw userNotFound(userId)
}
