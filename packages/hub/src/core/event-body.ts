/**
 * The bytes of an event. A body is made once, stored as text, signed and sent as stored: it is never
 * built a second time from an object. Field order follows Terra's published examples.
 */
import type { EventDraft, User } from './connection.ts'
import { toTimestamp, toTimestampOrNull } from './time.ts'

/** The version that Terra's payloads carry. */
export const PAYLOAD_VERSION = '2022-03-16'

/** Event types of Terra's about connections. */
export const CONNECTION_EVENT_TYPES = [
  'auth',
  'auth_cancelled',
  'deauth',
  'user_reauth',
  'access_revoked',
  'connection_error',
  'permission_change',
  'google_no_datasource',
] as const

/** The rest of what Terra's documents list: the hub makes none of it, but as an example. */
export const OTHER_TERRA_TYPES = [
  'processing',
  'large_request_processing',
  'large_request_sending',
  'rate_limit_hit',
  'healthcheck',
  's3_payload',
  's3_upload',
  'health_observation',
  'lab_report.completed',
  'lab_report.failed',
  'coach.registered',
  'athlete.registered',
] as const

/** Event types with health data, which pass through the hub untouched. */
export const DATA_EVENT_TYPES = [
  'activity',
  'athlete',
  'body',
  'daily',
  'hormone',
  'menstruation',
  'nutrition',
  'planned_workout',
  'sleep',
] as const
export type DataEventType = (typeof DATA_EVENT_TYPES)[number]

/** Health data can wait; what happened to a connection cannot wait for it. */
export function isDataType(type: string): boolean {
  return (DATA_EVENT_TYPES as readonly string[]).includes(type)
}

/** Event types that Terra does not have: sent only to destinations that ask for extensions. */
export const EXTENSION_EVENT_TYPES: readonly string[] = [
  'connection_recovered',
  'expiry_warning',
  'destination_failing',
  'destination_disabled',
  'destination_recovered',
]

/** An event ready to be stored. */
export interface EventRecord {
  /** `type` of the body. */
  readonly type: string
  readonly userId: string | null
  readonly referenceId: string | null
  readonly provider: string | null
  /** The exact JSON text. */
  readonly body: string
}

/** The user object as events and `GET /userInfo` show it. Scopes are joined by commas. */
export function toWireUser(user: User, isActive: boolean): WireUser {
  return {
    scopes: user.scopes.join(','),
    active: isActive,
    last_webhook_update: toTimestampOrNull(user.lastWebhookUpdateMs),
    created_at: toTimestamp(user.createdAtMs),
    user_id: user.userId,
    reference_id: user.referenceId,
    provider: user.provider,
  }
}

/** A user on the wire: Terra's `TerraUser`. */
export interface WireUser {
  readonly scopes: string
  readonly active: boolean
  readonly last_webhook_update: string | null
  readonly created_at: string
  readonly user_id: string
  readonly reference_id: string | null
  readonly provider: string
}

/** Writes the body of a draft. */
export function toEventRecord(draft: EventDraft): EventRecord {
  switch (draft.type) {
    case 'auth':
      return forUser(draft.user, {
        type: 'auth',
        status: 'success',
        widget_session_id: draft.widgetSessionId,
        user: toWireUser(draft.user, true),
        reference_id: draft.user.referenceId,
        message: 'User has successfully authenticated',
        version: PAYLOAD_VERSION,
      })
    case 'auth_cancelled':
      return {
        ...withoutUser('auth_cancelled', draft.flow),
        body: JSON.stringify({
          type: 'auth_cancelled',
          status: 'error',
          flow_id: draft.flow.flowId,
          reason: draft.reason,
          reference_id: draft.flow.referenceId,
        }),
      }
    case 'auth_failed_legacy':
      return failedLegacy(draft)
    case 'user_reauth':
      return {
        ...forUser(draft.newUser, { type: 'user_reauth' }),
        body: JSON.stringify({
          type: 'user_reauth',
          status: 'warning',
          message: 'User has reauthenticated and old ID has been deleted',
          version: PAYLOAD_VERSION,
          new_user: toWireUser(draft.newUser, true),
          old_user: toWireUser(draft.oldUser, false),
        }),
      }
    case 'deauth':
      return notice(draft.user, false, ['deauth', 'success', 'User has deauthenticated'])
    case 'access_revoked':
      return notice(draft.user, false, ['access_revoked', 'warning', 'User revoked access'])
    case 'connection_error':
      return notice(draft.user, true, ['connection_error', 'warning', 'User connection degraded'])
    case 'connection_recovered':
      return notice(draft.user, true, ['connection_recovered', 'success', 'Connection recovered'])
    case 'expiry_warning':
      return forUser(draft.user, {
        type: 'expiry_warning',
        status: 'warning',
        message: 'The connection will end unless the user connects again',
        user: toWireUser(draft.user, true),
        expires_at: toTimestamp(draft.endsAtMs),
      })
    case 'permission_change':
      return forUser(draft.user, {
        type: 'permission_change',
        status: 'warning',
        message: 'User permissions have been modified',
        user: toWireUser(draft.user, true),
        scopes_added: draft.scopesAdded.join(','),
        scopes_removed: draft.scopesRemoved.join(','),
        version: PAYLOAD_VERSION,
      })
  }
}

/** Writes the body of an event with health data: `data` passes through as it came. */
export function toDataEventRecord(
  type: DataEventType,
  user: User,
  isActive: boolean,
  data: unknown,
): EventRecord {
  const wireUser = toWireUser(user, isActive)
  // Terra's athlete event carries one object where the others carry a list.
  if (type === 'athlete') return forUser(user, { type, user: wireUser, athlete: data })
  return forUser(user, { type, user: wireUser, data, version: PAYLOAD_VERSION })
}

function notice(
  user: User,
  isActive: boolean,
  [type, status, message]: readonly [string, string, string],
): EventRecord {
  return forUser(user, { type, status, message, user: toWireUser(user, isActive) })
}

/** The failure form of before mid 2026: `auth` with status `error` and a user that is gone. */
function failedLegacy(draft: Extract<EventDraft, { type: 'auth_failed_legacy' }>): EventRecord {
  const { flow } = draft
  const user: User = {
    userId: flow.reservedUserId,
    referenceId: flow.referenceId,
    provider: flow.provider,
    scopes: [],
    createdAtMs: draft.atMs,
    lastWebhookUpdateMs: null,
  }
  return forUser(user, {
    type: 'auth',
    status: 'error',
    widget_session_id: flow.widgetSessionId,
    user: toWireUser(user, false),
    provider: flow.provider,
    reference_id: flow.referenceId,
    message: 'User failed to authenticate and has been deleted',
    reason: draft.reason,
  })
}

function forUser(user: User, body: { type: string } & Record<string, unknown>): EventRecord {
  return {
    type: body.type,
    userId: user.userId,
    referenceId: user.referenceId,
    provider: user.provider,
    body: JSON.stringify(body),
  }
}

function withoutUser(
  type: string,
  flow: { readonly referenceId: string | null; readonly provider: string },
): Omit<EventRecord, 'body'> {
  return { type, userId: null, referenceId: flow.referenceId, provider: flow.provider }
}
