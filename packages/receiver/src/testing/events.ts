/** Bodies of every event type, as they are on the wire. */

/** A body of the wire. */
export type WireEvent = {
  /** The event's type. */
  type: string
  /** Everything else, by its wire name. */
  [name: string]: unknown
}

/** The user object of the wire. */
export interface WireUser {
  /** The connection. */
  user_id: string
  /** The provider, upper case. */
  provider: string
  /** The app's own name for the end user. */
  reference_id: string | null
  /** Granted scopes, separated by commas. */
  scopes: string | null
  /** Whether data goes on coming. */
  active: boolean
  /** RFC 3339; `null` before the first data. */
  last_webhook_update: string | null
  /** RFC 3339. */
  created_at: string
}

/** Who an event is about; everything has a default. */
export interface UserOptions {
  /** `4735eac4-31a2-47ef-8b11-51e98d84c680` by default. */
  userId?: string
  /** `tony_stark` by default; `null` for none. */
  referenceId?: string | null
  /** `GARMIN` by default. */
  provider?: string
  /** `ACTIVITY_EXPORT,HEALTH_EXPORT` by default; `null` for none stated. */
  scopes?: string | null
  /** `true`, unless the event is an end. */
  isActive?: boolean
  /** When the connection was made, epoch milliseconds; 2024-10-07T03:45:00Z by default. */
  createdAtMs?: number
  /** When data came last, epoch milliseconds; not yet by default. */
  lastWebhookUpdateMs?: number
}

/** For failed authentications. */
export interface FailureOptions extends UserOptions {
  /** `access_denied` by default; an open list. */
  reason?: string
  /** An id by default. */
  flowId?: string | null
}

/** For re-authentications. */
export interface ReauthOptions extends Omit<UserOptions, 'userId'> {
  /** `null`: the sender does not know whom it replaces. */
  oldUserId: string | null
  /** The connection that takes its place. */
  newUserId: string
  /** When the old one was made, epoch milliseconds; 2024-10-07T03:45:00Z by default. `createdAtMs` is about the new one. */
  oldCreatedAtMs?: number
}

/** For changed permissions. */
export interface PermissionOptions extends UserOptions {
  /** `BODY_EXPORT` by default. */
  scopesAdded?: string
  /** Empty by default. */
  scopesRemoved?: string
}

/** For data. */
export interface DataOptions extends UserOptions {
  /** The `data` list; one empty item by default. */
  items?: readonly unknown[]
}

/** For large requests. */
export interface LargeRequestOptions extends UserOptions {
  /** The `terra-reference` of the request; an id by default. */
  reference?: string
  /** Chunks to come; 1 by default. */
  expectedPayloads?: number
}

/** The `user_id` where none is given. */
export const EXAMPLE_USER_ID = '4735eac4-31a2-47ef-8b11-51e98d84c680'
const EXAMPLE_REFERENCE_ID = 'tony_stark'
const EXAMPLE_ID = 'a9a0c7a4-c05e-4550-a973-f87a31a7c558'
const CREATED_AT = '2024-10-07T03:45:00.000000+00:00'
const VERSION = '2022-03-16'

/** A user object. */
export function wireUser(options: UserOptions = {}): WireUser {
  const { referenceId = EXAMPLE_REFERENCE_ID, scopes = 'ACTIVITY_EXPORT,HEALTH_EXPORT' } = options
  return {
    user_id: options.userId ?? EXAMPLE_USER_ID,
    provider: options.provider ?? 'GARMIN',
    reference_id: referenceId,
    scopes,
    active: options.isActive ?? true,
    last_webhook_update: toWireTime(options.lastWebhookUpdateMs) ?? null,
    created_at: toWireTime(options.createdAtMs) ?? CREATED_AT,
  }
}

/** As senders write it: with six digits of a second, and the offset. @throws RangeError for what is no time. */
function toWireTime(atMs: number | undefined): string | undefined {
  return atMs === undefined ? undefined : new Date(atMs).toISOString().replace('Z', '000+00:00')
}

/** `auth`: somebody connected. */
export function auth(options: UserOptions = {}): WireEvent {
  const user = wireUser(options)
  return {
    type: 'auth',
    status: 'success',
    widget_session_id: EXAMPLE_ID,
    user,
    reference_id: user.reference_id,
    message: 'User has successfully authenticated',
    version: VERSION,
  }
}

/** `auth_cancelled`: somebody did not connect, in the present form, without a user. */
export function authCancelled(options: FailureOptions = {}): WireEvent {
  const { reason = 'access_denied', flowId = EXAMPLE_ID } = options
  const { referenceId = EXAMPLE_REFERENCE_ID } = options
  return {
    type: 'auth_cancelled',
    status: 'error',
    flow_id: flowId,
    reason,
    reference_id: referenceId,
  }
}

/** `auth` with status `error`: somebody did not connect, in the older form, with a user that is deleted. */
export function authError(options: FailureOptions = {}): WireEvent {
  const user = wireUser({ isActive: false, ...options })
  return {
    type: 'auth',
    status: 'error',
    widget_session_id: EXAMPLE_ID,
    user,
    provider: user.provider,
    reference_id: user.reference_id,
    reason: options.reason ?? 'access_denied',
    message: 'User failed to authenticate and has been deleted',
  }
}

