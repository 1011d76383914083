import { z } from '@hono/zod-openapi'
import { needsSetup } from '../../../operations/operator-login.ts'
import { defineGlobalRoute } from '../../route.ts'

export const getSetup = defineGlobalRoute({
  paths: ['/admin/v1/setup'],
  methods: ['get'],
  global: 'public',
  summary: 'Whether the operator’s password still has to be chosen',
  answer: z.object({ needs_setup: z.boolean() }),
  async handle(deps) {
    return { json: { needs_setup: await needsSetup(deps) } }
  },
})
