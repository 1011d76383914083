import { z } from '@hono/zod-openapi'
import { changeEnvironment } from '../../../operations/change-environment.ts'
import { defineGlobalRoute } from '../../route.ts'
import { ENVIRONMENT, ENVIRONMENT_NAME, SETTINGS_CHANGE, toReply, toSettings } from './schemas.ts'

export const changeEnvironmentRoute = defineGlobalRoute({
  paths: ['/admin/v1/environments/:dev_id'],
  methods: ['patch'],
  global: 'operator',
  errors: ['precondition_failed'],
  summary:
    'Change name or settings, archive or restore; with If-Match only if nobody else was faster',
  params: z.object({ dev_id: z.string() }),
  body: z.object({
    name: ENVIRONMENT_NAME.optional(),
    settings: SETTINGS_CHANGE.optional(),
    /** In an archived environment no key works; what is owed is still delivered. */
    archived: z.boolean().optional(),
  }),
  answer: ENVIRONMENT,
  async handle(deps, { params, body, caller, request }) {
    const environment = await changeEnvironment(deps, {
      id: params.dev_id,
      actor: caller?.actor ?? 'system',
      action: body.archived === true ? 'environment.archive' : 'environment.change',
      ifMatch: request.headers.get('if-match'),
      apply: (before) => ({
        ...before,
        name: body.name ?? before.name,
        settings: toSettings(before.settings, body.settings ?? {}),
        archivedAtMs:
          body.archived === undefined
            ? before.archivedAtMs
            : body.archived
              ? (before.archivedAtMs ?? deps.clock.nowMs())
              : null,
      }),
    })
    return toReply(deps, environment)
  },
})
