import { z } from '@hono/zod-openapi'
import { FirmaError } from '../../../errors.ts'
import { connectDevice } from '../../../operations/connect-device.ts'
import { MOBILE_PROVIDERS } from '../../../providers/mobile.ts'
import { defineGlobalRoute } from '../../route.ts'
import { REFERENCE_ID, TEXT } from '../../schemas.ts'

const NAMES = [...MOBILE_PROVIDERS.keys()]
const DEVICE_ID_LENGTH_MAX = 255
const SCOPES_LENGTH_MAX = 4_000

export const redeemToken = defineGlobalRoute({
  paths: ['/v2/auth/redeemToken', '/api/v2/auth/redeemToken'],
  methods: ['post'],
  // The token is the credential: a phone must not have the API key.
  global: 'public',
  errors: ['unauthorized'],
  summary:
    'Connect a device with a token, as a mobile SDK does; needs the dev-id header and no key',
  body: z.object({
    token: z.string({ error: 'is missing; make one with POST /v2/auth/generateAuthToken' }),
    resource: z
      .string({ error: `is missing; it is one of ${NAMES.join(', ')}` })
      .transform((name) => name.toUpperCase()),
    device_id: TEXT.min(1).max(DEVICE_ID_LENGTH_MAX),
    reference_id: REFERENCE_ID.nullish(),
    scopes: TEXT.max(SCOPES_LENGTH_MAX).nullish(),
  }),
  answer: z.object({
    status: z.literal('success'),
    user_id: z.string(),
    reference_id: z.string().nullable(),
    resource: z.string(),
    was_connected: z.boolean(),
  }),
  async handle(deps, { body, request }) {
    if (!MOBILE_PROVIDERS.has(body.resource)) {
      throw new FirmaError(
        'resource_unknown',
        `unknown resource "${body.resource.slice(0, 64)}"; devices connect to ${NAMES.join(', ')}`,
      )
    }
    const { userId, referenceId, wasConnected } = await connectDevice(
      deps,
      request.headers.get('dev-id') ?? '',
      {
        token: body.token,
        provider: body.resource,
        referenceId: body.reference_id || null,
        deviceId: body.device_id,
        scopes: (body.scopes ?? '').split(',').filter((scope) => scope !== ''),
      },
    )
    return {
      json: {
        status: 'success',
        user_id: userId,
        reference_id: referenceId,
        resource: body.resource,
        was_connected: wasConnected,
      },
    }
  },
})