/** `user_reauth`: a connection was replaced. */
export function userReauth(options: ReauthOptions): WireEvent {
  const { oldUserId, newUserId, oldCreatedAtMs, ...shared } = options
  const ofOld: UserOptions = { ...shared, isActive: false }
  delete ofOld.createdAtMs
  if (oldCreatedAtMs !== undefined) ofOld.createdAtMs = oldCreatedAtMs
  return {
    type: 'user_reauth',
    status: 'warning',
    message: 'User has reauthenticated and old ID has been deleted',
    version: VERSION,
    new_user: wireUser({ ...shared, userId: newUserId }),
    old_user: oldUserId === null ? null : wireUser({ ...ofOld, userId: oldUserId }),
  }
}

/** `deauth`: disconnected through the API or the connect page. */
export function deauth(options: UserOptions = {}): WireEvent {
  const user = wireUser({ isActive: false, ...options })
  return { type: 'deauth', status: 'success', user, message: 'User has deauthenticated' }
}

/** `access_revoked`: the person took access away at the provider. */
export function accessRevoked(options: UserOptions = {}): WireEvent {
  const user = wireUser({ isActive: false, ...options })
  return { type: 'access_revoked', status: 'warning', user, message: 'User revoked access' }
}

/** `connection_error`: the provider refused a request. */
export function connectionError(options: UserOptions = {}): WireEvent {
  const message = 'User connection degraded'
  return { type: 'connection_error', status: 'warning', user: wireUser(options), message }
}

/** `connection_recovered`: the provider answers again. A Firma hub sends it where a destination asks for extensions. */
export function connectionRecovered(options: UserOptions = {}): WireEvent {
  return { type: 'connection_recovered', status: 'success', user: wireUser(options) }
}

/** `permission_change`: the granted scopes changed. */
export function permissionChange(options: PermissionOptions = {}): WireEvent {
  return {
    type: 'permission_change',
    status: 'warning',
    user: wireUser(options),
    message: 'User permissions have been modified',
    scopes_added: options.scopesAdded ?? 'BODY_EXPORT',
    scopes_removed: options.scopesRemoved ?? '',
    version: VERSION,
  }
}

/** `google_no_datasource`: the account has no source of data. */
export function googleNoDatasource(options: UserOptions = {}): WireEvent {
  const user = wireUser({ provider: 'GOOGLE', ...options })
  const message = 'User does not have any data source'
  return { type: 'google_no_datasource', status: 'warning', user, message }
}

/** Health data of any type: `activity`, `body`, `daily`, `sleep`, `nutrition`, `menstruation` … */
export function data(type: string, options: DataOptions = {}): WireEvent {
  const { items = [{}] } = options
  return { type, status: 'success', user: wireUser(options), version: VERSION, data: [...items] }
}

/** `athlete`: the profile, the one data event with an object in place of a list. */
export function athlete(
  options: UserOptions & {
    /** What `athlete` holds; a name by default. */
    profile?: object
  } = {},
): WireEvent {
  const profile = options.profile ?? { first_name: 'Tony', last_name: 'Stark' }
  const user = wireUser(options)
  return { type: 'athlete', status: 'success', user, version: VERSION, athlete: profile }
}

/** `large_request_processing`: a large request was accepted. */
export function largeRequestProcessing(options: LargeRequestOptions = {}): WireEvent {
  return {
    type: 'large_request_processing',
    status: 'processing',
    user: wireUser(options),
    reference: options.reference ?? EXAMPLE_ID,
    message: 'Large request is processing',
  }
}

/** `large_request_sending`: its chunks come now. It has no status. */
export function largeRequestSending(options: LargeRequestOptions = {}): WireEvent {
  return {
    type: 'large_request_sending',
    user: wireUser(options),
    reference: options.reference ?? EXAMPLE_ID,
    message: 'Large request is being sent',
    expected_payloads: options.expectedPayloads ?? 1,
  }
}

/** `rate_limit_hit`: the provider slows a request down, and it is tried again. It has no status. */
export function rateLimitHit(options: UserOptions = {}): WireEvent {
  return {
    type: 'rate_limit_hit',
    user: wireUser(options),
    start_date: CREATED_AT,
    end_date: CREATED_AT,
    retrying_at: CREATED_AT,
    message: 'Rate limit reached whilst processing async query',
  }
}

/** `healthcheck`: the sender is alive. It has no user. */
export function healthcheck(): WireEvent {
  return {
    type: 'healthcheck',
    status: 'success',
    creation_timestamp: CREATED_AT,
    trend_percentage: 100,
    sent_webhooks_last_hour: 1,
  }
}

/** `s3_payload`: the real event is to be fetched. It has no user. */
export function s3Payload(options: {
  /** Where the real event is. */
  url: string
  /** For how long, in seconds; 300 by default. */
  expiresInSeconds?: number
}): WireEvent {
  const { url, expiresInSeconds = 300 } = options
  return { type: 's3_payload', status: 'success', url, expires_in: expiresInSeconds }
}

/** A type that nobody has heard of: handlers have to accept these, too. */
export function unknownType(type = 'brand_new', options: UserOptions = {}): WireEvent {
  return { type, status: 'success', user: wireUser(options), payload: { nested: [1, null] } }
}
