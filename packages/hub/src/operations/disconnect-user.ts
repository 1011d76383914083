import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import { applySignal } from './apply-signal.ts'

/**
 * Disconnects a user: it is gone from the users list at once, `deauth` is announced, and the grant is
 * revoked at the provider by the outbox.
 *
 * @throws FirmaError `user_not_found` for an id that is unknown, foreign, replaced by a newer one, or
 *   disconnected already.
 */
export async function disconnectUser(
  deps: ClockDep & IdsDep & WakeDep & StoreDep,
  environment: Environment,
  userId: string,
): Promise<void> {
  const connection = await getUser(deps, environment, userId)
  const after = await applySignal(deps, environment, connection, {
    type: 'disconnect_requested',
    atMs: deps.clock.nowMs(),
  })
  if (after === undefined) throw new FirmaError('user_not_found', 'user not found')
}

/**
 * The connection whose present user this is.
 *
 * @throws FirmaError `user_not_found` as in {@link disconnectUser}: an old `user_id` names nobody any
 *   more, and must not end the connection that replaced it.
 */
export async function getUser(
  deps: StoreDep,
  environment: Environment,
  userId: string,
): Promise<Connection> {
  const connection = await deps.store.connections.findByAlias(environment.id, userId)
  if (
    connection === undefined ||
    connection.state.status === 'deleted' ||
    connection.state.user.userId !== userId
  ) {
    throw new FirmaError('user_not_found', 'user not found')
  }
  return connection
}
