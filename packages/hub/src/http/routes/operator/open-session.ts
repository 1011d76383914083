import { z } from '@hono/zod-openapi'
import { logIn } from '../../../operations/operator-login.ts'
import { defineGlobalRoute } from '../../route.ts'
import { PASSWORD, SESSION, toSessionReply } from './schemas.ts'

export const openSession = defineGlobalRoute({
  paths: ['/admin/v1/session'],
  methods: ['post'],
  global: 'public',
  isLogin: true,
  errors: ['unauthorized', 'conflict'],
  summary: 'Log in with the operator’s password; the answer sets the session’s cookie',
  body: z.object({ password: PASSWORD }),
  answer: SESSION,
  answerStatus: 201,
  async handle(deps, { body }) {
    return toSessionReply(deps.links, await logIn(deps, body.password))
  },
})
