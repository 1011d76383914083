import { z } from '@hono/zod-openapi'
import { createWidgetSession } from '../../../operations/start-flow.ts'
import { defineRoute } from '../../route.ts'
import { CONNECT_FIELDS, TEXT, toConnectRequest } from '../../schemas.ts'

const ACCOUNT_LABEL_LENGTH_MAX = 320

/** Terra names providers in one comma-separated string; a list is taken too. */
const PROVIDERS = z
  .union([z.string(), z.array(z.string())])
  .nullish()
  .transform((value) => {
    const names = typeof value === 'string' ? value.split(',') : (value ?? [])
    const cleaned = names.map((name) => name.trim().toUpperCase()).filter((name) => name !== '')
    return cleaned.length === 0 ? null : [...new Set(cleaned)]
  })

export const generateWidgetSession = defineRoute({
  paths: [
    '/v2/auth/generateWidgetSession',
    '/api/v2/auth/generateWidgetSession',
    '/api/widget/session',
    '/widget/api/session',
  ],
  methods: ['post'],
  // The widget's own paths have always answered 403 where the others answer 401.
  refusal: (path) => (path.includes('/widget/') ? 'forbidden' : 'unauthorized'),
  summary: 'Make a link to the connect page for one end user',
  body: z.object({
    ...CONNECT_FIELDS,
    providers: PROVIDERS,
    show_disconnect: z.boolean().nullish(),
    /** The address or name by which the person knows their account at the app. Shown masked, and stored only so. */
    account_label: TEXT.max(ACCOUNT_LABEL_LENGTH_MAX).nullish(),
  }),
  answer: z.object({
    status: z.literal('success'),
    session_id: z.string(),
    url: z.string(),
    expires_in: z.number(),
  }),
  async handle(deps, environment, { body, caller }) {
    const session = await createWidgetSession(deps, environment, {
      ...toConnectRequest(body),
      actor: caller.actor,
      providers: body.providers,
      showDisconnect: body.show_disconnect ?? false,
      accountLabel: body.account_label || null,
    })
    const { sessionId, url, expiresInSeconds } = session
    return {
      json: { status: 'success', session_id: sessionId, url, expires_in: expiresInSeconds },
    }
  },
})
