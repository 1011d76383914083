/** The cookie that binds a link to the browser that opened it first. One per link, so that two tabs do not disturb each other. */
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import { LINK_LIFETIME_MS, STATE_LIFETIME_MS } from '../../core/flow.ts'
import type { Links } from '../../operations/links.ts'
import type { BrowserSecrets } from '../../operations/visit-link.ts'

/** As long as the link can be opened and the login after it can last. */
const LIFETIME_SECONDS = (LINK_LIFETIME_MS + STATE_LIFETIME_MS) / 1_000

/** `__Host-` forbids other hosts and paths to set it; browsers take it over https only. */
function cookieName(links: Links, claimId: string): string {
  return links.isSecure ? `__Host-firma-${claimId}` : `firma-${claimId}`
}

export function browserSecrets(c: Context, links: Links): BrowserSecrets {
  return (claimId) => getCookie(c, cookieName(links, claimId)) ?? null
}

/** Lax: the browser brings it when the provider sends it back, and not on forms of other sites. */
export function toCookie(links: Links, claimId: string, secret: string | null): string | undefined {
  if (secret === null) return undefined
  const secure = links.isSecure ? '; Secure' : ''
  return `${cookieName(links, claimId)}=${secret}; Path=/; Max-Age=${LIFETIME_SECONDS}; HttpOnly; SameSite=Lax${secure}`
}
