/** What the routes of one simulated provider share, and what people do in its settings. */
import type { ClockDep, RandomDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { FaultBox } from './faults.ts'
import type { SimulatedKeyset } from './keyset.ts'
import type { NoticeSender, OutgoingNotice } from './notice-sender.ts'
import { type Profile, isSwitchable } from './profile.ts'
import type { Sessions } from './session.ts'
import type { App, Grant } from './grant.ts'
import type { World } from './world.ts'

/** One simulated provider with everything its routes need. */
export interface SimulatedProvider {
  readonly deps: ClockDep & RandomDep
  readonly profile: Profile
  readonly world: World
  readonly faults: FaultBox
  readonly sessions: Sessions
  readonly notices: NoticeSender
  /** What was done once: registrations, subscriptions, nonces of signatures. */
  readonly steps: Set<string>
  /** Where the provider publishes the keys that it signs notices with. */
  readonly keyset: SimulatedKeyset | undefined
  /** What apps have subscribed to, by id. */
  readonly subscriptions: Map<string, AppSubscription>
}

/** A subscription of an app. */
export interface AppSubscription {
  readonly id: string
  readonly clientId: string
  /** Where its notices go. */
  readonly address: string
  readonly topic: Readonly<Record<string, string>>
  /** Null: it does not end. */
  readonly endsAtMs: number | null
}

/** Subscriptions of an app that have not ended. */
export function subscriptionsOf(
  { subscriptions, deps }: SimulatedProvider,
  clientId: string,
): AppSubscription[] {
  return [...subscriptions.values()].filter(
    (one) => one.clientId === clientId && (one.endsAtMs ?? Infinity) > deps.clock.nowMs(),
  )
}

/** Where the notices of an app go: as it was registered, and wherever it has subscribed to them. */
function addressesOf(simulated: SimulatedProvider, { clientId, noticeUrl }: App): string[] {
  const subscribed = subscriptionsOf(simulated, clientId).map(({ address }) => address)
  return [...new Set([...(noticeUrl === undefined ? [] : [noticeUrl]), ...subscribed])]
}

/** Sends it to each of the app's addresses. */
async function notify(
  simulated: SimulatedProvider,
  notice: Pick<OutgoingNotice, 'app' | 'accountId' | 'type' | 'body'>,
): Promise<void> {
  const { profile, notices, keyset } = simulated
  const urls = addressesOf(simulated, notice.app)
  await Promise.all(urls.map(async (url) => notices.send({ ...notice, profile, keyset, url })))
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
  const { profile } = simulated
  const { account } = grant
  const app = simulated.world.apps.get(grant.app.clientId) ?? grant.app
  const { accountId } = account
  const template = profile.provider.simulation.notices.access_revoked
  if (template === undefined || !isSubscribed(simulated, grant)) return
  const body = toNoticeBody(simulated, template, { accountId })
  await notify(simulated, { app, accountId, type: 'access_revoked', body })
}

/** Some tell only about accounts that the app has subscribed to. */
function isSubscribed(simulated: SimulatedProvider, { account }: Grant): boolean {
  const { subscription } = simulated.profile.provider
  if (subscription === undefined) return true
  return simulated.steps.has(stepKey(subscription.request.url, account.accountId))
}

/** What is remembered of a step that was taken for an account. */
export function stepKey(url: string, accountId: string): string {
  return `${url} ${accountId}`
}

/** A notice as the provider writes it; what stands alone in a text keeps its type. */
function toNoticeBody(
  { deps }: SimulatedProvider,
  template: unknown,
  values: { accountId: string; scopes?: readonly string[] },
): unknown {
  const fill = (value: unknown): unknown => {
    if (value === '{scopes}') return values.scopes ?? []
    if (value === '{timestamp}') return Math.floor(deps.clock.nowMs() / 1000)
    if (typeof value === 'string') return value.replaceAll('{accountId}', values.accountId)
    if (Array.isArray(value)) return value.map(fill)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fill(member)]))
  }
  return fill(template)
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
  const { profile } = simulated
  const { resource, scopes } = profile.provider
  const grant = getGrant(simulated, target)
  const unknown = target.scopes.filter((scope) => !scopes.known.includes(scope))
  if (!isSwitchable(profile) || unknown.length > 0) {
    const reason = isSwitchable(profile)
      ? 'unknown permission'
      : 'permissions cannot be changed later'
    throw new FirmaError('bad_request', `simulated ${resource}: ${reason} ${unknown.join(' ')}`)
  }
  grant.scopes = [...target.scopes]
  const { account } = grant
  const app = simulated.world.apps.get(grant.app.clientId) ?? grant.app
  const { accountId } = account
  const template = profile.provider.simulation.notices.scopes_changed
  const body = toNoticeBody(simulated, template, { accountId, scopes: target.scopes })
  await notify(simulated, { app, accountId, type: 'scopes_changed', body })
}

/**
 * Sends an app any notice, signed as the provider signs: data, for example, or what it has never sent before.
 *
 * @throws FirmaError `not_found` for an app that is not registered.
 */
export async function sendNotice(
  simulated: SimulatedProvider,
  { clientId, body }: { clientId: string; body: unknown },
): Promise<void> {
  const { profile, world } = simulated
  const app = world.apps.get(clientId)
  if (app === undefined) {
    throw new FirmaError('not_found', `simulated ${profile.provider.resource}: no app ${clientId}`)
  }
  await notify(simulated, { app, accountId: '', type: 'other', body })
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
