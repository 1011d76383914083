/**
 * Keeps what apps have subscribed to at providers as it should be: asks what there is, makes what is missing, renews what ends,
 * removes what nobody listens to. Whatever was interrupted, the next look finds how far it came.
 */
import { type SubscriptionPlan, planSubscriptions } from '../core/app-subscription.ts'
import { type RetrySchedule, nextAttemptAtMs } from '../core/retry.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../core/time.ts'
import type { ClockDep, FetchDep, IdsDep, LogDep, RandomDep } from '../deps.ts'
import {
  type SubscriptionAnswer,
  type SubscriptionCall,
  createSubscription,
  listSubscriptions,
  removeSubscription,
  renewSubscription,
  topicsOf,
} from '../oauth/app-subscriptions.ts'
import { CATALOG, findEntry } from '../providers/catalog.ts'
import { Redacted } from '../secret.ts'
import type { AppSubscriptionChange, AppSubscriptionState } from '../store/app-subscriptions.ts'
import type { StoreDep } from '../store/open.ts'
import type { ProviderApp } from '../store/provider-apps.ts'
import type { LinksDep } from './links.ts'
import { findProviderAccess, noticeKeyOf, toProvider } from './provider-access.ts'
import type { BellDep } from './watch-changes.ts'

type KeepDeps = ClockDep & FetchDep & IdsDep & LogDep & RandomDep & StoreDep & LinksDep & BellDep

/** Apps of one turn, one after the other. */
const TURN_MAX = 20
/** A look ends after the call that is under way then. */
const LOOK_MS_MAX = 10 * MINUTE_MS
/** Longer than one look can take. */
const CLAIM_MS = LOOK_MS_MAX + 5 * MINUTE_MS
/** How often a provider is asked whether everything is still there, at least. */
const LOOK_EVERY_MS = DAY_MS
/** Apps that are taken up at a start, read at once. */
const UNWATCHED_MAX = 1_000

const RETRIES: RetrySchedule = { baseMs: 30 * SECOND_MS, capMs: HOUR_MS, windowMs: 72 * HOUR_MS }

type Owner = Pick<AppSubscriptionState, 'environmentId' | 'provider'>

interface Look {
  readonly state: AppSubscriptionState
  readonly app: Pick<ProviderApp, 'provider' | 'clientId' | 'clientSecret' | 'originOverrides'>
  readonly call: SubscriptionCall
}

/** @returns A turn of the worker, which returns when the next one is due. */
export function createSubscriptionKeeper(deps: KeepDeps): () => Promise<number | undefined> {
  let hasTakenUp = false
  return async () => {
    if (!hasTakenUp) await takeUp(deps)
    hasTakenUp = true
    const { appSubscriptions } = deps.store
    for (let turn = 0; turn < TURN_MAX && !deps.bell.isClosed; turn += 1) {
      const nowMs = deps.clock.nowMs()
      const dueAtMs = await appSubscriptions.nextDueAtMs()
      if (dueAtMs === undefined || dueAtMs > nowMs) return dueAtMs
      const claim = { id: deps.ids.claim(), nowMs, untilMs: nowMs + CLAIM_MS }
      const state = await appSubscriptions.claimDue(claim)
      if (state === undefined) break
      try {
        await look(deps, state)
      } catch (error) {
        // One that does not open, for example because its key is missing, must not stop the others.
        const { provider } = state
        deps.log.error({ provider, error }, 'subscriptions could not be looked after')
        const detail = 'it could not be read or carried out; see the log'
        await putOff(deps, state, { detail, retryAfterMs: null })
      } finally {
        await appSubscriptions.release(state)
      }
    }
    return await appSubscriptions.nextDueAtMs()
  }
}

/** Apps that were enabled before anybody looked after their subscriptions. */
async function takeUp(deps: KeepDeps): Promise<void> {
  const { store, clock, ids } = deps
  const providers = [...CATALOG.values()]
    .filter(({ facts }) => Object.hasOwn(facts, 'appSubscriptions'))
    .map(({ resource }) => resource)
  let after: Owner | undefined
  do {
    const page = { after, limit: UNWATCHED_MAX }
    const owners = await store.appSubscriptions.listUnwatched(providers, page)
    for (const owner of owners) {
      if (!(await isWanted(deps, owner))) continue
      await store.appSubscriptions.want({ ...owner, id: ids.ordered(), nowMs: clock.nowMs() })
    }
    after = owners.at(-1)
  } while (after !== undefined)
}

/** Not where the operator makes them. */
async function isWanted(deps: KeepDeps, { environmentId, provider }: Owner): Promise<boolean> {
  try {
    const access = await findProviderAccess(deps, environmentId, provider)
    return access?.provider.appSubscriptions !== undefined
  } catch {
    // One that does not open must not stop the others; the look at it says what is wrong.
    return true
  }
}

