/** Calls the hub's API and turns what goes wrong into one line. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { CliError, EXIT, exitCodeOfStatus } from './exit-codes.ts'
import type { HubAccess } from './hub-access.ts'
import { toCliWords } from './words.ts'

/** Longest that an answer is waited for, in milliseconds. */
const ANSWER_MS_MAX = 30_000

export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface HubApi {
  readonly access: HubAccess
  get(path: string, query?: Query): Promise<unknown>
  /** A change; repeating it after a broken connection does it once. */
  send(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<unknown>
  /** Asks whether a change would be done, and does not do it. @throws CliError as the change would. */
  rehearse(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<unknown>
  /** The answer as it comes, for what is not JSON or does not end. */
  open(path: string, query?: Query, signal?: AbortSignal): Promise<Response>
}

const PROBLEM = z.object({ message: z.string(), detail: z.string() }).partial()

/** @returns A client; it does not call anything yet. */
export function createHubApi(access: HubAccess): HubApi {
  const open: HubApi['open'] = async (path, query, signal) =>
    await call(access, 'GET', toPath(path, query), { signal })
  const send: HubApi['send'] = async (method, path, body, headers = {}) =>
    await readJson(
      await call(access, method, path, {
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
        headers: { 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    )
  return {
    access,
    open,
    get: async (path, query) => {
      const signal = AbortSignal.timeout(ANSWER_MS_MAX)
      return await readJson(await open(path, query, signal))
    },
    send: async (method, path, body, headers) =>
      await send(method, path, body, { 'idempotency-key': randomUUID(), ...headers }),
    rehearse: async (method, path, body, headers) =>
      await send(method, path, body, { 'firma-dry-run': 'true', ...headers }),
  }
}

function toPath(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  const text = new URLSearchParams(
    given.map(([key, value]): [string, string] => [key, String(value)]),
  ).toString()
  return text === '' ? path : `${path}?${text}`
}

async function call(
  access: HubAccess,
  method: string,
  path: string,
  init: { headers?: Record<string, string>; body?: string; signal: AbortSignal | undefined },
): Promise<Response> {
  const { url, devId, apiKey } = access
  let response: Response
  try {
    response = await fetch(url + path, {
      method,
      headers: {
        ...init.headers,
        ...(devId !== undefined && { 'dev-id': devId }),
        'x-api-key': apiKey,
      },
      ...(init.body !== undefined && { body: init.body }),
      ...(init.signal !== undefined && { signal: init.signal }),
      // A hub does not redirect its API; what does is something else, and must not get the key.
      redirect: 'error',
    })
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'AbortError') throw cause
    const text = `the hub at ${url} does not answer; is it running, and is the address right?`
    throw new CliError(text, EXIT.unreachable, { cause })
  }
  if (response.ok) return response
  throw await toError(access, response)
}

async function toError(access: HubAccess, response: Response): Promise<CliError> {
  const { status } = response
  const text = (await readText(response)).slice(0, 10_000)
  const problem = PROBLEM.safeParse(parseJson(text)).data
  const said = problem?.detail ?? problem?.message
  const message =
    said === undefined
      ? `${access.url} answered ${status}, and not as a Firma hub does`
      : toCliWords(said)
  const hint = status === 401 || status === 403 ? ` (credentials from ${access.origin})` : ''
  return new CliError(message + hint, exitCodeOfStatus(status))
}

async function readText(response: Response): Promise<string> {
  try {
    return await response.text()
  } catch (cause) {
    const { origin } = new URL(response.url)
    const text = `the answer of ${origin} was cut off; what was asked for may have been done`
    throw new CliError(text, EXIT.unreachable, { cause })
  }
}

async function readJson(response: Response): Promise<unknown> {
  const text = await readText(response)
  if (text === '') return {}
  const answer = parseJson(text)
  if (answer !== undefined) return answer
  const { origin } = new URL(response.url)
  throw new CliError(
    `${origin} answers with something else than JSON; is it a Firma hub?`,
    EXIT.failed,
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const PAGE = z.object({
  data: z.array(z.record(z.string(), z.unknown())),
  next: z.string().nullish(),
})
export type Page = z.output<typeof PAGE>

/** Most entries of one page. */
const PAGE_MAX = 100

/** A list that the hub has in pages. */
export interface ListRequest {
  readonly path: string
  readonly query: Query
  /** Entries at most; `undefined` for all of them. */
  readonly limit: number | undefined
  readonly onProgress: (count: number) => void
}

/**
 * Reads a list page by page.
 *
 * @returns The entries, and whether there are more.
 */
export async function listAll(
  api: HubApi,
  { path, query, limit, onProgress }: ListRequest,
): Promise<{ rows: Page['data']; hasMore: boolean }> {
  const rows: Page['data'] = []
  let after: string | undefined
  for (;;) {
    const wanted = limit === undefined ? PAGE_MAX : Math.min(PAGE_MAX, limit - rows.length)
    const page = PAGE.parse(await api.get(path, { ...query, limit: wanted, after }))
    rows.push(...page.data)
    onProgress(rows.length)
    after = page.next ?? undefined
    if (after === undefined) return { rows, hasMore: false }
    if (limit !== undefined && rows.length >= limit) return { rows, hasMore: true }
  }
}
