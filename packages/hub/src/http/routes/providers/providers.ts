import { z } from '@hono/zod-openapi'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import { FirmaError } from '../../../errors.ts'
import type { DeclaredDep } from '../../../operations/declared.ts'
import type { LinksDep } from '../../../operations/links.ts'
import { removeProviderApp, setProviderApp } from '../../../operations/change-providers.ts'
import { CATALOG, findEntry, successorOf } from '../../../providers/catalog.ts'
import type { CatalogEntry } from '../../../providers/catalog-entry.ts'
import { CONFIDENCES } from '../../../providers/provider.ts'
import type { Environment } from '../../../store/environments.ts'
import type { AppSubscriptionState } from '../../../store/app-subscriptions.ts'
import type { StoreDep } from '../../../store/open.ts'
import type { ProviderApp } from '../../../store/provider-apps.ts'
import { requireScope } from '../../auth.ts'
import { PAGE_QUERY, listOf, toPage } from '../../page.ts'
import { defineRoute } from '../../route.ts'
import { TEXT } from '../../schemas.ts'

const CREDENTIAL_LENGTH_MAX = 4_096
/** Providers that an environment can have. */
const SUBSCRIPTIONS_MAX = 200

/** What the hub has subscribed to for the app, at providers where an app has to. */
const SUBSCRIPTIONS = z
  .object({
    /** `pending`: not looked at yet; `failing`: not all are in force, and it is tried again. */
    status: z.enum(['pending', 'active', 'failing', 'removing']),
    wanted: z.number(),
    active: z.number(),
    /** When the first of them ends, if nobody renews it; null where they do not end. */
    ends_at: z.string().nullable(),
    /** Attempts in a row without success. */
    attempts: z.number(),
    /** When the provider is asked next. */
    next_at: z.string(),
    checked_at: z.string().nullable(),
    /** What is wrong; null when nothing is. */
    detail: z.string().nullable(),
  })
  .openapi('AppSubscriptions')

const PROVIDER = z
  .object({
    provider: z.string(),
    name: z.string(),
    enabled: z.boolean(),
    /** Whether the configuration file has it: each start of the hub sets its credentials again. */
    declared: z.boolean(),
    /** Null while it is not enabled. The secret is never shown again. */
    client_id: z.string().nullable(),
    /** To be registered with the provider. */
    redirect_uri: z.string(),
    /** Whether calls go to a simulated provider. */
    is_simulated: z.boolean(),
    /** Facts that nobody has published, so that the operator has to give them as overrides. */
    operator_gives: z.array(z.string()),
    /** The same provider elsewhere, to be chosen as the override `variant`. */
    variants: z.array(z.string()),
    /** Secrets beside the client's, by name: what they are. */
    secrets: z.record(z.string(), z.string()),
    /** What an operator must know before enabling it. */
    note: z.string().nullable(),
    /** The day this API ends; null while no end is announced. */
    retires_on: z.string().nullable(),
    /** The provider that takes its place; null where there is none to move people to. */
    successor: z.string().nullable(),
    /** Of the facts that are trusted least; null where the catalog does not say. */
    confidence: z.enum(CONFIDENCES).nullable(),
    /** Null while it is not enabled, and where the app need not subscribe to notices. */
    subscriptions: SUBSCRIPTIONS.nullable(),
  })
  .openapi('Provider')

/** Where the catalog's facts come from, and how far they can be trusted. */
const FACT = z.object({
  about: z.array(z.string()),
  confidence: z.string(),
  source: z.string().optional(),
  note: z.string().optional(),
})

/** Permissions, as the provider names them. */
const SCOPES = z.object({
  /** What people are asked for; empty where the provider's own portal decides. */
  asked: z.array(z.string()),
  /** Without these nothing is connected. */
  required: z.array(z.string()),
})

const PROVIDER_WITH_FACTS = PROVIDER.extend({ facts: z.array(FACT), scopes: SCOPES }).openapi(
  'ProviderDetail',
)

/** What the catalog's files may leave out. */
const OPTIONAL_FACTS = z.object({
  secrets: z.record(z.string(), z.string()).default({}),
  note: z.string().default(''),
  retiresOn: z.string().default(''),
  facts: z.array(FACT).default([]),
  authorization: z.object({ scopes: z.array(z.string()).default([]) }).default({ scopes: [] }),
  scopes: z.object({ required: z.array(z.string()).default([]) }).default({ required: [] }),
})

const PARAMS = z.object({
  provider: z.string().transform((name) => name.toUpperCase()),
})

export const listProviders = defineRoute({
  paths: ['/admin/v1/providers'],
  methods: ['get'],
  summary: 'Every provider, with what this environment has of it',
  query: z.object(PAGE_QUERY),
  answer: listOf(PROVIDER),
  async handle(deps, environment, { query: { limit, after = '' } }) {
    const apps = await deps.store.providerApps.listApps(environment.id)
    const states = await deps.store.appSubscriptions.list(environment.id, SUBSCRIPTIONS_MAX)
    const providers = [...CATALOG.values()]
      .filter(({ resource }) => resource > after)
      .toSorted((a, b) => (a.resource < b.resource ? -1 : 1))
    const toItem = (provider: CatalogEntry) => {
      const isIts = (one: { provider: string }): boolean => one.provider === provider.resource
      const found = { app: apps.find(isIts), subscriptions: states.find(isIts) }
      return toWireProvider(deps, environment, provider, found)
    }
    return { json: toPage(providers, limit, ({ resource }) => resource, toItem) }
  },
})

