import { z } from '@hono/zod-openapi'
import { FirmaError } from '../../../errors.ts'
import { findUserInfo, listUsersOf } from '../../../operations/read-users.ts'
import { defineRoute } from '../../route.ts'
import { WIRE_USER } from '../../schemas.ts'

const WIRE_USER_INFO = WIRE_USER.extend({
  last_polled_at: z.string().nullable(),
  most_recent_data_at: z.string().nullable(),
})

export const getUserInfo = defineRoute({
  paths: ['/v2/userInfo', '/api/v2/userInfo'],
  methods: ['get'],
  summary: 'One user by user_id, or all users of an end user by reference_id',
  query: z.object({ user_id: z.string().optional(), reference_id: z.string().optional() }),
  answer: z.union([
    z.object({
      status: z.literal('success'),
      is_authenticated: z.boolean(),
      user: WIRE_USER_INFO,
    }),
    z.array(WIRE_USER),
  ]),
  async handle(deps, environment, { query }) {
    if (query.user_id) {
      const { isAuthenticated, user } = await findUserInfo(deps, environment, query.user_id)
      return { json: { status: 'success', is_authenticated: isAuthenticated, user } }
    }
    if (query.reference_id) {
      return { json: await listUsersOf(deps, environment, query.reference_id) }
    }
    throw new FirmaError('bad_request', 'user_id or reference_id is missing; give one of them')
  },
})
