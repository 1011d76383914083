import { z } from '@hono/zod-openapi'
import { changeEnvironment, versionOf } from '../../../operations/change-environment.ts'
import type { DeclaredDep } from '../../../operations/declared.ts'
import { type Reply, defineRoute } from '../../route.ts'
import { REDIRECTS, toSettings, toWireRedirects } from '../environments/schemas.ts'
import type { Environment } from '../../../store/environments.ts'

/** Begins the names of these settings among those of an environment. */
const PREFIX = 'redirects.'

const ANSWER = REDIRECTS.extend({
  /** Which of them the configuration file gives: each start of the hub sets them again. */
  declared: z.array(z.string()),
}).openapi('DeclaredRedirects')

export const getRedirects = defineRoute({
  paths: ['/admin/v1/redirects'],
  methods: ['get'],
  summary: 'Where browsers may be sent when a connection has ended',
  answer: ANSWER,
  async handle(deps, environment) {
    return toReply(deps, environment)
  },
})

export const putRedirects = defineRoute({
  paths: ['/admin/v1/redirects'],
  methods: ['put'],
  errors: ['precondition_failed'],
  summary: 'Replace the allow-list; with If-Match only if nobody else was faster',
  body: REDIRECTS,
  answer: ANSWER,
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
    return toReply(deps, after)
  },
})

function toReply({ declared }: DeclaredDep, environment: Environment): Reply {
  const names = declared
    .settingsOf(environment.id)
    .filter((name) => name.startsWith(PREFIX))
    .map((name) => name.slice(PREFIX.length))
  return {
    headers: { etag: versionOf(environment) },
    json: { ...toWireRedirects(environment), declared: names },
  }
}
