/** Asks the API of Terra or of a hub about users. Every failure is an outcome here, because none of them may change anything. */
import { readErrorCode, readErrorText } from './core/api-answer.ts'
import { collect } from './handler.ts'
import { ReceiverError } from './receiver-error.ts'

/** Where to ask, and as whom. */
export interface ApiOptions {
  /** The API with its version, for example `https://api.tryterra.co/v2`, or a hub's `https://hub.example/v2`. */
  baseUrl: string
  /** The environment's `dev-id`. */
  devId: string
  /** The environment's API key; never sent anywhere else, and not over a redirect. */
  apiKey: string
  /** `globalThis.fetch` by default. */
  fetch?: typeof globalThis.fetch
  /** For one request, in milliseconds; 15,000 by default. */
  timeoutMs?: number
  /** Largest answer to one request, in bytes; 32 MiB by default. */
  answerBytesMax?: number
}

/** Why an answer is not used. */
export interface ApiFailure {
  /**
   * - `unreachable`: no answer, or not in time.
   * - `status`: not 200; see {@link ApiFailure.httpStatus}. Redirects are not followed.
   * - `too_large`, `not_json`: an answer that cannot be read.
   * - `unrecognised`: readable, and none of the documented shapes.
   * - `empty`: an empty list where connections are known to be alive.
   * - `too_many_pages`: the list did not end within the bounds.
   * - `strange`: the answer says that most connections ended at once.
   * - `refused`: an event that was fetched is not genuine for us, as with a secret that is not configured here.
   */
  reason:
    | 'unreachable'
    | 'status'
    | 'too_large'
    | 'not_json'
    | 'unrecognised'
    | 'empty'
    | 'too_many_pages'
    | 'strange'
    | 'refused'
  /** HTTP status; `undefined` when there was no answer. */
  httpStatus: number | undefined
  /** What a Firma hub calls the problem, for example `unauthorized`; `undefined` where the other side names none. */
  code: string | undefined
  /** A sentence for people; never holds the key. */
  detail: string
}

/** An answer of the API. */
export type ApiAnswer =
  | {
      /** Readable. */
      ok: true
      /** The parsed body. */
      value: unknown
      /** The server's `Date`, epoch milliseconds; `undefined` without one. */
      serverMs: number | undefined
    }
  | {
      /** Not usable. */
      ok: false
      /** Why. */
      failure: ApiFailure
    }

const TIMEOUT_MS = 15_000
const ANSWER_BYTES_MAX = 32 * 1_024 * 1_024
const DETAIL_LENGTH_MAX = 300

/** Asks once. Does not throw for anything that the other side or the network does. */
export async function askApi(
  api: ApiOptions,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<ApiAnswer> {
  return await callApi(api, `${path}?${new URLSearchParams(query).toString()}`, {})
}

/** Sends once, as {@link askApi} asks. */
export async function tellApi(
  api: ApiOptions,
  path: string,
  body: Readonly<Record<string, string>>,
): Promise<ApiAnswer> {
  return await callApi(api, path, { method: 'POST', body: JSON.stringify(body) })
}

async function callApi(api: ApiOptions, path: string, init: RequestInit): Promise<ApiAnswer> {
  const url = `${api.baseUrl.replace(/\/+$/, '')}${path}`
  const ask = api.fetch ?? globalThis.fetch
  let response: Response | undefined
  try {
    response = await ask(url, {
      ...init,
      headers: {
        accept: 'application/json',
        'dev-id': api.devId,
        'x-api-key': api.apiKey,
        ...(init.body !== undefined && { 'content-type': 'application/json' }),
      },
      // A redirect would take the key to somebody else.
      redirect: 'manual',
      signal: AbortSignal.timeout(api.timeoutMs ?? TIMEOUT_MS),
    })
    const bytesMax = api.answerBytesMax ?? ANSWER_BYTES_MAX
    const bytes = response.body === null ? new Uint8Array() : await collect(response.body, bytesMax)
    return readAnswer(response, bytes)
  } catch (error) {
    const httpStatus = response?.status
    if (error instanceof ReceiverError) {
      return fail('too_large', httpStatus, 'the answer is larger than answerBytesMax')
    }
    return fail('unreachable', httpStatus, `no answer from ${path.split('?')[0]}: ${toText(error)}`)
  }
}

function readAnswer(response: Response, bytes: Uint8Array): ApiAnswer {
  const parsed = parseJson(bytes)
  const { status } = response
  if (status !== 200) {
    const said = readErrorText(parsed.value)
    const detail = said === undefined ? `HTTP ${status}` : `HTTP ${status}: ${said}`
    return fail('status', status, detail, readErrorCode(parsed.value))
  }
  if (!parsed.ok) return fail('not_json', status, 'the answer is no JSON text in UTF-8')
  const date = Date.parse(response.headers.get('date') ?? '')
  return { ok: true, value: parsed.value, serverMs: Number.isFinite(date) ? date : undefined }
}

function parseJson(bytes: Uint8Array): { ok: boolean; value: unknown } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return { ok: true, value: JSON.parse(text) }
  } catch {
    // An answer that is no JSON is an expected outcome here.
    return { ok: false, value: undefined }
  }
}

/** An answer that is not to be used. */
export function fail(
  reason: ApiFailure['reason'],
  httpStatus: number | undefined,
  detail: string,
  code?: string,
): { ok: false; failure: ApiFailure } {
  const failure = { reason, httpStatus, code, detail: detail.slice(0, DETAIL_LENGTH_MAX) }
  return { ok: false, failure }
}

function toText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
