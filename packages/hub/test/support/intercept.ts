import type { FetchDep } from '../../src/deps.ts'

type Fetch = FetchDep['fetch']

/**
 * Calls to providers with some addresses answered by the test, and no time limits but those of the test's clock.
 *
 * @param answer Undefined lets the request go on to where it wants to go.
 */
export function intercept(
  answer: (url: string, init: RequestInit | undefined) => Promise<Response> | undefined,
): Fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : input.toString()
    const patient = { ...init, signal: null }
    return await (answer(url, patient) ?? fetch(input, patient))
  }
}

/**
 * Without the time limits of calls to providers: they are real time, and a test that lets a provider hang while it
 * does something else must not depend on how fast that is.
 */
export const patiently: Fetch = async (input, init) => await fetch(input, { ...init, signal: null })

/** Whether a call to a provider sends a refresh token. */
export function isRefresh(init: RequestInit | undefined): boolean {
  const form = init?.body
  return form instanceof URLSearchParams && form.get('grant_type') === 'refresh_token'
}
