/** Calls about the subscriptions that an app has at a provider. */
import type { FoundSubscription } from '../core/app-subscription.ts'
import type { ClockDep, FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { findField } from '../providers/json-path.ts'
import type { AppSubscriptionFacts } from '../providers/notices.ts'
import type { Provider } from '../providers/provider.ts'
import type { ProviderRequest } from '../providers/request.ts'
import type { TemplateValues } from '../providers/template.ts'
import { callApi, readJson } from './call.ts'
import { readRetryAfterMs } from './token-answer.ts'
import { type ClientCredentials, PROVIDER_TIMEOUT_MS, type TokenSet } from './types.ts'

/** A provider may take so long for making one, as it asks at the address first. */
const CREATE_TIMEOUT_MS = 2 * PROVIDER_TIMEOUT_MS

/** The app itself proves these calls, and no account's token. */
const NO_TOKENS: TokenSet = { accessToken: '', tokenType: 'bearer', obtainedAtMs: 0 }

/** Statuses by which a provider says that it has no such subscription. */
const GONE_STATUSES = [404, 410]

/** What became of a call. */
export type SubscriptionAnswer<T> =
  | { readonly type: 'ok'; readonly value: T }
  | { readonly type: 'refused'; readonly detail: string; readonly retryAfterMs: number | null }

export interface SubscriptionCall {
  readonly provider: Provider
  readonly facts: AppSubscriptionFacts
  readonly credentials: ClientCredentials
  /** Where the notices are to go, and the secret in it; absent when the app is given up. */
  readonly noticeUrl?: string | undefined
  readonly noticeKey?: string | undefined
}

/** The values of each topic by its name: every combination. */
export function topicsOf({ topics }: AppSubscriptionFacts): Map<string, Record<string, string>> {
  let combinations: Record<string, string>[] = [{}]
  for (const [name, values] of Object.entries(topics)) {
    combinations = combinations.flatMap((one) => values.map((value) => ({ ...one, [name]: value })))
  }
  return new Map(combinations.map((one) => [Object.values(one).join(' '), one]))
}

/** Every subscription of the app, also those that others have made. */
export async function listSubscriptions(
  deps: FetchDep & ClockDep,
  call: SubscriptionCall,
): Promise<SubscriptionAnswer<FoundSubscription[]>> {
  const answer = await ask(deps, call, { request: call.facts.list, values: {} })
  if (answer.type !== 'ok') return answer
  const items = findField(answer.value, call.facts.itemsPath)
  const found = Array.isArray(items) ? items.map((item) => toFound(call.facts, item)) : undefined
  if (found === undefined || found.includes(undefined)) {
    return refused(call, 'answered with what is no list of subscriptions', null)
  }
  return { type: 'ok', value: found.filter((one) => one !== undefined) }
}

/** Makes one; until it answers the provider may ask at the address whether it is wanted. */
export async function createSubscription(
  deps: FetchDep & ClockDep,
  call: SubscriptionCall,
  topic: string,
): Promise<SubscriptionAnswer<{ id: string; endsAtMs: number | null }>> {
  const values = topicsOf(call.facts).get(topic) ?? {}
  const answer = await ask(deps, call, { request: call.facts.create, values })
  if (answer.type !== 'ok') return answer
  const { idPath, endsAtPath } = call.facts
  const id = toId(findField(answer.value, idPath))
  if (id === null) return refused(call, 'made one without saying its id', null)
  return { type: 'ok', value: { id, endsAtMs: readTime(endsAtPath, answer.value) } }
}

/** @returns When it ends now; null where the answer does not say. */
export async function renewSubscription(
  deps: FetchDep & ClockDep,
  call: SubscriptionCall,
  { id }: FoundSubscription,
): Promise<SubscriptionAnswer<number | null>> {
  const { renew, endsAtPath } = call.facts
  if (renew === undefined) return refused(call, 'cannot be renewed', null)
  const answer = await ask(deps, call, { request: renew, values: { subscriptionId: id } })
  return answer.type === 'ok' ? { type: 'ok', value: readTime(endsAtPath, answer.value) } : answer
}

/** One that the provider does not have any more is removed, too. */
export async function removeSubscription(
  deps: FetchDep & ClockDep,
  call: SubscriptionCall,
  { id }: FoundSubscription,
): Promise<SubscriptionAnswer<unknown>> {
  const values = { subscriptionId: id }
  return await ask(deps, call, { request: call.facts.remove, values, isGoneDone: true })
}

async function ask(
  deps: FetchDep & ClockDep,
  call: SubscriptionCall,
  {
    request,
    values,
    isGoneDone = false,
  }: { request: ProviderRequest; values: TemplateValues; isGoneDone?: boolean },
): Promise<SubscriptionAnswer<unknown>> {
  const { provider, credentials, noticeUrl, noticeKey } = call
  const isCreation = request === call.facts.create
  const timeoutMs = isCreation ? CREATE_TIMEOUT_MS : PROVIDER_TIMEOUT_MS
  const context = { what: whatOf(call), signal: AbortSignal.timeout(timeoutMs) }
  const placeholders = { noticeUrl, noticeKey, ...values }
  try {
    const response = await callApi(deps, context, request, {
      provider,
      credentials,
      tokenSet: NO_TOKENS,
      placeholders,
    })
    const isGone = isGoneDone && GONE_STATUSES.includes(response.status)
    if (response.ok || isGone) return { type: 'ok', value: await readJson(response, 'any') }
    const hint =
      isCreation && response.status < 500 && noticeUrl !== undefined
        ? `; it must be able to reach ${new URL(noticeUrl).origin}`
        : ''
    const detail = `answered ${response.status} to ${request.method}${hint}`
    return refused(call, detail, readRetryAfterMs(response))
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    return { type: 'refused', detail: error.message, retryAfterMs: null }
  }
}

function refused(call: SubscriptionCall, what: string, retryAfterMs: number | null) {
  return { type: 'refused', detail: `${whatOf(call)} ${what}`, retryAfterMs } as const
}

function whatOf({ provider }: SubscriptionCall): string {
  return `subscription endpoint of ${provider.resource}`
}

function toFound(facts: AppSubscriptionFacts, item: unknown): FoundSubscription | undefined {
  const id = toId(findField(item, facts.idPath))
  const address = findField(item, facts.addressPath)
  if (id === null || typeof address !== 'string') return undefined
  const topic = [...topicsOf(facts)].find(([, values]) =>
    Object.entries(values).every(([name, value]) => findField(item, name) === value),
  )
  return { id, address, topic: topic?.[0] ?? null, endsAtMs: readTime(facts.endsAtPath, item) }
}

function toId(value: unknown): string | null {
  if (Number.isSafeInteger(value)) return String(value)
  return typeof value === 'string' && value !== '' ? value : null
}

function readTime(path: string | undefined, json: unknown): number | null {
  const text = path === undefined ? undefined : findField(json, path)
  // Reading a given time asks no clock.
  // eslint-disable-next-line no-restricted-globals
  const atMs = typeof text === 'string' ? Date.parse(withZone(text)) : Number.NaN
  return Number.isNaN(atMs) ? null : atMs
}

/** A time without a zone is meant as UTC. */
function withZone(text: string): string {
  return /(?:z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`
}
