/** A connection that goes on at another provider: one lineage, whatever stood there before. */
import { type User, decide } from '../core/connection.ts'
import type { ClockDep, IdsDep } from '../deps.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { Tables } from '../store/open.ts'
import { commitDecision } from './announce.ts'

/**
 * The connection to another provider that this flow continues, locked: by the link that it began with, or
 * because its person is on the way to this provider.
 *
 * @returns Undefined where the flow continues nothing of another provider's.
 */
export async function findContinued(tx: Tables, flow: Flow): Promise<Connection | undefined> {
  const { environmentId, provider, referenceId } = flow
  const lineageId =
    flow.continuesLineageId ??
    (referenceId === null
      ? undefined
      : await tx.moveUsers.findLineageOnItsWay(environmentId, provider, referenceId))
  if (lineageId === undefined) return undefined
  const connection = await tx.connections.findForUpdate(lineageId)
  if (connection === undefined || connection.environmentId !== environmentId) return undefined
  const { state } = connection
  // Disconnected meanwhile, or there already: then this is an ordinary connection.
  return state.status === 'deleted' || state.user.provider === provider ? undefined : connection
}

/**
 * Makes room at the successor: a lineage that has the place there (the person had connected it beside the old
 * provider) ends in the one that continues, and the app is told so, in the order of the lineage that ends.
 */
export async function absorbOther(
  deps: ClockDep & IdsDep,
  tx: Tables,
  into: {
    readonly environment: Environment
    readonly lineageId: string
    readonly matchKey: string
    readonly by: { readonly user: User; readonly providerAccountId: string }
  },
): Promise<void> {
  const { environment, lineageId, by } = into
  const other = await tx.connections.findByMatchKeyForUpdate(environment.id, into.matchKey)
  if (other === undefined || other.lineageId === lineageId) return
  const signal = { type: 'absorbed', atMs: deps.clock.nowMs(), by } as const
  await commitDecision(deps, tx, {
    environmentId: environment.id,
    lineageId: other.lineageId,
    // No person can have this key: its place belongs to the other lineage from now on.
    matchKey: JSON.stringify(['absorbed', other.lineageId]),
    before: other,
    decision: decide(other.state, signal, environment.settings),
  })
}
