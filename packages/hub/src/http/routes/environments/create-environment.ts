import { z } from '@hono/zod-openapi'
import { FirmaError } from '../../../errors.ts'
import { createEnvironment } from '../../../operations/set-up.ts'
import { DEFAULT_SETTINGS } from '../../../store/environments.ts'
import { defineGlobalRoute } from '../../route.ts'
import {
  ENVIRONMENT,
  ENVIRONMENT_NAME,
  SETTINGS_CHANGE,
  toSettings,
  toWireEnvironment,
} from './schemas.ts'

export const createEnvironmentRoute = defineGlobalRoute({
  paths: ['/admin/v1/environments'],
  methods: ['post'],
  global: 'operator',
  summary: 'Make an environment; its secrets are in this answer and nowhere else',
  body: z.object({
    dev_id: z.string().regex(/^[a-z0-9][a-z0-9-]{2,62}$/, {
      error: 'must have 3 to 63 lower-case letters, digits and hyphens, for example acme-testing',
    }),
    name: ENVIRONMENT_NAME,
    settings: SETTINGS_CHANGE.optional(),
  }),
  answer: z.object({
    environment: ENVIRONMENT,
    api_key: z.string(),
    redirect_secret: z.string(),
  }),
  answerStatus: 201,
  async handle(deps, { body, caller }) {
    const { dev_id: id, name } = body
    if ((await deps.store.environments.find(id)) !== undefined) {
      throw new FirmaError('conflict', `there is an environment with the dev-id "${id}" already`)
    }
    const settings = toSettings(DEFAULT_SETTINGS, body.settings ?? {})
    const actor = caller?.actor ?? 'system'
    const made = await createEnvironment(deps, { id, name, settings, actor })
    const environment = await deps.store.environments.find(id)
    return {
      json: {
        environment: environment && toWireEnvironment(deps, environment),
        api_key: made.apiKey,
        redirect_secret: made.redirectSecret,
      },
    }
  },
})
