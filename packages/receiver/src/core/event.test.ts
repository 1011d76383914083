import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findEventUserId, parseEvent } from './event.ts'
import { EventError } from './event-error.ts'

/** The documented example of an auth event, to the byte. */
const EXAMPLE =
  '{"type":"auth","status":"success","widget_session_id":"a9a0c7a4-c05e-4550-a973-f87a31a7c558","user":{"scopes":"COURSE_IMPORT,WORKOUT_IMPORT,ACTIVITY_EXPORT,HEALTH_EXPORT","active":true,"last_webhook_update":null,"created_at":"2024-10-07T03:45:00.000000+00:00","user_id":"4735eac4-31a2-47ef-8b11-51e98d84c680","reference_id":"tony_stark","provider":"GARMIN"},"reference_id":"tony_stark","message":"User has successfully authenticated","version":"2022-03-16"}'

const parse = (body: unknown): ReturnType<typeof parseEvent> => parseEvent(JSON.stringify(body))

describe('parseEvent', () => {
  it('reads the documented auth event field for field, from bytes and from text', () => {
    const expected = {
      kind: 'auth',
      type: 'auth',
      status: 'success',
      widgetSessionId: 'a9a0c7a4-c05e-4550-a973-f87a31a7c558',
      flowId: undefined,
      user: {
        userId: '4735eac4-31a2-47ef-8b11-51e98d84c680',
        referenceId: 'tony_stark',
        provider: 'GARMIN',
        scopes: ['ACTIVITY_EXPORT', 'COURSE_IMPORT', 'HEALTH_EXPORT', 'WORKOUT_IMPORT'],
        isActive: true,
        createdAt: '2024-10-07T03:45:00.000000+00:00',
        lastWebhookUpdate: undefined,
      },
      referenceId: 'tony_stark',
      message: 'User has successfully authenticated',
      version: '2022-03-16',
      body: JSON.parse(EXAMPLE),
    }
    expect(parseEvent(EXAMPLE)).toEqual(expected)
    expect(parseEvent(new TextEncoder().encode(EXAMPLE))).toEqual(expected)
  })

  it('reads both generations of a failed authentication', () => {
    const current = parse({
      type: 'auth_cancelled',
      status: 'error',
      flow_id: 'f-1',
      reason: 'access_denied',
      reference_id: 'tony',
    })
    expect(current).toMatchObject({
      kind: 'auth_failed',
      flowId: 'f-1',
      reason: 'access_denied',
      referenceId: 'tony',
      user: undefined,
    })
    const old = { type: 'auth', status: 'error', user: { user_id: 'u-1' }, reason: 'access_denied' }
    expect(parse(old)).toMatchObject({ kind: 'auth_failed', user: { userId: 'u-1' } })
    expect(parse({ type: 'auth', status: 'pending' }).kind).toBe('auth_failed')
    expect(parse({ type: 'auth', status: null }).kind).toBe('auth')
  })

  it('prefers the reference_id of the user and takes the other one where it has none', () => {
    const of = (inner: unknown): unknown =>
      parse({ type: 'auth', reference_id: 'outer', user: { user_id: 'u', reference_id: inner } })
        .referenceId
    expect(of('inner')).toBe('inner')
    expect(of(null)).toBe('outer')
    expect(of('')).toBe('outer')
  })

  it('reads a re-authentication with and without the old user', () => {
    const event = parse({
      type: 'user_reauth',
      old_user: null,
      new_user: { user_id: 'u-2', provider: 'garmin' },
    })
    expect(event).toMatchObject({
      kind: 'user_reauth',
      oldUser: undefined,
      newUser: { userId: 'u-2', provider: 'GARMIN' },
    })
    expect(findEventUserId(event)).toBe('u-2')
    expect(findEventUserId(parse({ type: 'deauth', user: { user_id: 'u-1' } }))).toBe('u-1')
  })

  it.each(['new_user_id', 'terra_user_id'])(
    'reads a re-authentication whose ids stand alone, the new one as %s',
    (name) => {
      const flat = { type: 'user_reauth', old_user_id: 'u-1', [name]: 'u-2', provider: 'garmin' }
      const event = parse({ ...flat, reference_id: 'tony_stark' })
      expect(event).toMatchObject({
        oldUser: { userId: 'u-1', provider: 'GARMIN', referenceId: undefined },
        newUser: { userId: 'u-2', provider: 'GARMIN' },
        referenceId: 'tony_stark',
      })
      const objects = { new_user: { user_id: 'u-3' }, old_user: null }
      expect(parse({ ...flat, ...objects })).toMatchObject({
        oldUser: undefined,
        newUser: { userId: 'u-3' },
      })
      expect(parse({ type: 'user_reauth', old_user_id: 7.5 })).toMatchObject({
        oldUser: undefined,
        newUser: undefined,
      })
    },
  )

  it('reads scope differences from texts and lists', () => {
    expect(
      parse({ type: 'permission_change', scopes_added: 'B, A,,A', scopes_removed: ['C', 7] }),
    ).toMatchObject({ scopesAdded: ['A', 'B'], scopesRemoved: ['C'] })
    expect(parse({ type: 'permission_change', scopes_added: null })).toMatchObject({
      scopesAdded: [],
      scopesRemoved: [],
    })
  })

  it.each([
    ['data', 'activity'],
    ['data', 'lab_report.completed'],
    ['operational', 's3_payload'],
    ['operational', 'large_request_sending'],
    ['unknown', 'coach.registered'],
    ['unknown', '__proto__'],
    ['deauth', 'deauth'],
    ['access_revoked', 'access_revoked'],
    ['connection_error', 'connection_error'],
    ['connection_recovered', 'connection_recovered'],
    ['google_no_datasource', 'google_no_datasource'],
  ])('says %s for the type %s', (kind, type) => {
    expect(parse({ type })).toMatchObject({ kind, type, user: undefined })
  })

  it('reads own properties only', () => {
    const event = parseEvent('{"type":"auth","user":{"__proto__":{"user_id":"forged"}}}')
    expect(findEventUserId(event)).toBeUndefined()
    expect(parseEvent('{"type":"auth","__proto__":{"status":"error"}}').kind).toBe('auth')
  })

  it('accepts numbers as ids only where JavaScript is exact', () => {
    const of = (id: string): string | undefined =>
      findEventUserId(parseEvent(`{"type":"deauth","user":{"user_id":${id}}}`))
    expect(of('75001')).toBe('75001')
    expect(of('9007199254740993')).toBeUndefined()
    expect(of('1.5')).toBeUndefined()
    expect(of(`"${'x'.repeat(2_000)}"`)).toBeUndefined()
    expect(of('"a\\u0000\\ud800"')).toBe('a\uFFFD\uFFFD')
  })

  it.each([
    ['not_json', 'nonsense'],
    ['not_json', ''],
    ['not_an_object', '[]'],
    ['not_an_object', 'null'],
    ['not_an_object', '"auth"'],
    ['type_missing', '{}'],
    ['type_missing', '{"type":7}'],
    ['type_missing', '{"type":""}'],
  ])('throws %s for %s', (reason, body) => {
    expect(() => parseEvent(body)).toThrow(expect.objectContaining({ name: 'EventError', reason }))
  })

  it('throws for bytes that are no UTF-8', () => {
    expect(() => parseEvent(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(EventError)
  })

  it('never throws for an object with a type, whatever its fields are', () => {
    const types = fc.constantFrom(
      'auth',
      'auth_cancelled',
      'user_reauth',
      'permission_change',
      'daily',
    )
    fc.assert(
      fc.property(
        types,
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.jsonValue(),
        (type, rest, odd) => {
          const fields = {
            ...rest,
            user: odd,
            new_user: odd,
            scopes_added: odd,
            reference_id: odd,
            type,
          }
          expect(parse(fields).type).toBe(type)
        },
      ),
    )
  })
})
