/**
 * Events as Terra and Firma send them, in all their generations, read once and typed.
 *
 * Parsing is lenient: the sender adds types and fields without notice, and a strict reader answers an error, is sent the
 * same event for a day, and is then switched off. Everything that was sent stays readable in `body`.
 */
import { EventError } from './event-error.ts'
import {
  isJsonObject,
  readFlag,
  readId,
  readObject,
  readScopes,
  readText,
  type JsonObject,
} from './json-fields.ts'

/** One connection, as an event describes it. Everything may be missing. */
export interface EventUser {
  /** The connection's id at the time of the event; it changes at each re-authentication. */
  userId: string | undefined
  /** The provider in upper case, for example `GARMIN`. */
  provider: string | undefined
  /** The app's own name for the end user. */
  referenceId: string | undefined
  /** Granted scopes, sorted; `undefined` when not stated, empty when stated as none. */
  scopes: string[] | undefined
  /** `false`: no more data comes. Not reliable for the health of a connection; read the derived status. */
  isActive: boolean | undefined
  /** RFC 3339 with microseconds, as sent. */
  createdAt: string | undefined
  /** RFC 3339 with microseconds, as sent; absent before the first data. */
  lastWebhookUpdate: string | undefined
}

interface EventBase {
  /** The wire's `type`, exactly as sent. */
  type: string
  /** The wire's `status`; an open list. */
  status: string | undefined
  /** A sentence for people. */
  message: string | undefined
  /** Version of the payload format, for example `2022-03-16`. */
  version: string | undefined
  /** `user.reference_id`, else the top-level one. */
  referenceId: string | undefined
  /** The whole body as parsed, with every field that has no property here. */
  body: JsonObject
}

/** An event about one connection that says no more than which. */
interface UserEvent<Kind extends string> extends EventBase {
  /** What the event is about. */
  kind: Kind
  /** The connection. */
  user: EventUser | undefined
}

/** A user connected: `auth` with status `success`. */
export interface AuthEvent extends UserEvent<'auth'> {
  /** The widget session that the flow began in; absent when the API or an SDK started it. */
  widgetSessionId: string | undefined
  /** The flow. Not the same as the widget session. */
  flowId: string | undefined
}

/** A user did not connect: `auth_cancelled`, or in the older form `auth` with status `error`. There is no connection. */
export interface AuthFailedEvent extends UserEvent<'auth_failed'> {
  /** Why; an open list, for example `access_denied`. */
  reason: string | undefined
  /** The widget session that the flow began in. */
  widgetSessionId: string | undefined
  /** The flow. */
  flowId: string | undefined
}

/** A connection was replaced: `user_reauth`. It has no `user`. */
export interface UserReauthEvent extends EventBase {
  /** What the event is about. */
  kind: 'user_reauth'
  /** The connection that ended; the sender does not always know it. */
  oldUser: EventUser | undefined
  /** The connection that takes its place. */
  newUser: EventUser | undefined
}

/** The granted scopes changed: `permission_change`. */
export interface PermissionChangeEvent extends UserEvent<'permission_change'> {
  /** Scopes that were added, sorted. */
  scopesAdded: string[]
  /** Scopes that were removed, sorted. */
  scopesRemoved: string[]
}

/** Health data; the items stay in `body`. */
export interface DataEvent extends UserEvent<'data'> {}

/** Something about requests, not about connections: `large_request_sending`, `healthcheck`, `s3_payload` … */
export interface OperationalEvent extends UserEvent<'operational'> {}

/** A type that this version does not know. Accepted and kept. */
export interface UnknownEvent extends UserEvent<'unknown'> {}

/** An event; switch on `kind`. */
export type Event =
  | AuthEvent
  | AuthFailedEvent
  | UserReauthEvent
  | PermissionChangeEvent
  | UserEvent<'deauth'>
  | UserEvent<'access_revoked'>
  | UserEvent<'connection_error'>
  | UserEvent<'connection_recovered'>
  | UserEvent<'google_no_datasource'>
  | DataEvent
  | OperationalEvent
  | UnknownEvent

/** What an event is about, whatever its type is called. */
export type EventKind = Event['kind']

const DATA_TYPES: ReadonlySet<string> = new Set([
  'activity',
  'athlete',
  'body',
  'daily',
  'health_observation',
  'hormone',
  'lab_report.completed',
  'lab_report.failed',
  'menstruation',
  'nutrition',
  'planned_workout',
  'sleep',
])

const OPERATIONAL_TYPES: ReadonlySet<string> = new Set([
  'healthcheck',
  'large_request_processing',
  'large_request_sending',
  'processing',
  'rate_limit_hit',
  's3_payload',
  's3_upload',
])

