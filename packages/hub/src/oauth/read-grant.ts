/** What a provider's API tells about a grant: whose it is, and which scopes it has now. */
import { maskLabel } from '../core/mask.ts'
import type { ClockDep, FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { findField } from '../providers/json-path.ts'
import type { IdentitySource, ScopeSource } from '../providers/provider.ts'
import type { ProviderRequest } from '../providers/request.ts'
import { callApi, readJson } from './call.ts'
import { PROVIDER_TIMEOUT_MS, type ProviderCall, type TokenSet } from './types.ts'

/** Characters of a label that are looked at. */
const LABEL_CHARS_MAX = 320
/** Characters of an account id at most; a longer one is not an id. */
const ACCOUNT_ID_CHARS_MAX = 256

/** A call with the tokens of a grant. */
export interface GrantCall extends ProviderCall {
  readonly tokenSet: TokenSet
  readonly providerAccountId?: string | undefined
}

/**
 * Asks the provider whose grant this is.
 *
 * @returns Undefined when there is no answer, or only the token answer could have told.
 */
export async function readAccountId(
  deps: FetchDep & ClockDep,
  call: GrantCall,
): Promise<string | undefined> {
  const source = call.provider.identity
  if (source.from !== 'request') return undefined
  return await orUndefined(async () => (await requestAccount(deps, call, source)).providerAccountId)
}

/**
 * Asks the provider for the scopes that are in force.
 *
 * @returns Undefined when there is no answer, or the provider has no address to ask at.
 */
export async function readScopes(
  deps: FetchDep & ClockDep,
  call: GrantCall,
): Promise<string[] | undefined> {
  const source = call.provider.scopes.granted
  if (source.from !== 'request') return undefined
  return await orUndefined(async () => await requestScopes(deps, call, source))
}

/** An account at a provider. */
export interface AccountFacts {
  readonly providerAccountId: string
  /** What people know it by, masked; null where the provider does not say. */
  readonly accountLabel: string | null
}

/** @throws FirmaError `provider_unavailable` when there is no usable answer. */
export async function requestAccount(
  deps: FetchDep & ClockDep,
  call: GrantCall,
  source: Extract<IdentitySource, { from: 'request' }>,
  signal = deadlineOf(call),
): Promise<AccountFacts> {
  const what = `account of ${call.provider.resource}`
  const json = await requestJson(deps, call, source.request, { what, signal })
  const providerAccountId = toAccountId(findField(json, source.field), what)
  return { providerAccountId, accountLabel: findLabel(json, source.labels) }
}

/** The first of these fields that has a label, masked: nobody gets to see more of it. */
function findLabel(answer: unknown, fields: readonly string[] = []): string | null {
  for (const field of fields) {
    const label = findField(answer, field)
    if (typeof label !== 'string') continue
    const masked = maskLabel(label.slice(0, LABEL_CHARS_MAX))
    if (masked !== null) return masked
  }
  return null
}

/** @throws FirmaError `provider_unavailable` when there is no usable answer. */
export async function requestScopes(
  deps: FetchDep & ClockDep,
  call: GrantCall,
  source: Extract<ScopeSource, { from: 'request' }>,
  signal = deadlineOf(call),
): Promise<string[]> {
  const what = `permissions of ${call.provider.resource}`
  const json = await requestJson(deps, call, source.request, { what, signal })
  const list = source.fields
    .map((field) => findField(json, field))
    .find((value): value is unknown[] => Array.isArray(value))
  if (list === undefined) throw unusable(what)
  return list.filter((scope) => typeof scope === 'string')
}

/** @throws FirmaError `provider_unavailable` when the value is not an id. */
export function toAccountId(value: unknown, what: string): string {
  const id = Number.isSafeInteger(value) ? String(value) : value
  if (typeof id !== 'string' || id === '' || id.length > ACCOUNT_ID_CHARS_MAX) throw unusable(what)
  return id
}

async function requestJson(
  deps: FetchDep & ClockDep,
  call: GrantCall,
  request: ProviderRequest,
  context: { what: string; signal: AbortSignal },
): Promise<unknown> {
  const response = await callApi(deps, context, request, call)
  if (response.status !== 200) {
    throw new FirmaError(
      'provider_unavailable',
      `${context.what} answered ${response.status}, not 200`,
    )
  }
  return await readJson(response)
}

async function orUndefined<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    // No answer is no verdict.
    if (error instanceof FirmaError) return undefined
    throw error
  }
}

function deadlineOf(call: GrantCall): AbortSignal {
  return AbortSignal.timeout(call.timeoutMs ?? PROVIDER_TIMEOUT_MS)
}

function unusable(what: string): FirmaError {
  return new FirmaError('provider_unavailable', `${what} gave an answer that is not usable`)
}
