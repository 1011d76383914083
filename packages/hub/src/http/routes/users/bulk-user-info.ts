import { z } from '@hono/zod-openapi'
import { FirmaError } from '../../../errors.ts'
import { listUsersById } from '../../../operations/read-users.ts'
import { defineRoute } from '../../route.ts'
import { TEXT, WIRE_USER } from '../../schemas.ts'

const USER_IDS_MAX = 1_000

export const bulkUserInfo = defineRoute({
  paths: ['/v2/bulkUserInfo', '/api/v2/bulkUserInfo'],
  methods: ['post'],
  summary: 'The users with these ids; unknown ones are left out',
  body: z
    .array(TEXT, { error: 'must be a list of user ids, without anything around it' })
    .min(1, { error: 'must name one user_id at least' })
    .max(USER_IDS_MAX, { error: `must name ${USER_IDS_MAX} user ids at most` }),
  answer: z.array(WIRE_USER),
  async handle(deps, environment, { body }) {
    const users = await listUsersById(deps, environment, body)
    if (users.length === 0) throw new FirmaError('user_not_found', 'none of these users was found')
    return { json: users }
  },
})
