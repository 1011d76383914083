import { z } from '@hono/zod-openapi'
import { CATALOG } from '../../../providers/catalog.ts'
import { MOBILE_PROVIDERS } from '../../../providers/mobile.ts'
import { defineGlobalRoute } from '../../route.ts'

export const listIntegrations = defineGlobalRoute({
  paths: ['/v2/integrations', '/api/v2/integrations'],
  methods: ['get'],
  global: 'public',
  summary: 'Names of all providers that Firma can connect to',
  answer: z.object({
    status: z.literal('success'),
    providers: z.array(z.string()),
    sdk_providers: z.array(z.string()),
    /** The older name of `sdk_providers`. */
    sdk_resource: z.array(z.string()),
  }),
  async handle() {
    const sdk = [...MOBILE_PROVIDERS.keys()]
    const providers = [...CATALOG.keys()].toSorted()
    const json = { status: 'success', providers, sdk_providers: sdk, sdk_resource: sdk }
    return { json }
  },
})
