/** The hub's HTTP API as an app calls it: nothing here knows the hub from the inside. */
import { z } from 'zod'
import { ERRORS, FirmaError, type ErrorCode } from '../errors.ts'

const LINK = z.object({ url: z.url() })
const USERS = z.array(z.object({ user_id: z.string() }))
const EVENTS = z.object({ data: z.array(z.object({ id: z.string(), type: z.string() })) })
const PROBLEM = z.object({ message: z.string(), code: z.string() }).partial()

export interface HubClientOptions {
  readonly hubUrl: string
  readonly devId: string
  readonly apiKey: string
  /** Without a trailing slash; browsers come back to its `/connected` and `/failed`. */
  readonly appUrl: string
}

/** The providers that the demo shows first; every other simulated one is a click away. */
export const STORY_PROVIDERS = ['FITBIT', 'GARMIN', 'OURA'] as const

/** Methods throw FirmaError with the hub's own code and message, `internal` when it does not answer. */
export interface HubClient {
  /**
   * The link to the connect page, for one person and once.
   *
   * @param choice `few`: the providers of the story; `all`: every simulated one. Default `few`.
   */
  createLink(referenceId: string, choice?: 'few' | 'all'): Promise<string>
  /** Says that the person who came back with a code is this one; only then something is connected. */
  confirm(confirmCode: string, referenceId: string): Promise<void>
  /** Disconnects a user; `user_not_found` when it is not connected (any more). */
  disconnect(userId: string): Promise<void>
  /** Lets a walk arrive, as if the provider had sent it. */
  sendWalk(userId: string): Promise<void>
  /** The `user_id`s of a person that can be used now. */
  listUserIds(referenceId: string): Promise<string[]>
  /** The payload history of one `user_id`, newest first. */
  listEvents(userId: string): Promise<z.output<typeof EVENTS>['data']>
}

/** @returns A client with the credentials of one environment; it does not call anything yet. */
export function createHubClient(options: HubClientOptions): HubClient {
  const { appUrl } = options
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> =>
    await callHub(options, { method, path, body })
  return {
    createLink: async (referenceId, choice = 'few') => {
      const answer = await call('POST', '/v2/auth/generateWidgetSession', {
        reference_id: referenceId,
        auth_success_redirect_url: `${appUrl}/connected`,
        auth_failure_redirect_url: `${appUrl}/failed`,
        show_disconnect: true,
        ...(choice === 'few' && { providers: STORY_PROVIDERS.join(',') }),
      })
      return LINK.parse(answer).url
    },
    confirm: async (confirmCode, referenceId) => {
      const body = { confirm_code: confirmCode, reference_id: referenceId }
      await call('POST', '/v2/auth/confirmConnection', body)
    },
    disconnect: async (userId) => {
      const query = new URLSearchParams({ user_id: userId })
      await call('DELETE', `/v2/auth/deauthenticateUser?${query.toString()}`)
    },
    sendWalk: async (userId) => {
      await call('POST', '/admin/v1/events/generate', {
        type: 'activity',
        user_id: userId,
        data: [{ metadata: { name: 'A walk around the block' }, distance_data: { steps: 1_200 } }],
      })
    },
    listUserIds: async (referenceId) => {
      const query = new URLSearchParams({ reference_id: referenceId })
      const users = USERS.parse(await call('GET', `/v2/userInfo?${query.toString()}`))
      return users.map((user) => user.user_id)
    },
    listEvents: async (userId) => {
      const query = new URLSearchParams({ user_id: userId })
      return EVENTS.parse(await call('GET', `/admin/v1/events?${query.toString()}`)).data
    },
  }
}

async function callHub(
  { hubUrl, devId, apiKey }: HubClientOptions,
  { method, path, body }: { method: string; path: string; body: unknown },
): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(hubUrl + path, {
      method,
      headers: { 'dev-id': devId, 'x-api-key': apiKey, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch (cause) {
    throw new FirmaError('internal', `the hub at ${hubUrl} does not answer`, { cause })
  }
  const answer: unknown = await response.json()
  if (response.ok) return answer
  const { code, message } = PROBLEM.parse(answer)
  throw new FirmaError(
    isErrorCode(code) ? code : 'internal',
    message ?? `the hub answered ${response.status}`,
  )
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && Object.hasOwn(ERRORS, code)
}
