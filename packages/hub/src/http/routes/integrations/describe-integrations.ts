import { z } from '@hono/zod-openapi'
import { CATALOG } from '../../../providers/catalog.ts'
import { MOBILE_PROVIDERS } from '../../../providers/mobile.ts'
import { defineGlobalRoute } from '../../route.ts'

const INTEGRATION = z
  .object({
    provider: z.string(),
    name: z.string(),
    icon: z.string(),
    /** How a person connects: at the provider's login, or with an SDK in the app. */
    setup: z.enum(['oauth', 'sdk']),
    enabled: z.boolean(),
    /** What the provider has. Firma announces connections; which data an app fetches is its own choice. */
    types: z.object({
      activity: z.boolean(),
      body: z.boolean(),
      daily: z.boolean(),
      sleep: z.boolean(),
      nutrition: z.boolean(),
      menstruation: z.boolean(),
    }),
  })
  .openapi('Integration')

const NO_TYPES = {
  activity: false,
  body: false,
  daily: false,
  sleep: false,
  nutrition: false,
  menstruation: false,
}

export const describeIntegrations = defineGlobalRoute({
  paths: ['/v2/integrations/detailed', '/api/v2/integrations/detailed'],
  methods: ['get'],
  global: 'public',
  summary: 'Providers with their names; with a dev-id header only those that the environment has',
  query: z.object({
    sdk: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
  }),
  answer: z.object({ status: z.literal('success'), providers: z.array(INTEGRATION) }),
  async handle({ store }, { query, request }) {
    // The name of an environment is no secret, so nothing more is asked for; a key beside it is harmless.
    const devId = request.headers.get('dev-id') || undefined
    const enabled = devId === undefined ? undefined : await store.providerApps.listProviders(devId)
    const web = [...CATALOG.values()]
      .filter(({ resource }) => enabled?.includes(resource) ?? true)
      .map(({ resource, displayName }) => ({
        provider: resource,
        name: displayName,
        setup: 'oauth',
        enabled: enabled !== undefined,
      }))
    const sdk = [...MOBILE_PROVIDERS].map(([provider, name]) => ({
      provider,
      name,
      setup: 'sdk',
      enabled: true,
    }))
    const providers = [...web, ...(query.sdk === 'true' ? sdk : [])]
      .toSorted((a, b) => (a.provider < b.provider ? -1 : 1))
      .map((integration) => ({ ...integration, icon: '', types: NO_TYPES }))
    return { json: { status: 'success', providers } }
  },
})
