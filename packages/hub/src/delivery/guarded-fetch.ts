/** Fetch for calls to providers, which operators may have pointed elsewhere: only to addresses that the guard allows. */
import { isIP } from 'node:net'
import { Agent, fetch } from 'undici'
import type { FetchDep } from '../deps.ts'
import { ADDRESS_REFUSED, type UrlGuard } from './url-guard.ts'

export interface GuardedFetch extends FetchDep {
  /** Cuts off what is still under way. */
  close(): Promise<void>
}

/** The address that was checked is the one that is connected to, as for events. */
export function createGuardedFetch(guard: UrlGuard): GuardedFetch {
  const agent = new Agent({ connect: { lookup: guard.lookup } })
  return {
    fetch: async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input)
      // No name to look up means no lookup to guard.
      const literal = url.hostname.replace(/^\[|\]$/g, '')
      if (isIP(literal) !== 0 && !guard.allows(literal)) {
        const code = { code: ADDRESS_REFUSED }
        const cause = Object.assign(new Error(`${literal} may not be connected to`), code)
        throw new TypeError('fetch failed', { cause })
      }
      // Undici's own types of Fetch and Node's name the same things.
      const options = { ...init, dispatcher: agent } as Parameters<typeof fetch>[1]
      return await fetch(url, options)
    },
    close: async () => await agent.destroy(),
  }
}