async function look(deps: KeepDeps, state: AppSubscriptionState): Promise<void> {
  const found = await findLook(deps, state)
  if (found === undefined) {
    await deps.store.appSubscriptions.remove(state)
    return
  }
  const sharing = await deps.store.providerApps.listSharing(found.app)
  const { addresses, unknown } = await listAddresses(deps, sharing, state.provider)
  if (unknown !== undefined) {
    // One of what there is may go to it.
    const detail = `the address for notices of ${unknown} is known by its digest only, so nothing is made or removed: declare its noticeKey, or make a new address with firma providers enable ${state.provider} --new-notice-url`
    await putOff(deps, state, { detail, retryAfterMs: null })
    return
  }
  const listed = await listSubscriptions(deps, found.call)
  if (listed.type === 'refused') {
    await putOff(deps, state, listed)
    return
  }
  const environmentIds = [...new Set([state.environmentId, ...sharing])]
  const nowMs = deps.clock.nowMs()
  const { facts } = found.call
  const plan = planSubscriptions({
    found: listed.value,
    topics: state.formerApp === null ? [...topicsOf(facts).keys()] : [],
    addresses,
    ownAddress: found.call.noticeUrl,
    beginnings: environmentIds.map((id) => deps.links.notices(id, state.provider, '')),
    made: state.madeIds,
    isOnlyOne: facts.isOnlyOne,
    renewBeforeMs: nowMs + facts.renewAheadSeconds * SECOND_MS,
  })
  const present = new Set(listed.value.map(({ id }) => id))
  const madeIds = state.madeIds.filter((id) => present.has(id))
  const done = await carryOut(deps, { ...found, state: { ...state, madeIds } }, plan)
  // What is gone by itself may have been removed by an earlier look, which never heard so or ended at that moment.
  const hasRemoved = done.hasRemoved || madeIds.length < state.madeIds.length
  await settle(deps, found, { plan, sharing, done: { ...done, hasRemoved } })
}

/** @returns Undefined when there is nothing to look after. */
async function findLook(deps: KeepDeps, state: AppSubscriptionState): Promise<Look | undefined> {
  const { environmentId, provider: resource, formerApp } = state
  const former = formerApp?.reveal()
  if (former !== undefined) {
    const entry = findEntry(resource)
    const provider = entry && toProvider(entry, former)
    if (provider?.appSubscriptions === undefined) return undefined
    const { clientId, clientSecret, secrets, originOverrides } = former
    return {
      state,
      app: {
        provider: resource,
        clientId,
        clientSecret: new Redacted(clientSecret),
        originOverrides,
      },
      call: {
        provider,
        facts: provider.appSubscriptions,
        credentials: { clientId, clientSecret, secrets },
      },
    }
  }
  const access = await findProviderAccess(deps, environmentId, resource)
  if (access?.provider.appSubscriptions === undefined) return undefined
  const { provider, credentials, app } = access
  const noticeKey = noticeKeyOf(app)
  const noticeUrl = noticeKey && deps.links.notices(environmentId, resource, noticeKey)
  const facts = access.provider.appSubscriptions
  return { state, app, call: { provider, facts, credentials, noticeKey, noticeUrl } }
}

/** Where notices about the app are taken: at one address of each environment that shares it; `unknown` is one whose address is not known. */
async function listAddresses(
  { store, links }: KeepDeps,
  sharing: readonly string[],
  provider: string,
): Promise<{ addresses: string[]; unknown: string | undefined }> {
  const addresses: string[] = []
  let unknown: string | undefined
  for (const environmentId of sharing) {
    const app = await store.providerApps.find(environmentId, provider)
    if (app === undefined) continue
    const noticeKey = noticeKeyOf(app)
    if (noticeKey === undefined) unknown ??= environmentId
    else addresses.push(links.notices(environmentId, provider, noticeKey))
  }
  return { addresses, unknown }
}

interface Problem {
  readonly detail: string
  readonly retryAfterMs: number | null
}

/** What was done of a plan. */
interface Done {
  readonly madeIds: readonly string[]
  /** Ends of what is in force now; null for what does not end. */
  readonly ends: readonly (number | null)[]
  readonly changes: number
  readonly hasRemoved: boolean
  readonly problem: Problem | undefined
}

/** Removes first: there may be room for one only. */
async function carryOut(deps: KeepDeps, look: Look, plan: SubscriptionPlan): Promise<Done> {
  const { call, state } = look
  const made = new Set(state.madeIds)
  let hasRemoved = false
  const ends = new Map(plan.kept.map(({ id, endsAtMs }) => [id, endsAtMs]))
  const steps: (() => Promise<SubscriptionAnswer<unknown>>)[] = [
    ...plan.remove.map((one) => async () => {
      const answer = await removeSubscription(deps, call, one)
      if (answer.type === 'ok') {
        made.delete(one.id)
        hasRemoved = true
      }
      return answer
    }),
    ...plan.renew.map((one) => async () => {
      const answer = await renewSubscription(deps, call, one)
      if (answer.type === 'ok') ends.set(one.id, answer.value ?? one.endsAtMs)
      return answer
    }),
    ...(plan.inTheWay === undefined ? plan.create : []).map((topic) => async () => {
      const answer = await createSubscription(deps, call, topic)
      if (answer.type === 'ok') {
        made.add(answer.value.id)
        ends.set(answer.value.id, answer.value.endsAtMs)
      }
      return answer
    }),
  ]
  let problem: Problem | undefined
  let changes = 0
  const endMs = deps.clock.nowMs() + LOOK_MS_MAX
  for (const step of steps) {
    if (deps.clock.nowMs() > endMs) problem = { detail: 'the rest follows', retryAfterMs: null }
    else {
      const answer = await step()
      if (answer.type === 'refused') problem = answer
      else changes += 1
    }
    if (problem !== undefined) break
  }
  return { madeIds: [...made], ends: [...ends.values()], changes, hasRemoved, problem }
}

