import { z } from '@hono/zod-openapi'
import { FirmaError } from '../../../errors.ts'
import { changeReference } from '../../../operations/change-user.ts'
import { getUser } from '../../../operations/find-user.ts'
import { toWire } from '../../../operations/read-users.ts'
import { defineRoute } from '../../route.ts'
import { REFERENCE_ID, WIRE_USER } from '../../schemas.ts'

/** Terra has always told of an unknown user with 400 here, and 404 elsewhere. */
function asTerra(error: unknown): never {
  if (!(error instanceof FirmaError) || error.code !== 'user_not_found') throw error
  throw new FirmaError('bad_request', error.message, { cause: error })
}

export const changeUser = defineRoute({
  paths: ['/v2/users/:user_id', '/api/v2/users/:user_id'],
  methods: ['patch'],
  errors: ['conflict'],
  summary: 'Give a user another reference_id',
  params: z.object({ user_id: z.string() }),
  body: z.object({
    reference_id: REFERENCE_ID.min(1, { error: 'must not be empty' }).nullish(),
    active: z.boolean().nullish(),
  }),
  answer: z.object({ status: z.literal('success'), user: WIRE_USER }),
  async handle(deps, environment, { params, body, caller }) {
    const present = await getUser(deps, environment, params.user_id).catch(asTerra)
    const isActive = present.state.status === 'active'
    if (typeof body.active === 'boolean' && body.active !== isActive) {
      throw new FirmaError(
        'conflict',
        isActive
          ? 'a connection is not switched off and on again: disconnect the user with DELETE /v2/auth/deauthenticateUser'
          : 'the person has removed the access at the provider, and only connecting again gives it back',
      )
    }
    if (!body.reference_id) return { json: { status: 'success', user: toWire(present) } }
    const change = {
      actor: caller.actor,
      userId: params.user_id,
      referenceId: body.reference_id,
    }
    const user = toWire(await changeReference(deps, environment, change).catch(asTerra))
    return { json: { status: 'success', user } }
  },
})
