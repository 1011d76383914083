/** The cookie of a login to the dashboard, and what a page must send beside it. */
import { parse } from 'hono/utils/cookie'
import { SESSION_LIFETIME_MS } from '../operations/operator-login.ts'
import { SECOND_MS } from '../core/time.ts'
import type { Links } from '../operations/links.ts'
import { digest, isSameDigest } from '../secret.ts'

/** Every change that a session makes must bring its CSRF token in this header. */
export const CSRF_HEADER = 'x-csrf-token'

/** `__Host-` forbids other hosts and paths to set it; browsers take it over https only. */
function cookieName(links: Links): string {
  return links.isSecure ? '__Host-firma-operator' : 'firma-operator'
}

/** The session's token that a request brings; undefined for none. */
export function readSessionToken(request: Request, links: Links): string | undefined {
  const name = cookieName(links)
  const token = parse(request.headers.get('cookie') ?? '', name)[name]
  return token === '' ? undefined : token
}

/** Keeps a session in the browser; without a token, ends it there. */
export function toSessionCookie(links: Links, token: string | undefined): string {
  const seconds = token === undefined ? 0 : SESSION_LIFETIME_MS / SECOND_MS
  const secure = links.isSecure ? '; Secure' : ''
  return `${cookieName(links)}=${token ?? ''}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure}`
}

/** Follows from the session's token, which no page can read, so nothing more has to be stored. */
export function toCsrfToken(token: string): string {
  return digest(`csrf:${token}`)
}

/** Whether a request brings the CSRF token of its session. */
export function hasCsrfToken(request: Request, token: string): boolean {
  const given = request.headers.get(CSRF_HEADER)
  return given !== null && isSameDigest(given, toCsrfToken(token))
}
