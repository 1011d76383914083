import { z } from '@hono/zod-openapi'
import { setUpOperator } from '../../../operations/operator-login.ts'
import { defineGlobalRoute } from '../../route.ts'
import { NEW_PASSWORD, SESSION, toSessionReply } from './schemas.ts'

export const setUp = defineGlobalRoute({
  paths: ['/admin/v1/setup'],
  methods: ['post'],
  global: 'public',
  isLogin: true,
  errors: ['forbidden', 'conflict'],
  summary: 'Choose the operator’s password, with the token from the hub’s terminal, and log in',
  body: z.object({
    setup_token: z.string({ error: 'is missing; the hub shows it in its terminal' }),
    password: NEW_PASSWORD,
  }),
  answer: SESSION,
  answerStatus: 201,
  async handle(deps, { body }) {
    const { setup_token: setupToken, password } = body
    return toSessionReply(deps.links, await setUpOperator(deps, { setupToken, password }))
  },
})
