import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { FITBIT } from '../providers/fitbit.ts'
import { GARMIN } from '../providers/garmin.ts'
import { OURA } from '../providers/oura.ts'
import { NOTICE_ITEMS_MAX, type NoticeRequest, readNotice } from './notice.ts'

const credentials = { clientId: 'client', clientSecret: 'secret' }

function request(changes: Partial<NoticeRequest> & { json?: unknown }): NoticeRequest {
  const { json, ...rest } = changes
  return {
    provider: GARMIN,
    credentials,
    method: 'POST',
    url: '/notices/GARMIN',
    headers: new Headers(),
    body: Buffer.from(JSON.stringify(json ?? {})),
    ...rest,
  }
}

function signed(json: unknown, secret = 'secret&'): NoticeRequest {
  const body = Buffer.from(JSON.stringify(json))
  const signature = createHmac('sha1', secret).update(body).digest('base64')
  return request({
    provider: FITBIT,
    headers: new Headers({ 'X-Fitbit-Signature': signature }),
    body,
  })
}

describe('readNotice of Garmin', () => {
  it('reads every deregistration, and says that nobody signed them', () => {
    const json = { deregistrations: [{ userId: 'a' }, { userId: 7 }] }
    expect(readNotice(request({ json }))).toEqual({
      type: 'notices',
      isAuthenticated: false,
      notices: [
        { type: 'access_revoked', providerAccountId: 'a' },
        { type: 'access_revoked', providerAccountId: '7' },
      ],
      replyStatus: 200,
    })
  })

  it('reads permission changes, also to none', () => {
    const json = {
      userPermissionsChange: [
        { userId: 'a', permissions: ['HEALTH_EXPORT', 3], changeTimeInSeconds: 1 },
        { userId: 'b', permissions: [] },
      ],
    }
    expect(readNotice(request({ json }))).toMatchObject({
      notices: [
        { type: 'scopes_changed', providerAccountId: 'a', scopes: ['HEALTH_EXPORT'] },
        { type: 'scopes_changed', providerAccountId: 'b', scopes: [] },
      ],
    })
  })

  it.each([
    [{ deregistrations: [{}] }, 'access_revoked without an account id'],
    [{ deregistrations: [{ userId: '' }] }, 'access_revoked without an account id'],
    [{ deregistrations: null }, 'access_revoked without an account id'],
    [{ userPermissionsChange: [{ userId: 'a' }] }, 'scopes_changed without a list'],
    [{ dailies: [{ userId: 'a' }] }, 'nothing about a connection'],
    [[], 'nothing about a connection'],
    [null, 'nothing about a connection'],
  ])('ignores %j', (json, what) => {
    const body = Buffer.from(JSON.stringify(json))
    expect(readNotice(request({ body }))).toMatchObject({
      replyStatus: 200,
      notices: [{ type: 'ignored', what }],
    })
  })

  it('refuses the client id of another app, and takes its own', () => {
    const json = { deregistrations: [{ userId: 'a' }] }
    const own = new Headers({ 'garmin-client-id': 'client' })
    const other = new Headers({ 'garmin-client-id': 'other' })
    expect(readNotice(request({ json, headers: own })).type).toBe('notices')
    expect(readNotice(request({ json, headers: other }))).toEqual({
      type: 'rejected',
      status: 403,
      reason: 'the notice names another client id',
    })
  })

  it.each(['', 'no json', '\u{feff}{', Buffer.from([0xff, 0xfe])])(
    'refuses a body that is not JSON',
    (body) => {
      expect(readNotice(request({ body: Buffer.from(body) }))).toMatchObject({
        type: 'rejected',
        status: 400,
      })
    },
  )

  it('refuses more items than a notice has', () => {
    const json = { deregistrations: Array.from({ length: NOTICE_ITEMS_MAX + 1 }, () => ({})) }
    expect(readNotice(request({ json })).type).toBe('rejected')
  })

  it('answers a look at the address, and nothing but POST besides', () => {
    expect(readNotice(request({ method: 'GET' }))).toEqual({ type: 'handshake', status: 200 })
    expect(readNotice(request({ method: 'PUT' }))).toMatchObject({ status: 405 })
  })
})

describe('readNotice of Fitbit', () => {
  const revoked = { collectionType: 'userRevokedAccess', ownerId: 'ABC', ownerType: 'user' }

  it('trusts what is signed, and tells revocations from data', () => {
    const data = { collectionType: 'sleep', ownerId: 'DEF' }
    const deleted = { collectionType: 'deleteUser', ownerId: 'GHI' }
    expect(readNotice(signed([data, revoked, deleted]))).toEqual({
      type: 'notices',
      isAuthenticated: true,
      notices: [
        { type: 'access_revoked', providerAccountId: 'ABC' },
        { type: 'access_revoked', providerAccountId: 'GHI' },
      ],
      replyStatus: 204,
    })
    expect(readNotice(signed([data]))).toMatchObject({ notices: [{ type: 'ignored' }] })
  })

  it('refuses a wrong, changed, malformed or missing signature, before it parses', () => {
    const good = signed([revoked])
    const bad: NoticeRequest[] = [
      signed([revoked], 'secret'),
      { ...good, body: Buffer.from(`${JSON.stringify([revoked])} `) },
      { ...good, headers: new Headers({ 'x-fitbit-signature': '%%%' }) },
      { ...good, headers: new Headers({ 'x-fitbit-signature': '' }) },
      { ...good, headers: new Headers() },
      { ...good, headers: new Headers(), body: Buffer.from('not json') },
    ]
    for (const one of bad) expect(readNotice(one)).toMatchObject({ type: 'rejected', status: 404 })
  })

  it.each([
    ['/hook?verify=right', 'right', 204],
    ['/hook?verify=wrong', 'right', 404],
    ['/hook?verify=', 'right', 404],
    ['/hook', 'right', 404],
    ['/hook?verify=right', undefined, 404],
    ['https://hub.test/hook?verify=right', 'right', 204],
  ])('answers the verification %s with the code %s by %i', (url, handshakeCode, status) => {
    expect(readNotice(request({ provider: FITBIT, method: 'GET', url, handshakeCode }))).toEqual({
      type: 'handshake',
      status,
    })
  })
})

describe('readNotice of Oura', () => {
  it('expects none', () => {
    expect(readNotice(request({ provider: OURA }))).toMatchObject({
      type: 'rejected',
      status: 404,
    })
  })
})
