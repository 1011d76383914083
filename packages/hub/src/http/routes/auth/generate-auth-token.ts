import { z } from '@hono/zod-openapi'
import { createSdkToken } from '../../../operations/connect-device.ts'
import { defineRoute } from '../../route.ts'
import { REFERENCE_ID } from '../../schemas.ts'

const TOKEN = z.object({
  status: z.literal('success'),
  token: z.string(),
  expires_in: z.number(),
})

/** The address for tokens has always told of a wrong dev-id with 404. */
const refusal = () => 'environment_not_found' as const

export const generateAuthToken = defineRoute({
  paths: ['/v2/auth/generateAuthToken', '/api/v2/auth/generateAuthToken'],
  methods: ['post'],
  refusal,
  summary: 'Make a token that connects one device through a mobile SDK',
  answer: TOKEN,
  async handle(deps, environment) {
    const { token, expiresInSeconds } = await createSdkToken(deps, environment, null)
    return { json: { status: 'success', token, expires_in: expiresInSeconds } }
  },
})

export const createAuthToken = defineRoute({
  paths: ['/v2/auth/tokens', '/api/v2/auth/tokens'],
  methods: ['post'],
  refusal,
  summary: 'Make a token that connects one device, of the person that reference_id names',
  // Terra ignores a reference_id in the body, silently; only the query binds the token.
  query: z.object({ reference_id: REFERENCE_ID.optional() }),
  answer: TOKEN,
  async handle(deps, environment, { query }) {
    const referenceId = query.reference_id || null
    const { token, expiresInSeconds } = await createSdkToken(deps, environment, referenceId)
    return { json: { status: 'success', token, expires_in: expiresInSeconds } }
  },
})
