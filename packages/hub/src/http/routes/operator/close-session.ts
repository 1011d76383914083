import { z } from '@hono/zod-openapi'
import { logOut } from '../../../operations/operator-login.ts'
import { toSessionCookie } from '../../operator-cookie.ts'
import { defineGlobalRoute } from '../../route.ts'

export const closeSession = defineGlobalRoute({
  paths: ['/admin/v1/session'],
  methods: ['delete'],
  global: 'operator',
  errors: ['conflict'],
  summary: 'Log out',
  answer: z.object({ status: z.literal('success') }),
  async handle(deps, { caller }) {
    await logOut(deps, caller?.id ?? '')
    return {
      headers: { 'set-cookie': toSessionCookie(deps.links, undefined) },
      json: { status: 'success' },
    }
  },
})
