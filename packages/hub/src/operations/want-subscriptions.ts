/** Says which apps have to be subscribed to notices, in the transaction in which their credentials change. */
import { isDeepStrictEqual } from 'node:util'
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
  const { appSubscriptions } = deps.store
  const { environmentId, provider: name } = after
  const nowMs = deps.clock.nowMs()
  if (provider.appSubscriptions === undefined) await appSubscriptions.forget(after)
  else if (
    before !== undefined &&
    isSame(before, after) &&
    (await appSubscriptions.find(after)) !== undefined
  ) {
    // Another process may be making them: what it has made must not be lost.
    await appSubscriptions.wakeThese([environmentId], name, nowMs)
  } else {
    await appSubscriptions.want({ id: deps.ids.ordered(), environmentId, provider: name, nowMs })
  }
}

function isSame(before: App, after: App): boolean {
  const [left, right] = [before, after].map((app) => [
    app.clientId,
    app.clientSecret.reveal(),
    app.noticeKeyHash,
    app.originOverrides,
    app.overrides,
    app.secrets?.reveal(),
  ])
  return isDeepStrictEqual(left, right)
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
