/** What happens to connections, from beginning to end, as the requests that a handler gets for it. */
import {
  accessRevoked,
  auth,
  authCancelled,
  authError,
  connectionError,
  connectionRecovered,
  data,
  deauth,
  EXAMPLE_USER_ID,
  largeRequestProcessing,
  largeRequestSending,
  permissionChange,
  userReauth,
  type UserOptions,
  type WireEvent,
} from './events.ts'
import { signedRequest, type SignedRequest, type SignedRequestOptions } from './signed-request.ts'

/** How to tell a story. */
export interface StoryOptions
  extends
    Omit<UserOptions, 'isActive'>,
    Pick<SignedRequestOptions, 'secret' | 'signedAtMs' | 'scheme' | 'url'> {
  /** `user_id` after the first reconnection. */
  secondUserId?: string
  /** `user_id` after the second reconnection. */
  thirdUserId?: string
  /** Ordering timestamp of the first event, epoch milliseconds; they are a second apart. A minute before `signedAtMs` by default. */
  startMs?: number
  /** `false` leaves the ordering timestamps out. */
  isDated?: boolean
}

/** A story: its requests in the order of what happened. Shuffle and repeat them: the end must be the same. */
export type Story = (options: StoryOptions) => Promise<SignedRequest[]>

interface Cast {
  first: UserOptions
  second: UserOptions
  firstId: string
  secondId: string
  thirdId: string
  /** The person, without a connection. */
  person: Omit<UserOptions, 'userId'>
}

const SECOND_USER_ID = '9c8b7a65-4321-4fed-a0b9-87c6d5e4f321'
const THIRD_USER_ID = '40f7b0e1-89e2-43ac-a5b8-1e29c8d47cad'
const STORY_MS = 60_000
const STEP_MS = 1_000
const CHUNKS = 3

function story(tell: (cast: Cast) => { event: WireEvent; reference?: string }[]): Story {
  return async (options) => {
    const { secret, signedAtMs = Date.now(), scheme = 'terra', url } = options
    const startMs = options.startMs ?? signedAtMs - STORY_MS
    const requests: SignedRequest[] = []
    for (const [i, { event, reference }] of tell(toCast(options)).entries()) {
      const orderingMs = options.isDated === false ? null : startMs + i * STEP_MS
      const headers = reference === undefined ? {} : { 'terra-reference': reference }
      const how = { secret, signedAtMs, scheme, orderingMs, headers }
      requests.push(await signedRequest(event, url === undefined ? how : { ...how, url }))
    }
    return requests
  }
}

function toCast(options: StoryOptions): Cast {
  const person: Cast['person'] = {}
  if (options.referenceId !== undefined) person.referenceId = options.referenceId
  if (options.provider !== undefined) person.provider = options.provider
  if (options.scopes !== undefined) person.scopes = options.scopes
  if (options.createdAtMs !== undefined) person.createdAtMs = options.createdAtMs
  if (options.lastWebhookUpdateMs !== undefined) {
    person.lastWebhookUpdateMs = options.lastWebhookUpdateMs
  }
  const firstId = options.userId ?? EXAMPLE_USER_ID
  const secondId = options.secondUserId ?? SECOND_USER_ID
  const thirdId = options.thirdUserId ?? THIRD_USER_ID
  const first = { ...person, userId: firstId }
  const second = { ...person, userId: secondId }
  return { first, second, firstId, secondId, thirdId, person }
}

const plain = (...events: WireEvent[]): { event: WireEvent }[] => events.map((event) => ({ event }))

/** Stories by name. Each says how it ends. */
export const stories: {
  /** Connected, with data. Ends `active`. */
  readonly connect: Story
  /** Data comes before the connection is known. Ends `active`, and no data is lost. */
  readonly dataAheadOfAuth: Story
  /** Gave up, in the present form. Ends without a connection. */
  readonly cancelled: Story
  /** Gave up, in the older form with a user. Ends without a connection. */
  readonly cancelledLegacy: Story
  /** Connected again: a new `user_id`. Ends `active`, one connection with two aliases. */
  readonly reconnect: Story
  /** The same, and the sender does not say whom it replaced. Ends like `reconnect`. */
  readonly reconnectUnnamed: Story
  /** Connected twice again. Ends `active`, one connection with three aliases. */
  readonly reconnectTwice: Story
  /** Connected again, then late bad news about the old `user_id`. Ends `active`. */
  readonly lateNews: Story
  /** Disconnected through the app. Ends `disconnected`. */
  readonly disconnected: Story
  /** Disconnected, then connected anew. Ends with two connections, one `disconnected` and one `active`. */
  readonly disconnectedThenConnected: Story
  /** Took access away at the provider, with data still on its way. Ends `revoked`. */
  readonly revoked: Story
  /** The provider refuses requests. Ends `degraded`. */
  readonly degraded: Story
  /** The provider refuses requests for a while. Ends `active`. */
  readonly recovered: Story
  /** One permission more. Ends `active`. */
  readonly permissions: Story
  /** History in several chunks that share one reference. Ends `active`, with all of them. */
  readonly largeRequest: Story
} = {
  connect: story(({ first }) => plain(auth(first), data('daily', first))),
  dataAheadOfAuth: story(({ first }) =>
    plain(data('daily', first), data('sleep', first), auth(first)),
  ),
  cancelled: story(({ person }) => plain(authCancelled(person))),
  cancelledLegacy: story(({ first }) => plain(authError(first))),
  reconnect: story(({ first, second, firstId, secondId, person }) =>
    plain(
      auth(first),
      userReauth({ ...person, oldUserId: firstId, newUserId: secondId }),
      auth(second),
      data('daily', second),
    ),
  ),
  reconnectUnnamed: story(({ first, second, secondId, person }) =>
    plain(
      auth(first),
      userReauth({ ...person, oldUserId: null, newUserId: secondId }),
      auth(second),
      data('daily', second),
    ),
  ),
  reconnectTwice: story(({ first, second, firstId, secondId, thirdId, person }) =>
    plain(
      auth(first),
      userReauth({ ...person, oldUserId: firstId, newUserId: secondId }),
      auth(second),
      userReauth({ ...person, oldUserId: secondId, newUserId: thirdId }),
      auth({ ...person, userId: thirdId }),
    ),
  ),
  lateNews: story(({ first, second, firstId, secondId, person }) =>
    plain(
      auth(first),
      userReauth({ ...person, oldUserId: firstId, newUserId: secondId }),
      auth(second),
      deauth(first),
      accessRevoked(first),
    ),
  ),
  disconnected: story(({ first }) => plain(auth(first), data('daily', first), deauth(first))),
  disconnectedThenConnected: story(({ first, second }) =>
    plain(auth(first), deauth(first), auth(second)),
  ),
  revoked: story(({ first }) => plain(auth(first), accessRevoked(first), data('daily', first))),
  degraded: story(({ first }) => plain(auth(first), connectionError(first))),
  recovered: story(({ first }) =>
    plain(auth(first), connectionError(first), connectionRecovered(first)),
  ),
  permissions: story(({ first }) => plain(auth(first), permissionChange(first))),
  largeRequest: story(({ first }) => {
    const reference = 'b2f9c611-52c8-4a63-9082-7e50e2f5a1cd'
    const chunks = Array.from({ length: CHUNKS }, (_, chunk) =>
      data('activity', { ...first, items: [{ chunk }] }),
    )
    const announced = { ...first, reference, expectedPayloads: CHUNKS }
    const events = [largeRequestProcessing(announced), largeRequestSending(announced), ...chunks]
    return [{ event: auth(first) }, ...events.map((event) => ({ event, reference }))]
  }),
}
