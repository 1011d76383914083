import { z } from '@hono/zod-openapi'
import { environmentNotFound } from '../../../operations/not-found.ts'
import { defineGlobalRoute } from '../../route.ts'
import { ENVIRONMENT, toReply } from './schemas.ts'

export const getEnvironment = defineGlobalRoute({
  paths: ['/admin/v1/environments/:dev_id'],
  methods: ['get'],
  global: 'operator',
  summary: 'One environment, with its version in the ETag header',
  params: z.object({ dev_id: z.string() }),
  answer: ENVIRONMENT,
  async handle(deps, { params }) {
    const environment = await deps.store.environments.find(params.dev_id)
    if (environment === undefined) throw environmentNotFound(params.dev_id)
    return toReply(deps, environment)
  },
})