/**
 * Reads the body of an event. Verify it first.
 *
 * @param body The raw bytes (UTF-8), or their text.
 * @throws EventError when it is no JSON object with a `type`; never for unknown types or missing fields.
 */
export function parseEvent(body: Uint8Array | string): Event {
  const parsed = parseJson(body)
  if (!isJsonObject(parsed)) {
    throw new EventError(
      'not_an_object',
      `an event is a JSON object, found ${Array.isArray(parsed) ? 'a list' : `a ${typeof parsed}`}`,
    )
  }
  const type = readText(parsed, 'type')
  if (type === undefined || type === '') {
    throw new EventError('type_missing', 'an event has a text in "type", and this object has none')
  }
  return toEvent(type, parsed)
}

/** The id of the connection that an event is about; for `user_reauth` the new one. */
export function findEventUserId(event: Event): string | undefined {
  return event.kind === 'user_reauth' ? event.newUser?.userId : event.user?.userId
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function parseJson(body: Uint8Array | string): unknown {
  try {
    return JSON.parse(typeof body === 'string' ? body : decoder.decode(body))
  } catch (error) {
    throw new EventError('not_json', 'the body is no JSON text in UTF-8', { cause: error })
  }
}

function toEvent(type: string, body: JsonObject): Event {
  const user = toUser(readObject(body, 'user'))
  const base = {
    type,
    status: readText(body, 'status'),
    message: readText(body, 'message'),
    version: readText(body, 'version'),
    referenceId: user?.referenceId ?? readId(body, 'reference_id'),
    body,
  }
  switch (type) {
    case 'auth':
    case 'auth_cancelled':
      return toAuth(base, user)
    case 'user_reauth': {
      const { oldUser, newUser } = toReauthUsers(body)
      const referenceId = newUser?.referenceId ?? base.referenceId ?? oldUser?.referenceId
      return { ...base, referenceId, kind: 'user_reauth', oldUser, newUser }
    }
    case 'permission_change':
      return {
        ...base,
        kind: 'permission_change',
        user,
        scopesAdded: readScopes(body, 'scopes_added') ?? [],
        scopesRemoved: readScopes(body, 'scopes_removed') ?? [],
      }
    case 'deauth':
    case 'access_revoked':
    case 'connection_error':
    case 'connection_recovered':
    case 'google_no_datasource':
      return { ...base, kind: type, user }
  }
  if (DATA_TYPES.has(type)) return { ...base, kind: 'data', user }
  if (OPERATIONAL_TYPES.has(type)) return { ...base, kind: 'operational', user }
  return { ...base, kind: 'unknown', user }
}

function toAuth(base: EventBase, user: EventUser | undefined): AuthEvent | AuthFailedEvent {
  const { body, status } = base
  const reason = readText(body, 'reason')
  const common = {
    ...base,
    user,
    widgetSessionId: readId(body, 'widget_session_id'),
    flowId: readId(body, 'flow_id'),
  }
  // A status that nobody has documented is no success: a connection that is missing is noticed, a ghost is not.
  const isSuccess = status === 'success' || (status === undefined && reason === undefined)
  if (base.type === 'auth' && isSuccess) return { ...common, kind: 'auth' }
  return { ...common, kind: 'auth_failed', reason }
}

/** The users of a `user_reauth`: objects, or in an older description of it ids beside the other fields. */
function toReauthUsers(body: JsonObject): Pick<UserReauthEvent, 'oldUser' | 'newUser'> {
  const oldUser = toUser(readObject(body, 'old_user'))
  const newUser = toUser(readObject(body, 'new_user'))
  if (oldUser !== undefined || newUser !== undefined) return { oldUser, newUser }
  const newUserId = readId(body, 'new_user_id') ?? readId(body, 'terra_user_id')
  const [oldFlat, newFlat] = [readId(body, 'old_user_id'), newUserId].map((user_id) =>
    user_id === undefined ? undefined : toUser({ user_id, provider: readId(body, 'provider') }),
  )
  return { oldUser: oldFlat, newUser: newFlat }
}

/** Reads a user object, of an event or of the API; `undefined` for none. */
export function toUser(user: JsonObject | undefined): EventUser | undefined {
  if (user === undefined) return undefined
  return {
    userId: readId(user, 'user_id'),
    provider: readId(user, 'provider')?.toUpperCase(),
    referenceId: readId(user, 'reference_id'),
    scopes: readScopes(user, 'scopes'),
    isActive: readFlag(user, 'active'),
    createdAt: readText(user, 'created_at'),
    lastWebhookUpdate: readText(user, 'last_webhook_update'),
  }
}
