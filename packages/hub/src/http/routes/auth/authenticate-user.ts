import { z } from '@hono/zod-openapi'
import { FirmaError } from '../../../errors.ts'
import { createDirectFlow } from '../../../operations/start-flow.ts'
import { defineRoute } from '../../route.ts'
import { CONNECT_FIELDS, toConnectRequest } from '../../schemas.ts'

export const authenticateUser = defineRoute({
  paths: ['/v2/auth/authenticateUser', '/api/v2/auth/authenticateUser'],
  methods: ['post'],
  summary: 'Reserve a user_id and make a link that leads straight to one provider',
  query: z.object({ resource: z.string().optional() }),
  body: z.object({
    ...CONNECT_FIELDS,
    resource: z.string().nullish(),
    provider: z.string().nullish(),
  }),
  answer: z.object({
    status: z.literal('success'),
    user_id: z.string(),
    auth_url: z.string(),
    expires_in: z.number(),
  }),
  async handle(deps, environment, { query, body, caller }) {
    // Terra's documents and clients disagree about the place of the resource: all three are taken.
    const resource = query.resource || body.resource || body.provider
    if (!resource) {
      throw new FirmaError(
        'bad_request',
        'resource is missing; name the provider in the query, for example ?resource=GARMIN',
      )
    }
    const { userId, authUrl, expiresInSeconds } = await createDirectFlow(deps, environment, {
      ...toConnectRequest(body),
      actor: caller.actor,
      provider: resource.toUpperCase(),
    })
    return {
      json: { status: 'success', user_id: userId, auth_url: authUrl, expires_in: expiresInSeconds },
    }
  },
})
