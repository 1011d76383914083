import { z } from '@hono/zod-openapi'
import type { Environment } from '../../../store/environments.ts'
import { PAGE_QUERY, listOf, toPage } from '../../page.ts'
import { defineGlobalRoute } from '../../route.ts'
import { ENVIRONMENT, toWireEnvironment } from './schemas.ts'

export const listEnvironments = defineGlobalRoute({
  paths: ['/admin/v1/environments'],
  methods: ['get'],
  global: 'operator',
  summary: 'All environments, in the order of their dev_id',
  query: z.object(PAGE_QUERY),
  answer: listOf(ENVIRONMENT),
  async handle(deps, { query: { limit, after } }) {
    const environments = await deps.store.environments.list({ limit: limit + 1, after })
    const toItem = (environment: Environment) => toWireEnvironment(deps, environment)
    return { json: toPage(environments, limit, ({ id }) => id, toItem) }
  },
})
