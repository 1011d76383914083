import { matchKey } from '../core/match.ts'
import type { ClockDep, IdsDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { MOBILE_PROVIDERS } from '../providers/mobile.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { getUser } from './find-user.ts'
import { userNotFound } from './not-found.ts'
import { writeAudit } from './write-audit.ts'

/**
 * Gives a user another `reference_id`. Its next reconnection is recognised by the new one.
 *
 * @param actor As the audit log names who does it.
 * @throws FirmaError `user_not_found`; `conflict` when the person with that `reference_id` is connected to
 *   the provider already, where the environment compares `reference_id`s.
 */
export async function changeReference(
  deps: ClockDep & IdsDep & StoreDep,
  environment: Environment,
  change: { readonly actor: string; readonly userId: string; readonly referenceId: string },
): Promise<Connection> {
  const { actor, userId, referenceId } = change
  const observed = await getUser(deps, environment, userId)
  return await deps.store.transaction(async (tx) => {
    const before = await tx.connections.findForUpdate(observed.lineageId)
    if (before?.state.user.userId !== userId || before.state.status === 'deleted') {
      throw userNotFound(userId)
    }
    const { state } = before
    if (state.user.referenceId === referenceId) return before
    const key = toMatchKey(environment, before, referenceId)
    if (key !== before.matchKey) await makeRoom(deps, tx, { environment, key, before })
    const user = { ...state.user, referenceId }
    const after = { ...before, matchKey: key, state: { ...state, user } }
    await tx.connections.save(after, deps.clock.nowMs())
    await writeAudit(deps, tx, {
      environmentId: environment.id,
      actor,
      action: 'user.change',
      subject: userId,
      detail: { reference_id: referenceId, previous_reference_id: state.user.referenceId },
    })
    return after
  })
}

function toMatchKey(environment: Environment, { state }: Connection, referenceId: string): string {
  const { provider } = state.user
  const policy = MOBILE_PROVIDERS.has(provider) ? 'reference' : environment.settings.matchPolicy
  const { providerAccountId } = state
  return matchKey(policy, { provider, referenceId, providerAccountId })
}

/** Two connections must not have one key. One that is gone gives its own away. */
async function makeRoom(
  deps: ClockDep,
  tx: Tables,
  { environment, key, before }: { environment: Environment; key: string; before: Connection },
): Promise<void> {
  const holder = await tx.connections.findByMatchKeyForUpdate(environment.id, key)
  if (holder === undefined || holder.lineageId === before.lineageId) return
  if (holder.state.status !== 'deleted') {
    throw new FirmaError(
      'conflict',
      `${holder.state.user.provider} is connected with this reference_id already, as user ${holder.state.user.userId}; disconnect that one first`,
    )
  }
  const released = JSON.stringify(['released', holder.lineageId])
  await tx.connections.save({ ...holder, matchKey: released }, deps.clock.nowMs())
}
