import { z } from '@hono/zod-openapi'
import { toTimestamp } from '../../../core/time.ts'
import type { Links } from '../../../operations/links.ts'
import type { NewSession } from '../../../operations/operator-login.ts'
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from '../../../operations/password.ts'
import { toCsrfToken, toSessionCookie } from '../../operator-cookie.ts'
import type { Reply } from '../../route.ts'
import { TEXT } from '../../schemas.ts'

/** A password as somebody chooses it. */
export const NEW_PASSWORD = TEXT.min(PASSWORD_LENGTH_MIN, {
  error: `must have at least ${PASSWORD_LENGTH_MIN} characters`,
}).max(PASSWORD_LENGTH_MAX, { error: `must have at most ${PASSWORD_LENGTH_MAX} characters` })

/** A password as somebody tries it. */
export const PASSWORD = TEXT.max(PASSWORD_LENGTH_MAX, {
  error: `must have at most ${PASSWORD_LENGTH_MAX} characters`,
})

export const SESSION = z
  .object({
    /** To be sent in the header `x-csrf-token` with every change. */
    csrf_token: z.string(),
    expires_at: z.string(),
  })
  .openapi('Session')

/** The answer that opens a session in the browser. */
export function toSessionReply(links: Links, { token, expiresAtMs }: NewSession): Reply {
  return {
    headers: { 'set-cookie': toSessionCookie(links, token) },
    json: { csrf_token: toCsrfToken(token), expires_at: toTimestamp(expiresAtMs) },
  }
}
