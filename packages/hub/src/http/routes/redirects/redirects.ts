import { changeEnvironment, versionOf } from '../../../operations/change-environment.ts'
import { type Reply, defineRoute } from '../../route.ts'
import { REDIRECTS, toSettings, toWireRedirects } from '../environments/schemas.ts'
import type { Environment } from '../../../store/environments.ts'

export const getRedirects = defineRoute({
  paths: ['/admin/v1/redirects'],
  methods: ['get'],
  summary: 'Where browsers may be sent when a connection has ended',
  answer: REDIRECTS,
  async handle(_deps, environment) {
    return toReply(environment)
  },
})

export const putRedirects = defineRoute({
  paths: ['/admin/v1/redirects'],
  methods: ['put'],
  errors: ['precondition_failed'],
  summary: 'Replace the allow-list; with If-Match only if nobody else was faster',
  body: REDIRECTS,
  answer: REDIRECTS,
  async handle(deps, environment, { body, caller, request }) {
    const after = await changeEnvironment(deps, {
      id: environment.id,
      actor: caller.actor,
      action: 'redirects.change',
      ifMatch: request.headers.get('if-match'),
      apply: (before) => ({
        ...before,
        settings: toSettings(before.settings, { redirects: body }),
      }),
    })
    return toReply(after)
  },
})

function toReply(environment: Environment): Reply {
  return { headers: { etag: versionOf(environment) }, json: toWireRedirects(environment) }
}
