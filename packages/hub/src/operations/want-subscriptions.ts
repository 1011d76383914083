/** Says which apps have to be subscribed to notices, in the transaction in which their credentials change. */
import type { ClockDep, IdsDep } from '../deps.ts'
import type { Provider } from '../providers/provider.ts'
import type { Tables } from '../store/open.ts'
import type { ProviderApp } from '../store/provider-apps.ts'

export type WantDeps = ClockDep & IdsDep & { readonly store: Pick<Tables, 'appSubscriptions'> }

type App = Omit<ProviderApp, 'pausedUntilMs'>

/** The provider is asked soon; what an earlier app has subscribed to is removed. */
export async function wantSubscriptions(
  deps: WantDeps,
  change: {
    readonly before: ProviderApp | undefined
    readonly after: App
    readonly provider: Provider
  },
): Promise<void> {
  const { before, after, provider } = change
  // The same app may be reached elsewhere from now on. What it has subscribed to goes on.
  if (before !== undefined && before.clientId !== after.clientId) {
    await giveUpSubscriptions(deps, before)
  }
  const nowMs = deps.clock.nowMs()
  if (provider.appSubscriptions === undefined) await deps.store.appSubscriptions.forget(after)
  else {
    const { environmentId, provider: name } = after
    const id = deps.ids.ordered()
    await deps.store.appSubscriptions.want({ id, environmentId, provider: name, nowMs })
  }
}

/** The environment does not have the app any more. */
export async function giveUpSubscriptions(deps: WantDeps, app: ProviderApp): Promise<void> {
  const { clientId, clientSecret, originOverrides, overrides, secrets } = app
  const former = {
    clientId,
    clientSecret: clientSecret.reveal(),
    secrets: secrets?.reveal().named ?? {},
    originOverrides,
    overrides,
  }
  await deps.store.appSubscriptions.retire(app, former, deps.clock.nowMs())
}
