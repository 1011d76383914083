import type { FetchDep } from '../../src/deps.ts'

type Fetch = FetchDep['fetch']

/**
 * The global fetch with some addresses answered by the test.
 *
 * @param answer Undefined lets the request go on to where it wants to go.
 */
export function intercept(
  answer: (url: string, init: RequestInit | undefined) => Promise<Response> | undefined,
): Fetch {
  return async (input, init) => {
    const url = input instanceof Request ? input.url : input.toString()
    return await (answer(url, init) ?? fetch(input, init))
  }
}

/**
 * Without the time limits of calls to providers: they are real time, and a test that lets a provider hang while it
 * does something else must not depend on how fast that is.
 */
export const patiently: Fetch = async (input, init) => await fetch(input, { ...init, signal: null })