async function settle(
  deps: KeepDeps,
  { state, call }: Look,
  { plan, sharing, done }: { plan: SubscriptionPlan; sharing: readonly string[]; done: Done },
): Promise<void> {
  const { appSubscriptions } = deps.store
  const { environmentId: environment, provider } = state
  if (done.changes > 0) {
    deps.log.info({ environment, provider, changes: done.changes }, 'subscriptions were changed')
  }
  const nowMs = deps.clock.nowMs()
  // Where nothing was, two would wake each other for as long as the provider refuses.
  if (done.hasRemoved) {
    const others = sharing.filter((id) => id !== environment)
    await appSubscriptions.wakeThese(others, provider, nowMs)
  }
  const endsAtMs = earliest(done.ends)
  const found = {
    madeIds: done.madeIds,
    wanted: plan.kept.length + plan.create.length,
    active: done.ends.length,
    endsAtMs,
    checkedAtMs: nowMs,
  }
  const problem = done.problem ?? toObstacle(provider, plan)
  if (problem !== undefined) {
    await putOff(deps, state, problem, found)
  } else if (state.formerApp !== null) {
    await appSubscriptions.remove(state)
  } else {
    const dueAtMs = nextLookAtMs(nowMs, endsAtMs, call.facts.renewAheadSeconds * SECOND_MS)
    const settled = { status: 'active', attempts: 0, sinceMs: nowMs, detail: null } as const
    await appSubscriptions.settle(state, { ...found, ...settled, dueAtMs })
  }
}

/** In time to renew; where they live for less than that, at half of what is left. */
function nextLookAtMs(nowMs: number, endsAtMs: number | null, renewAheadMs: number): number {
  if (endsAtMs === null) return nowMs + LOOK_EVERY_MS
  const inTimeMs = Math.max(endsAtMs - renewAheadMs, nowMs + Math.floor((endsAtMs - nowMs) / 2))
  return Math.max(nowMs + MINUTE_MS, Math.min(nowMs + LOOK_EVERY_MS, inTimeMs))
}

function toObstacle(provider: string, { inTheWay }: SubscriptionPlan): Problem | undefined {
  if (inTheWay === undefined) return undefined
  // Its path may hold somebody's secret.
  const where = URL.canParse(inTheWay.address) ? new URL(inTheWay.address).origin : 'elsewhere'
  const detail = `${provider} allows one subscription, and sends the notices of this app to ${where}; remove that one there`
  return { detail, retryAfterMs: null }
}

/** It is tried again, for as long as the environment has the app. */
async function putOff(
  deps: KeepDeps,
  state: AppSubscriptionState,
  problem: Problem,
  found: Partial<AppSubscriptionChange> = {},
): Promise<void> {
  const { environmentId: environment, provider } = state
  const nowMs = deps.clock.nowMs()
  if (deps.bell.isClosed) {
    // A hub that ends no longer answers the provider's question whether it is there. The next one looks at once.
    await deps.store.appSubscriptions.settle(state, { ...state, ...found, dueAtMs: nowMs })
    return
  }
  const attempts = state.attempts + 1
  const dueAtMs = nextAttemptAtMs(RETRIES, {
    attempts,
    sinceMs: state.sinceMs,
    nowMs,
    retryAfterMs: problem.retryAfterMs,
    fraction: deps.random.fraction(),
  })
  const { detail } = problem
  if (dueAtMs === null && state.formerApp !== null) {
    deps.log.error(
      { environment, provider, detail },
      'gave up removing subscriptions of a former app',
    )
    await deps.store.appSubscriptions.remove(state)
    return
  }
  if (attempts === 1)
    deps.log.warn({ environment, provider, detail }, 'subscriptions are not in force')
  await deps.store.appSubscriptions.settle(state, {
    ...state,
    ...found,
    status: state.formerApp === null ? 'failing' : 'removing',
    attempts,
    dueAtMs: dueAtMs ?? nowMs + RETRIES.capMs,
    detail,
  })
}

function earliest(ends: readonly (number | null)[]): number | null {
  const times = ends.filter((atMs) => atMs !== null)
  return times.length === 0 ? null : Math.min(...times)
}
