import { parseEvent } from 'firma-receiver'
import { describe, expect, it } from 'vitest'
import type { EndedFlow, EventDraft, User } from './connection.ts'
import {
  DATA_EVENT_TYPES,
  EXTENSION_EVENT_TYPES,
  toDataEventRecord,
  toEventRecord,
  toWireUser,
} from './event-body.ts'

const USER: User = {
  userId: '4735eac4-31a2-47ef-8b11-51e98d84c680',
  referenceId: 'tony_stark',
  provider: 'GARMIN',
  scopes: ['COURSE_IMPORT', 'WORKOUT_IMPORT', 'ACTIVITY_EXPORT', 'HEALTH_EXPORT'],
  createdAtMs: Date.UTC(2024, 9, 7, 3, 45),
  lastWebhookUpdateMs: null,
}
const OLD_USER: User = {
  ...USER,
  userId: '40f7b0e1-89e2-43ac-a5b8-1e29c8d47cad',
  createdAtMs: Date.UTC(2024, 0, 1),
  lastWebhookUpdateMs: Date.UTC(2024, 9, 6, 8, 3, 11, 204),
}
const FLOW: EndedFlow = {
  flowId: 'b2f9c611-52c8-4a63-9082-7e50e2f5a1cd',
  widgetSessionId: 'a9a0c7a4-c05e-4550-a973-f87a31a7c558',
  referenceId: 'tony_stark',
  provider: 'GARMIN',
  reservedUserId: USER.userId,
}

const WIRE_USER =
  '{"scopes":"COURSE_IMPORT,WORKOUT_IMPORT,ACTIVITY_EXPORT,HEALTH_EXPORT","active":true,"last_webhook_update":null,"created_at":"2024-10-07T03:45:00.000000+00:00","user_id":"4735eac4-31a2-47ef-8b11-51e98d84c680","reference_id":"tony_stark","provider":"GARMIN"}'
const WIRE_USER_GONE = WIRE_USER.replace('"active":true', '"active":false')
const WIRE_OLD_USER =
  '{"scopes":"COURSE_IMPORT,WORKOUT_IMPORT,ACTIVITY_EXPORT,HEALTH_EXPORT","active":false,"last_webhook_update":"2024-10-06T08:03:11.204000+00:00","created_at":"2024-01-01T00:00:00.000000+00:00","user_id":"40f7b0e1-89e2-43ac-a5b8-1e29c8d47cad","reference_id":"tony_stark","provider":"GARMIN"}'

/** The example as it is published, byte for byte. */
const PUBLISHED_AUTH =
  '{"type":"auth","status":"success","widget_session_id":"a9a0c7a4-c05e-4550-a973-f87a31a7c558","user":{"scopes":"COURSE_IMPORT,WORKOUT_IMPORT,ACTIVITY_EXPORT,HEALTH_EXPORT","active":true,"last_webhook_update":null,"created_at":"2024-10-07T03:45:00.000000+00:00","user_id":"4735eac4-31a2-47ef-8b11-51e98d84c680","reference_id":"tony_stark","provider":"GARMIN"},"reference_id":"tony_stark","message":"User has successfully authenticated","version":"2022-03-16"}'

const AUTH: EventDraft = { type: 'auth', user: USER, widgetSessionId: FLOW.widgetSessionId }

/** Every draft with its exact body and what the receiver takes it for. */
const BODIES: readonly (readonly [EventDraft, string, string])[] = [
  [AUTH, PUBLISHED_AUTH, 'auth'],
  [
    { type: 'auth_cancelled', flow: FLOW, reason: 'access_denied' },
    '{"type":"auth_cancelled","status":"error","flow_id":"b2f9c611-52c8-4a63-9082-7e50e2f5a1cd","reason":"access_denied","reference_id":"tony_stark"}',
    'auth_failed',
  ],
  [
    {
      type: 'auth_failed_legacy',
      flow: FLOW,
      reason: 'access_denied',
      atMs: Date.UTC(2024, 9, 7, 3, 45),
    },
    `{"type":"auth","status":"error","widget_session_id":"a9a0c7a4-c05e-4550-a973-f87a31a7c558","user":${WIRE_USER_GONE.replace(/"scopes":"[^"]*"/, '"scopes":""')},"provider":"GARMIN","reference_id":"tony_stark","message":"User failed to authenticate and has been deleted","reason":"access_denied"}`,
    'auth_failed',
  ],
  [
    { type: 'user_reauth', oldUser: OLD_USER, newUser: USER },
    `{"type":"user_reauth","status":"warning","message":"User has reauthenticated and old ID has been deleted","version":"2022-03-16","new_user":${WIRE_USER},"old_user":${WIRE_OLD_USER}}`,
    'user_reauth',
  ],
  [
    { type: 'deauth', user: USER },
    `{"type":"deauth","status":"success","message":"User has deauthenticated","user":${WIRE_USER_GONE}}`,
    'deauth',
  ],
  [
    { type: 'access_revoked', user: USER },
    `{"type":"access_revoked","status":"warning","message":"User revoked access","user":${WIRE_USER_GONE}}`,
    'access_revoked',
  ],
  [
    { type: 'connection_error', user: USER },
    `{"type":"connection_error","status":"warning","message":"User connection degraded","user":${WIRE_USER}}`,
    'connection_error',
  ],
  [
    { type: 'connection_recovered', user: USER },
    `{"type":"connection_recovered","status":"success","message":"Connection recovered","user":${WIRE_USER}}`,
    'connection_recovered',
  ],
  [
    { type: 'expiry_warning', user: USER, endsAtMs: Date.UTC(2024, 9, 14, 3, 45) },
    `{"type":"expiry_warning","status":"warning","message":"The connection will end unless the user connects again","user":${WIRE_USER},"expires_at":"2024-10-14T03:45:00.000000+00:00"}`,
    'unknown',
  ],
  [
    {
      type: 'permission_change',
      user: USER,
      scopesAdded: ['COURSE_IMPORT', 'WORKOUT_IMPORT'],
      scopesRemoved: [],
    },
    `{"type":"permission_change","status":"warning","message":"User permissions have been modified","user":${WIRE_USER},"scopes_added":"COURSE_IMPORT,WORKOUT_IMPORT","scopes_removed":"","version":"2022-03-16"}`,
    'permission_change',
  ],
]