export const getProvider = defineRoute({
  paths: ['/admin/v1/providers/:provider'],
  methods: ['get'],
  summary: 'One provider, with what this environment has of it',
  params: PARAMS,
  answer: PROVIDER_WITH_FACTS,
  async handle(deps, environment, { params }) {
    const provider = getKnown(params.provider)
    const found = await findState(deps, environment, provider)
    const { facts, authorization, scopes } = OPTIONAL_FACTS.parse(provider.facts)
    const wire = toWireProvider(deps, environment, provider, found)
    const { required } = scopes
    return { json: { ...wire, facts, scopes: { asked: authorization.scopes, required } } }
  },
})

export const putProvider = defineRoute({
  paths: ['/admin/v1/providers/:provider'],
  methods: ['put'],
  summary: 'Enable a provider with your own credentials, or replace them',
  params: PARAMS,
  body: z.object({
    client_id: TEXT.min(1).max(CREDENTIAL_LENGTH_MAX),
    client_secret: TEXT.min(1).max(CREDENTIAL_LENGTH_MAX),
    /** Makes the address for notices anew; the old one stops working. */
    new_notice_url: z.boolean().optional(),
    /**
     * A variant, and a JSON merge patch (RFC 7396) to the catalog's facts. The patch is an operator's alone:
     * it says which addresses the hub calls.
     */
    overrides: z.record(z.string(), z.unknown()).optional(),
    secrets: z.record(z.string(), TEXT.max(CREDENTIAL_LENGTH_MAX)).optional(),
  }),
  answer: PROVIDER.extend({
    /** Where the provider sends its notices; secret, and shown only when it is new. */
    notice_url: z.string().nullable(),
  }),
  async handle(deps, environment, { params, body, caller }) {
    const provider = getKnown(params.provider)
    const { variant: _, ...patch } = body.overrides ?? {}
    if (Object.keys(patch).length > 0) requireScope(caller, 'operator')
    const { noticeUrl } = await setProviderApp(deps, environment, {
      actor: caller.actor,
      provider: provider.resource,
      clientId: body.client_id,
      clientSecret: body.client_secret,
      isNoticeUrlNew: body.new_notice_url ?? false,
      overrides: body.overrides,
      secrets: body.secrets,
    })
    const found = await findState(deps, environment, provider)
    const json = {
      ...toWireProvider(deps, environment, provider, found),
      notice_url: noticeUrl,
    }
    return { json }
  },
})

export const deleteProvider = defineRoute({
  paths: ['/admin/v1/providers/:provider'],
  methods: ['delete'],
  errors: ['conflict'],
  summary: 'Disable a provider that nobody is connected to, and forget its credentials',
  params: PARAMS,
  answer: z.object({ status: z.literal('success') }),
  async handle(deps, environment, { params, caller }) {
    const { provider } = params
    await removeProviderApp(deps, environment, { actor: caller.actor, provider })
    return { json: { status: 'success' } }
  },
})

function getKnown(name: string): CatalogEntry {
  const provider = findEntry(name)
  if (provider === undefined) {
    throw new FirmaError(
      'resource_unknown',
      `the catalog has no provider "${name.slice(0, 64)}"; GET /admin/v1/providers lists them`,
    )
  }
  return provider
}

/** What an environment has of a provider. */
interface ProviderState {
  readonly app: Pick<ProviderApp, 'clientId' | 'originOverrides'> | undefined
  readonly subscriptions: AppSubscriptionState | undefined
}

async function findState(
  { store }: StoreDep,
  { id: environmentId }: Environment,
  { resource: provider }: CatalogEntry,
): Promise<ProviderState> {
  const app = await store.providerApps.find(environmentId, provider)
  return { app, subscriptions: await store.appSubscriptions.find({ environmentId, provider }) }
}

function toWireSubscriptions(state: AppSubscriptionState): z.output<typeof SUBSCRIPTIONS> {
  const { status, wanted, active, attempts, detail } = state
  return {
    status,
    wanted,
    active,
    ends_at: toTimestampOrNull(state.endsAtMs),
    attempts,
    next_at: toTimestamp(state.dueAtMs),
    checked_at: toTimestampOrNull(state.checkedAtMs),
    detail,
  }
}

function toWireProvider(
  { links, declared }: LinksDep & DeclaredDep,
  environment: Environment,
  { resource, displayName, operatorGives, variants, facts }: CatalogEntry,
  { app, subscriptions }: ProviderState,
): z.output<typeof PROVIDER> {
  const { secrets, note, retiresOn, facts: sources } = OPTIONAL_FACTS.parse(facts)
  const given = sources.map((one) => CONFIDENCES.findIndex((name) => name === one.confidence))
  return {
    provider: resource,
    name: displayName,
    enabled: app !== undefined,
    declared: declared.hasProvider(environment.id, resource),
    client_id: app?.clientId ?? null,
    redirect_uri: links.callback(environment.id, resource),
    is_simulated: Object.keys(app?.originOverrides ?? {}).length > 0,
    operator_gives: [...operatorGives],
    variants: Object.keys(variants),
    secrets,
    note: note || null,
    retires_on: retiresOn || null,
    successor: successorOf(resource)?.resource ?? null,
    confidence: CONFIDENCES[Math.max(...given)] ?? null,
    subscriptions: subscriptions === undefined ? null : toWireSubscriptions(subscriptions),
  }
}
