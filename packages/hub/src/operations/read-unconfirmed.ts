/** What people have connected and the app has not confirmed. */
import { assert } from '../errors.ts'
import type { ConnectionFilter } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { HeldGrant } from '../store/held-grants.ts'
import type { StoreDep } from '../store/open.ts'
import { findReservation } from './find-user.ts'

export interface Unconfirmed {
  readonly flow: Flow
  readonly held: HeldGrant
}

/** A page of them, in the order of their flows. Each is there for minutes, so few are there at once. */
export async function listUnconfirmed(
  { store }: StoreDep,
  environment: Environment,
  page: { readonly limit: number; readonly after?: string | undefined },
): Promise<Unconfirmed[]> {
  const held = await store.heldGrants.listOpen(environment.id, page)
  return await Promise.all(
    held.map(async (one) => {
      const flow = await store.flows.find(one.flowId)
      assert(flow !== undefined, 'what is held belongs to a flow')
      return { flow, held: one }
    }),
  )
}

/** Whether it is one of those that a filter names, its state aside. */
export function isWanted({ flow, held }: Unconfirmed, filter: ConnectionFilter): boolean {
  const { userId, referenceId, provider, createdSinceMs = 0, createdUntilMs } = filter
  return (
    (userId === undefined || userId === flow.reservedUserId) &&
    (referenceId === undefined || referenceId === flow.referenceId) &&
    (provider === undefined || provider === flow.provider) &&
    held.createdAtMs >= createdSinceMs &&
    (createdUntilMs === undefined || held.createdAtMs < createdUntilMs)
  )
}

/** The one that this `user_id` is kept for. */
export async function findUnconfirmed(
  deps: StoreDep,
  environment: Environment,
  userId: string,
): Promise<Unconfirmed | undefined> {
  const flow = await findReservation(deps, environment, userId)
  if (flow === undefined) return undefined
  const held = await deps.store.heldGrants.find(flow.id)
  return held === undefined ? undefined : { flow, held }
}