describe('toEventRecord', () => {
  it.each(BODIES.map(([draft, body, kind]) => [draft.type, draft, body, kind] as const))(
    'writes %s to the byte, and the receiver reads it',
    (...[, draft, body, kind]) => {
      expect(toEventRecord(draft).body).toBe(body)
      expect(parseEvent(body).kind).toBe(kind)
    },
  )

  it('says in its columns what it says in its body', () => {
    for (const [draft] of BODIES) {
      const record = toEventRecord(draft)
      const event = parseEvent(record.body)
      expect(record.type).toBe(event.type)
      expect(record.referenceId).toBe('tony_stark')
      expect(event.referenceId).toBe('tony_stark')
      expect(record.provider).toBe('GARMIN')
      expect(record.userId).toBe(draft.type === 'auth_cancelled' ? null : USER.userId)
    }
  })

  it('writes null where the app named nobody and no widget session was used', () => {
    const user = { ...USER, referenceId: null }
    const auth = toEventRecord({ type: 'auth', user, widgetSessionId: null })
    expect(JSON.parse(auth.body)).toMatchObject({
      widget_session_id: null,
      reference_id: null,
      user: { reference_id: null },
    })
    const flow = { ...FLOW, referenceId: null, widgetSessionId: null }
    const cancelled = toEventRecord({ type: 'auth_cancelled', flow, reason: 'expired' })
    expect(JSON.parse(cancelled.body)).toMatchObject({ reference_id: null })
    const legacy = { type: 'auth_failed_legacy', flow, reason: 'expired', atMs: 0 } as const
    expect(JSON.parse(toEventRecord(legacy).body)).toMatchObject({
      widget_session_id: null,
      reference_id: null,
    })
  })

  it('keeps any text that an app can name a person by', () => {
    for (const referenceId of ['"}{', '\u2028', '名前', '👩‍⚕️', '\\u0000', 'a'.repeat(1_000)]) {
      const { body } = toEventRecord({ ...AUTH, user: { ...USER, referenceId } })
      expect(parseEvent(body).referenceId).toBe(referenceId)
    }
  })
})

describe('toDataEventRecord', () => {
  it.each(DATA_EVENT_TYPES)('passes the data of %s through as it came', (type) => {
    const data = [{ metadata: { start_time: '2024-10-07T03:45:00.000000+00:00' }, empty: [] }]
    const record = toDataEventRecord(type, USER, true, data)
    const body = JSON.parse(record.body)
    expect(body.type === 'athlete' ? body.athlete : body.data).toEqual(data)
    expect(JSON.stringify(body.user)).toBe(WIRE_USER)
    expect(parseEvent(record.body)).toMatchObject({ kind: 'data', user: { userId: USER.userId } })
    expect(record).toMatchObject({ type, userId: USER.userId, referenceId: 'tony_stark' })
  })

  it('carries the version beside lists, as Terra’s do', () => {
    expect(toDataEventRecord('daily', USER, false, []).body).toBe(
      `{"type":"daily","user":${WIRE_USER_GONE},"data":[],"version":"2022-03-16"}`,
    )
  })
})

describe('toWireUser', () => {
  it('shows a user without scopes with an empty text', () => {
    expect(toWireUser({ ...USER, scopes: [] }, true)).toMatchObject({ scopes: '', active: true })
  })
})

describe('EXTENSION_EVENT_TYPES', () => {
  it('has exactly the types that are not Terra’s', () => {
    const terras = ['auth', 'auth_cancelled', 'user_reauth', 'deauth', 'access_revoked']
    const all = BODIES.map(([draft]) => toEventRecord(draft).type)
    const strangers = all.filter(
      (type) => ![...terras, 'connection_error', 'permission_change'].includes(type),
    )
    const ofDestinations = EXTENSION_EVENT_TYPES.filter((type) => type.startsWith('destination_'))
    expect([...strangers, ...ofDestinations]).toEqual(EXTENSION_EVENT_TYPES)
  })
})
