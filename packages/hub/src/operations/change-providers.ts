/** The operator's own applications at providers, as the admin API sets them. */
import type { ClockDep, IdsDep, RandomDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import type { LinksDep } from './links.ts'
import { noticeKeyOf } from './provider-access.ts'
import { enableProvider, providerAddresses } from './set-up.ts'
import { giveUpSubscriptions } from './want-subscriptions.ts'
import { writeAudit } from './write-audit.ts'

type ProviderDeps = ClockDep & IdsDep & RandomDep & StoreDep & LinksDep & WakeDep

/**
 * Enables a provider, or replaces its credentials.
 *
 * @returns The address for the provider's notices, for the only time, where it is new.
 * @throws FirmaError `resource_unknown`; `bad_request` when the overrides or secrets do not fit the provider.
 */
export async function setProviderApp(
  deps: ProviderDeps,
  environment: Environment,
  app: {
    readonly actor: string
    readonly provider: string
    readonly clientId: string
    readonly clientSecret: string
    /** Whether the address for notices changes, too. */
    readonly isNoticeUrlNew: boolean
    /** What differs from the catalog; undefined leaves what is there. */
    readonly overrides: Readonly<Record<string, unknown>> | undefined
    /** Secrets beside the client's; undefined leaves what is there. */
    readonly secrets: Readonly<Record<string, string>> | undefined
  },
): Promise<{ noticeUrl: string | null }> {
  const answer = await deps.store.transaction(async (tx) => {
    const before = await tx.providerApps.find(environment.id, app.provider)
    const kept = before && noticeKeyOf(before)
    const isNew = kept === undefined || app.isNoticeUrlNew
    const { noticeKey, noticeUrl } = providerAddresses(deps, environment.id, app.provider)
    await save(
      { ...deps, store: tx },
      {
        environmentId: environment.id,
        provider: app.provider,
        clientId: app.clientId,
        clientSecret: app.clientSecret,
        noticeKey: isNew ? noticeKey : kept,
        originOverrides: before?.originOverrides ?? {},
        overrides: app.overrides ?? before?.overrides ?? {},
        ...(app.secrets !== undefined && { secrets: app.secrets }),
      },
    )
    await writeAudit(deps, tx, {
      environmentId: environment.id,
      actor: app.actor,
      action: before === undefined ? 'provider.enable' : 'provider.change',
      subject: app.provider,
      detail: { client_id: app.clientId, is_notice_url_new: isNew },
    })
    return { noticeUrl: isNew ? noticeUrl : null }
  })
  deps.wake.providerTasks()
  return answer
}

/** What would be a wrong configuration at start is a wrong request here. */
async function save(...[deps, app]: Parameters<typeof enableProvider>): Promise<void> {
  try {
    await enableProvider(deps, app)
  } catch (cause) {
    if (!(cause instanceof FirmaError) || cause.code !== 'configuration_invalid') throw cause
    throw new FirmaError('bad_request', cause.message, { cause })
  }
}

/**
 * Disables a provider and forgets its credentials.
 *
 * @throws FirmaError `resource_unknown`; `conflict` while people are connected to it: without the
 *   credentials their access could neither be kept nor given back.
 */
export async function removeProviderApp(
  deps: ProviderDeps,
  environment: Environment,
  { actor, provider }: { actor: string; provider: string },
): Promise<void> {
  await deps.store.transaction(async (tx) => {
    const app = await tx.providerApps.find(environment.id, provider)
    if (app === undefined) {
      throw new FirmaError('resource_unknown', `this environment has no provider "${provider}"`)
    }
    const count = await tx.connections.countBy(environment.id, { provider })
    if (count > 0) {
      throw new FirmaError(
        'conflict',
        `${count} users are connected to ${provider}; disconnect them first, with POST /admin/v1/users/disconnect`,
      )
    }
    await tx.providerApps.remove(environment.id, provider)
    await giveUpSubscriptions({ ...deps, store: tx }, app)
    await writeAudit(deps, tx, {
      environmentId: environment.id,
      actor,
      action: 'provider.disable',
      subject: provider,
      detail: {},
    })
  })
  deps.wake.providerTasks()
}
