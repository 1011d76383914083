/** What the routes of one simulated provider share, and what people do in its settings. */
import type { ClockDep, RandomDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { FaultBox } from './faults.ts'
import type { NoticeSender } from './notice-sender.ts'
import type { Profile } from './profile.ts'
import type { Sessions } from './session.ts'
import type { Grant, World } from './world.ts'

/** One simulated provider with everything its routes need. */
export interface SimulatedProvider {
  readonly deps: ClockDep & RandomDep
  readonly profile: Profile
  readonly world: World
  readonly faults: FaultBox
  readonly sessions: Sessions
  readonly notices: NoticeSender
}

/**
 * What "remove this app" in an account's settings does: the grant ends, and the app is told where the
 * provider tells.
 *
 * @throws FirmaError `not_found` when the account has not connected the app.
 */
export async function removeApp(
  simulated: SimulatedProvider,
  target: { clientId: string; accountId: string },
): Promise<void> {
  const grant = getGrant(simulated, target)
  simulated.world.endGrant(grant)
  await announceRevocation(simulated, grant)
}

/** Tells the app that a grant has ended, where the provider tells. */
export async function announceRevocation(
  simulated: SimulatedProvider,
  grant: Grant,
): Promise<void> {
  const { profile, notices } = simulated
  const { app, account } = grant
  const body = profile.toRevokedNotice?.(account)
  if (body === undefined) return
  const { accountId } = account
  await notices.send({ profile, app, accountId, type: 'access_revoked', body })
}

/**
 * What a person's permission switches do.
 *
 * @throws FirmaError `not_found` when the account has not connected the app, `bad_request` when the
 *   provider has no such switches or does not know a scope.
 */
export async function changePermissions(
  simulated: SimulatedProvider,
  target: { clientId: string; accountId: string; scopes: readonly string[] },
): Promise<void> {
  const { profile, notices, deps } = simulated
  const { resource, scopes } = profile.provider
  const grant = getGrant(simulated, target)
  const unknown = target.scopes.filter((scope) => !scopes.known.includes(scope))
  const body = profile.toPermissionsNotice?.(grant.account, target.scopes, deps.clock.nowMs())
  if (body === undefined || unknown.length > 0) {
    const reason = body === undefined ? 'permissions cannot be changed later' : 'unknown permission'
    throw new FirmaError('bad_request', `simulated ${resource}: ${reason} ${unknown.join(' ')}`)
  }
  grant.scopes = [...target.scopes]
  const { app, account } = grant
  const { accountId } = account
  await notices.send({ profile, app, accountId, type: 'scopes_changed', body })
}

function getGrant(
  simulated: SimulatedProvider,
  target: { clientId: string; accountId: string },
): Grant {
  const grant = simulated.world.findGrant(target.clientId, target.accountId)
  if (grant !== undefined) return grant
  throw new FirmaError(
    'not_found',
    `simulated ${simulated.profile.provider.resource}: account ${target.accountId} has not connected app ${target.clientId}`,
  )
}
