/** A scripted person with a browser: follows the simulated providers' pages as people do. */
import type { FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'

/** Pages that one visit follows at most. */
const STEPS_MAX = 10

/** What a person decides on a consent page. */
export interface Decision {
  /** Default `allow`. */
  readonly decision?: 'allow' | 'deny'
  /** Scopes left ticked; default those that the page has ticked. */
  readonly scopes?: readonly string[]
}

/** A person with a browser of their own. */
export interface Person {
  /** The name at every provider. */
  readonly login: string
  /**
   * Opens an authorization URL, logs in where asked, and decides.
   *
   * @returns Where the provider then sends the browser; it is not opened.
   * @throws FirmaError `bad_request` when the provider shows an error page instead.
   */
  authorize(url: string | URL, decision?: Decision): Promise<URL>
  /** One request with this person's cookies; redirects are not followed. */
  request(url: string | URL, form?: URLSearchParams): Promise<Response>
}

/**
 * Makes a person.
 *
 * @param options `login`: the name at every provider. `fetch`: default the global one.
 */
export function createPerson(options: { login: string; fetch?: FetchDep['fetch'] }): Person {
  const send = options.fetch ?? fetch
  const cookies = new Map<string, string>()

  const request: Person['request'] = async (url, form) => {
    const response = await send(url, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { body: form }),
    })
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
      if (name !== undefined) cookies.set(name, value ?? '')
    }
    return response
  }

  const authorize: Person['authorize'] = async (url, decision = {}) => {
    const start = new URL(url)
    let form: URLSearchParams | undefined
    for (let step = 0; step < STEPS_MAX; step += 1) {
      const response = await request(start, form)
      const location = response.headers.get('location')
      const page = await response.text()
      if (location !== null) {
        const target = new URL(location, start)
        if (target.origin + target.pathname !== start.origin + start.pathname) return target
        form = undefined
      } else if (response.status !== 200) {
        throw new FirmaError(
          'bad_request',
          `the page answered ${response.status}: ${readAlert(page)}`,
        )
      } else {
        form = page.includes('name="login"')
          ? new URLSearchParams({ login: options.login })
          : fillConsent(page, decision)
      }
    }
    throw new FirmaError('bad_request', `no end after ${STEPS_MAX} pages`)
  }

  return { login: options.login, authorize, request }
}

function fillConsent(page: string, decision: Decision): URLSearchParams {
  const form = new URLSearchParams({ decision: decision.decision ?? 'allow' })
  const ticked = [...page.matchAll(/name="scope" value="([^"]+)" checked/g)].flatMap(
    ([, scope]) => scope ?? [],
  )
  for (const scope of decision.scopes ?? ticked) form.append('scope', scope)
  return form
}

function readAlert(page: string): string {
  return /role="alert">([^<]*)</.exec(page)?.[1] ?? 'no reason given'
}
