/** Who a `user_id` is. */
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import { userNotFound } from './not-found.ts'

/**
 * The connection whose present user this is.
 *
 * @throws FirmaError `user_not_found` for an id that is unknown, foreign, disconnected or replaced: an
 *   old `user_id` names nobody any more, and must not act on the connection that replaced it.
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
    throw userNotFound(userId)
  }
  return connection
}

/**
 * The open flow that this `user_id` is kept for: `authenticateUser` has promised it, or the flow is over but
 * for the app's confirmation. Before that, flows of the connect page promise theirs to nobody.
 */
export async function findReservation(
  { store }: StoreDep,
  environment: Environment,
  userId: string,
): Promise<Flow | undefined> {
  const flow = await store.flows.findByReservedUser(userId)
  if (flow?.environmentId !== environment.id || flow.endedAtMs !== null) return undefined
  const isPromised =
    flow.widgetSessionId === null || (await store.heldGrants.find(flow.id)) !== undefined
  return isPromised ? flow : undefined
}
