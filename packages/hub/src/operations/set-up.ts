/** What an operator sets up: an environment, its providers, its destinations. */
import { ATTEMPT_TIMEOUT_MS } from '../core/delivery.ts'
import type { RetrySchedule } from '../core/retry.ts'
import type { ClockDep, IdsDep, RandomDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { type ProviderOverrides, completeProvider, findEntry } from '../providers/catalog.ts'
import type { Provider } from '../providers/provider.ts'
import { Redacted, createSecret, createSigningSecret, digest } from '../secret.ts'
import { CONCURRENCY_DEFAULT, DESTINATIONS_MAX } from '../store/destinations.ts'
import { DEFAULT_SETTINGS, type EnvironmentSettings } from '../store/environments.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { addApiKey } from './api-keys.ts'
import type { LinksDep } from './links.ts'
import { type WantDeps, wantSubscriptions } from './want-subscriptions.ts'
import { writeAudit } from './write-audit.ts'

export type SetUpDeps = ClockDep & IdsDep & RandomDep & StoreDep & LinksDep

/**
 * Adds an environment with its first API key.
 *
 * @returns Both secrets, for the only time.
 */
export async function createEnvironment(
  deps: SetUpDeps,
  environment: {
    readonly id: string
    readonly name: string
    readonly settings?: Partial<EnvironmentSettings>
    /** Who adds it; the command line where nothing is said. */
    readonly actor?: string
    /** A key that the operator chose; a new one by default. */
    readonly apiKey?: string
  },
): Promise<{ apiKey: string; redirectSecret: string }> {
  const { id, name, actor = 'cli' } = environment
  const redirectSecret = createSecret(deps.random)
  return await deps.store.transaction(async (tx) => {
    await tx.environments.add({
      id,
      name,
      settings: { ...DEFAULT_SETTINGS, ...environment.settings },
      redirectSecret: new Redacted(redirectSecret),
      createdAtMs: deps.clock.nowMs(),
      archivedAtMs: null,
    })
    await writeAudit(deps, tx, {
      environmentId: id,
      actor,
      action: 'environment.create',
      subject: id,
      detail: { name },
    })
    const { secret } = await addApiKey(deps, tx, actor, {
      environmentId: id,
      name: 'first key',
      ...(environment.apiKey !== undefined && { secret: environment.apiKey }),
    })
    return { apiKey: secret, redirectSecret }
  })
}

/** What has to be registered with a provider before its credentials are known. */
export function providerAddresses(
  deps: Pick<SetUpDeps, 'links' | 'random'>,
  environmentId: string,
  provider: string,
): { redirectUri: string; noticeKey: string; noticeUrl: string } {
  const noticeKey = createSecret(deps.random)
  return {
    redirectUri: deps.links.callback(environmentId, provider),
    noticeKey,
    noticeUrl: deps.links.notices(environmentId, provider, noticeKey),
  }
}

/**
 * Enables a provider with the operator's own credentials, or replaces them.
 *
 * @throws FirmaError `resource_unknown` for a provider that the catalog does not have,
 *   `configuration_invalid` when the overrides do not fit, or something is missing that only the operator
 *   can give.
 */
export async function enableProvider(
  deps: WantDeps & { readonly store: Pick<Tables, 'providerApps'> },
  app: {
    readonly environmentId: string
    readonly provider: string
    readonly clientId: string
    readonly clientSecret: string
    /** The key in use may be known by its digest only. */
    readonly noticeKey: string | { readonly hash: string }
    /** Real origin to the one that is called instead; empty in production. */
    readonly originOverrides: Readonly<Record<string, string>>
    /** What differs from the catalog. Default nothing. */
    readonly overrides?: ProviderOverrides
    /** By the names in the provider's `secrets`. Default those that are there. */
    readonly secrets?: Readonly<Record<string, string>>
  },
): Promise<void> {
  const before = await deps.store.providerApps.find(app.environmentId, app.provider)
  const { overrides = {}, noticeKey } = app
  const provider = toProvider(app.provider, overrides)
  const secrets =
    app.secrets === undefined
      ? keepSecrets(provider, before?.secrets?.reveal().named)
      : sortSecrets(provider, app.secrets).named
  const after = {
    environmentId: app.environmentId,
    provider: app.provider,
    clientId: app.clientId,
    clientSecret: new Redacted(app.clientSecret),
    noticeKeyHash: typeof noticeKey === 'string' ? digest(noticeKey) : noticeKey.hash,
    originOverrides: app.originOverrides,
    overrides,
    secrets: new Redacted({
      ...(typeof noticeKey === 'string' && { noticeKey }),
      named: secrets,
    }),
    createdAtMs: deps.clock.nowMs(),
  }
  await deps.store.providerApps.save(after)
  await wantSubscriptions(deps, { before, after, provider })
}

/** @throws FirmaError as {@link enableProvider}. */
export function toProvider(resource: string, overrides: ProviderOverrides): Provider {
  const entry = findEntry(resource)
  if (entry?.resource === resource) return completeProvider(entry, overrides)
  throw new FirmaError('resource_unknown', `the catalog has no provider "${resource}"`)
}

/**
 * Secrets as somebody gives them, without those that an earlier version asked for.
 *
 * @returns `former` are the names that were left out.
 * @throws FirmaError `configuration_invalid` for a name that the provider never had.
 */
export function sortSecrets(
  provider: Provider,
  given: Readonly<Record<string, string>>,
): { named: Record<string, string>; former: string[] } {
  const named = keepSecrets(provider, given)
  const former = Object.keys(given).filter((name) => !Object.hasOwn(named, name))
  const unknown = former.find((name) => !provider.formerSecrets.includes(name))
  if (unknown === undefined) return { named, former }
  const known = Object.keys(provider.secrets).join(', ') || 'none'
  throw new FirmaError(
    'configuration_invalid',
    `${provider.resource} has no secret "${unknown}"; it has ${known}`,
  )
}

/** Those that the provider has. */
function keepSecrets(
  provider: Provider,
  named: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(named).filter(([name]) => Object.hasOwn(provider.secrets, name)),
  )
}

