/** Example events and stories: one list for `firma trigger`, the API and the dashboard. */
import * as testing from 'firma-receiver/testing'
import { type DestinationNotice, toOperatorRecord } from '../core/operator-event.ts'

/** Who an example is about, and what it holds; everything has a default. */
export interface ExampleOptions {
  readonly userId?: string | undefined
  /** `user_id` after a reconnection. */
  readonly newUserId?: string | undefined
  readonly referenceId?: string | undefined
  readonly provider?: string | undefined
  /** For events with health data: a list, or the profile of `athlete`. */
  readonly data?: unknown
}

interface Cast {
  readonly user: testing.UserOptions
  readonly newUserId: string
  readonly data: unknown
}

const SECOND_USER_ID = '9c8b7a65-4321-4fed-a0b9-87c6d5e4f321'
const EXAMPLE_DESTINATION_ID = '019a0000-0000-7000-8000-000000000000'
const EXPIRES_AT = '2030-01-01T00:00:00.000000+00:00'

const health =
  (type: string) =>
  ({ user, data }: Cast): testing.WireEvent =>
    testing.data(type, { ...user, ...(Array.isArray(data) && { items: data }) })

const notice = (of: DestinationNotice): testing.WireEvent =>
  JSON.parse(toOperatorRecord(EXAMPLE_DESTINATION_ID, of).body) as testing.WireEvent

const EVENTS: Readonly<Record<string, (cast: Cast) => testing.WireEvent>> = {
  auth: ({ user }) => testing.auth(user),
  auth_cancelled: ({ user }) => testing.authCancelled(user),
  auth_error: ({ user }) => testing.authError(user),
  deauth: ({ user }) => testing.deauth(user),
  user_reauth: ({ user: { userId: oldUserId, ...user }, newUserId }) =>
    testing.userReauth({ ...user, oldUserId: oldUserId ?? testing.EXAMPLE_USER_ID, newUserId }),
  access_revoked: ({ user }) => testing.accessRevoked(user),
  connection_error: ({ user }) => testing.connectionError(user),
  connection_recovered: ({ user }) => testing.connectionRecovered(user),
  expiry_warning: ({ user }) => ({
    type: 'expiry_warning',
    status: 'warning',
    message: 'The connection will end unless the user connects again',
    user: testing.wireUser(user),
    expires_at: EXPIRES_AT,
  }),
  permission_change: ({ user }) => testing.permissionChange(user),
  destination_failing: () => notice({ type: 'failing', hours: 8 }),
  destination_disabled: () => notice({ type: 'disable' }),
  destination_recovered: () => notice({ type: 'recovered' }),
  google_no_datasource: ({ user }) => testing.googleNoDatasource(user),
  activity: health('activity'),
  body: health('body'),
  daily: health('daily'),
  hormone: health('hormone'),
  menstruation: health('menstruation'),
  nutrition: health('nutrition'),
  planned_workout: health('planned_workout'),
  sleep: health('sleep'),
  athlete: ({ user, data }) =>
    testing.athlete({
      ...user,
      ...(typeof data === 'object' && data !== null && { profile: data }),
    }),
  large_request_processing: ({ user }) => testing.largeRequestProcessing(user),
  large_request_sending: ({ user }) => testing.largeRequestSending(user),
  rate_limit_hit: ({ user }) => testing.rateLimitHit(user),
  healthcheck: () => testing.healthcheck(),
  unknown_type: ({ user }) => testing.unknownType('brand_new', user),
}

/** Stories are told with hyphens, as `reconnect-twice`. */
const STORIES = new Map(
  Object.entries(testing.stories).map(([name, story]) => [
    name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    story,
  ]),
)

/** Every example, events first. */
export const EXAMPLES: readonly { readonly name: string; readonly kind: 'event' | 'story' }[] = [
  ...Object.keys(EVENTS).map((name) => ({ name, kind: 'event' as const })),
  ...[...STORIES.keys()].map((name) => ({ name, kind: 'story' as const })),
]

/**
 * The requests of an example, in order, as the sender signs them.
 *
 * @returns Undefined where no example has this name.
 */
export async function signExample(
  name: string,
  options: ExampleOptions,
  secret: string,
): Promise<testing.SignedRequest[] | undefined> {
  const { userId, newUserId, referenceId, provider, data } = options
  const user = {
    ...(userId !== undefined && { userId }),
    ...(referenceId !== undefined && { referenceId }),
    ...(provider !== undefined && { provider: provider.toUpperCase() }),
  }
  const event = Object.hasOwn(EVENTS, name) ? EVENTS[name] : undefined
  if (event !== undefined) {
    const body = event({ user, newUserId: newUserId ?? SECOND_USER_ID, data })
    return [await testing.signedRequest(body, { secret })]
  }
  const second = newUserId === undefined ? {} : { secondUserId: newUserId }
  return await STORIES.get(name)?.({ ...user, ...second, secret })
}
