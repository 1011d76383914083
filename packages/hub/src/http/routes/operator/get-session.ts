import { toTimestamp } from '../../../core/time.ts'
import { FirmaError } from '../../../errors.ts'
import { digest } from '../../../secret.ts'
import { readSessionToken, toCsrfToken } from '../../operator-cookie.ts'
import { defineGlobalRoute } from '../../route.ts'
import { SESSION } from './schemas.ts'

export const getSession = defineGlobalRoute({
  paths: ['/admin/v1/session'],
  methods: ['get'],
  global: 'public',
  errors: ['unauthorized'],
  summary: 'The session that the browser’s cookie names',
  answer: SESSION,
  async handle({ store, clock, links }, { request }) {
    const token = readSessionToken(request, links)
    const session =
      token === undefined
        ? undefined
        : await store.operator.findSession(digest(token), clock.nowMs())
    if (token === undefined || session === undefined) {
      throw new FirmaError('unauthorized', 'nobody is logged in here; log in with the password')
    }
    const json = { csrf_token: toCsrfToken(token), expires_at: toTimestamp(session.expiresAtMs) }
    return { json }
  },
})
