/** Requests that the API refuses: sent as they are, and judged whole. */
import { expect } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/errors.ts'
import { DEV_ID, type TestHub } from './create-test-hub.ts'

export interface RawRequest {
  readonly method?: string
  readonly path: string
  /** Beside the credentials; null leaves one of those out. */
  readonly headers?: Readonly<Record<string, string | null>>
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream
}

/** One request with the environment's credentials, otherwise exactly as given. */
export async function sendRaw(hub: TestHub, request: RawRequest): Promise<Response> {
  const headers = new Headers({ 'dev-id': DEV_ID, 'x-api-key': hub.apiKey })
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (value === null) headers.delete(name)
    else headers.set(name, value)
  }
  const init: RequestInit & { duplex?: 'half' } = { method: request.method ?? 'GET', headers }
  if (request.body instanceof ReadableStream) init.duplex = 'half'
  // Bytes, because fetch gives a text a content type of its own.
  if (request.body !== undefined) {
    init.body =
      typeof request.body === 'string' ? new TextEncoder().encode(request.body) : request.body
  }
  return await fetch(hub.url + request.path, init)
}

/** Expects a whole problem document with this code, and returns its detail. */
export async function expectProblem(response: Response, code: ErrorCode): Promise<string> {
  const text = await response.text()
  expect([response.status, text]).toEqual([ERRORS[code].status, expect.stringContaining(code)])
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  const problem = JSON.parse(text)
  expect(problem).toEqual({
    type: 'about:blank',
    title: ERRORS[code].title,
    instance: expect.stringMatching(/^\//),
    detail: expect.stringMatching(/\S/),
    code,
    status: 'error',
    message: problem.detail,
  })
  return problem.detail
}

/** How many rows every table has: the same before and after whatever must write nothing. */
export async function countRows(hub: TestHub): Promise<Record<string, unknown>> {
  const counts: Record<string, unknown> = {}
  for (const name of await hub.database.tables()) {
    const [row] = await hub.rows(`SELECT count(*) AS count FROM "${name}"`)
    counts[name] = row?.['count']
  }
  return counts
}