/**
 * Adds a webhook destination.
 *
 * @returns Its id, and its signing secret for the only time.
 */
export async function addDestination(
  deps: SetUpDeps,
  destination: {
    readonly environmentId: string
    readonly url: string
    readonly eventTypes?: readonly string[] | null
    readonly wantsExtensions?: boolean
    /** Milliseconds; Terra's 8,000 by default. */
    readonly timeoutMs?: number
    /** A signing secret that the operator chose; a new one by default. */
    readonly secret?: string
    /** Deliveries under way to it at once, per process. */
    readonly concurrency?: number
    /** When failed attempts are repeated; Terra's schedule by default. */
    readonly retries?: RetrySchedule | null
    /** Headers to add to each delivery. */
    readonly headers?: Redacted<Readonly<Record<string, string>>> | null
    /** Who adds it; the command line where nothing is said. */
    readonly actor?: string
  },
): Promise<{ id: string; secret: string }> {
  checkDestinationUrl(destination.url)
  const present = await deps.store.destinations.listSubscriptions(destination.environmentId)
  if (present.length >= DESTINATIONS_MAX) {
    throw new FirmaError(
      'bad_request',
      `an environment has at most ${DESTINATIONS_MAX} destinations`,
    )
  }
  const id = deps.ids.ordered()
  const secret = destination.secret ?? createSigningSecret(deps.random)
  await deps.store.transaction(async (tx) => {
    await tx.destinations.add({
      id,
      environmentId: destination.environmentId,
      url: destination.url,
      secret: new Redacted(secret),
      eventTypes: destination.eventTypes ?? null,
      wantsExtensions: destination.wantsExtensions ?? false,
      status: 'enabled',
      disabledReason: null,
      timeoutMs: destination.timeoutMs ?? ATTEMPT_TIMEOUT_MS,
      concurrency: destination.concurrency ?? CONCURRENCY_DEFAULT,
      resumedAtMs: null,
      retries: destination.retries ?? null,
      headers: destination.headers ?? null,
      signingKeys: [],
      createdAtMs: deps.clock.nowMs(),
    })
    await writeAudit(deps, tx, {
      environmentId: destination.environmentId,
      actor: destination.actor ?? 'cli',
      action: 'destination.create',
      subject: id,
      detail: { url: destination.url },
    })
  })
  return { id, secret }
}

/** @throws FirmaError `bad_request` for what cannot be a destination. */
export function checkDestinationUrl(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed !== undefined && (parsed.username !== '' || parsed.password !== '')) {
    throw new FirmaError(
      'bad_request',
      'a destination URL must not contain a user name or password: they are not sent',
    )
  }
  if (parsed?.protocol === 'http:' || parsed?.protocol === 'https:') return
  throw new FirmaError(
    'bad_request',
    `a destination needs an http or https URL, not "${url.slice(0, 200)}"`,
  )
}
