import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { getProvider } from '../providers/catalog.ts'
import { NOTICE_ITEMS_MAX, type NoticeRequest, readNotice } from './notice.ts'

const FITBIT = getProvider('FITBIT')
const GARMIN = getProvider('GARMIN')

const credentials = {
  clientId: 'client',
  clientSecret: 'secret',
  secrets: { verificationCode: 'right' },
}

const NOW_MS = 1_700_000_000_000

function request(changes: Partial<NoticeRequest> & { json?: unknown }): NoticeRequest {
  const { json, ...rest } = changes
  return {
    provider: GARMIN,
    credentials,
    noticeKey: 'the-key',
    nowMs: NOW_MS,
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
    [{ deregistrations: [{}] }, 'unreadable', 'access_revoked without an account id'],
    [{ deregistrations: [{ userId: '' }] }, 'unreadable', 'access_revoked without an account id'],
    [{ deregistrations: null }, 'unreadable', 'access_revoked without an account id'],
    [{ userPermissionsChange: [{ userId: 'a' }] }, 'unreadable', 'scopes_changed without a list'],
    [{ dailies: [{ userId: 'a' }] }, 'ignored', 'nothing about a connection'],
    [[], 'ignored', 'nothing about a connection'],
    [null, 'ignored', 'nothing about a connection'],
  ])('acts on nobody for %j', (json, type, what) => {
    const body = Buffer.from(JSON.stringify(json))
    expect(readNotice(request({ body }))).toMatchObject({
      replyStatus: 200,
      notices: [{ type, what }],
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
    'cannot read a body that is not JSON',
    (body) => {
      expect(readNotice(request({ body: Buffer.from(body) }))).toMatchObject({
        type: 'unreadable',
        status: 400,
      })
    },
  )

  it('refuses more items than a notice has', () => {
    const json = { deregistrations: Array.from({ length: NOTICE_ITEMS_MAX + 1 }, () => ({})) }
    expect(readNotice(request({ json })).type).toBe('unreadable')
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
    ['/hook?verify=right', 204],
    ['/hook?verify=wrong', 404],
    ['/hook?verify=', 404],
    ['/hook', 404],
    ['https://hub.test/hook?verify=right', 204],
  ])('answers the verification %s by %i', (url, status) => {
    expect(readNotice(request({ provider: FITBIT, method: 'GET', url }))).toEqual({
      type: 'handshake',
      status,
    })
  })

  it('verifies nothing without the code that only the operator knows', () => {
    const bare = { clientId: 'client', clientSecret: 'secret' }
    const url = '/hook?verify=right'
    const looked = request({ provider: FITBIT, method: 'GET', url, credentials: bare })
    expect(readNotice(looked)).toMatchObject({ type: 'rejected', status: 404 })
  })
})

describe('readNotice of Strava', () => {
  const STRAVA = getProvider('STRAVA')
  const deauthorized = {
    object_type: 'athlete',
    object_id: 134815,
    aspect_type: 'update',
    updates: { authorized: 'false' },
    owner_id: 134815,
    subscription_id: 120475,
    event_time: 1516126040,
  }

  it('tells a deauthorized athlete from everything else', () => {
    expect(readNotice(request({ provider: STRAVA, json: deauthorized }))).toEqual({
      type: 'notices',
      isAuthenticated: false,
      notices: [{ type: 'access_revoked', providerAccountId: '134815' }],
      replyStatus: 200,
    })
    for (const json of [
      { ...deauthorized, updates: { title: 'x' } },
      { ...deauthorized, object_type: 'activity' },
    ]) {
      const reading = readNotice(request({ provider: STRAVA, json }))
      expect(reading).toMatchObject({ notices: [{ type: 'ignored' }] })
    }
  })

  it('believes a signature that holds, and asks first where it is missing, wrong or old', () => {
    const body = Buffer.from(JSON.stringify(deauthorized))
    const sign = (seconds: number, secret: string): string =>
      `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex')}`
    const read = (signature: string) => {
      const headers = new Headers({ 'x-strava-signature': signature })
      return readNotice(request({ provider: STRAVA, headers, body }))
    }
    const seconds = NOW_MS / 1000
    expect(read(sign(seconds, 'secret'))).toMatchObject({ isAuthenticated: true })
    for (const signature of [sign(seconds, 'wrong'), sign(seconds - 301, 'secret'), 'nonsense']) {
      expect(read(signature)).toMatchObject({
        isAuthenticated: false,
        notices: [{ type: 'access_revoked' }],
      })
    }
  })

  it('sends the challenge back to whoever knows our token', () => {
    const look = (query: string) =>
      readNotice(request({ provider: STRAVA, method: 'GET', url: `/hook?${query}` }))
    const asked = 'hub.mode=subscribe&hub.challenge=15f7%22d1a9'
    expect(look(`${asked}&hub.verify_token=the-key`)).toEqual({
      type: 'handshake',
      status: 200,
      body: '{"hub.challenge":"15f7\\"d1a9"}',
    })
    expect(look(`${asked}&hub.verify_token=other`)).toMatchObject({ type: 'rejected' })
    expect(look(asked)).toMatchObject({ type: 'rejected' })
  })
})

describe('readNotice of Withings', () => {
  const WITHINGS = getProvider('WITHINGS')
  const post = (form: Record<string, string>) =>
    readNotice(
      request({ provider: WITHINGS, body: Buffer.from(new URLSearchParams(form).toString()) }),
    )

  it.each(['delete', 'unlink'])('reads %s of a person from a form', (action) => {
    expect(post({ userid: '7', appli: '46', action })).toMatchObject({
      isAuthenticated: false,
      notices: [{ type: 'access_revoked', providerAccountId: '7' }],
    })
  })

  it('takes a changed account and new data for no revocation', () => {
    expect(post({ userid: '7', appli: '46', action: 'update' })).toMatchObject({
      notices: [{ type: 'ignored' }],
    })
    expect(post({ userid: '7', appli: '1' })).toMatchObject({ notices: [{ type: 'ignored' }] })
  })
})

describe('readNotice of iHealth', () => {
  const IHEALTH = getProvider('IHEALTH')

  it('takes whatever names a person without being data for a hint', () => {
    const data = { CollectionType: 'bp', UserID: 'a', SubscriptionId: 's', MDate: 1 }
    expect(readNotice(request({ provider: IHEALTH, json: [data, { UserID: 'b' }] }))).toMatchObject(
      {
        isAuthenticated: false,
        notices: [{ type: 'access_revoked', providerAccountId: 'b' }],
      },
    )
  })
})

describe('readNotice of providers that sign with a time', () => {
  const sign = (resource: string, timestamp: string, changes: Partial<NoticeRequest> = {}) => {
    const isOura = resource === 'OURA'
    const body = Buffer.from('{"event":1}')
    const hmac = createHmac('sha256', 'secret').update(timestamp + body.toString())
    const signature = isOura ? hmac.digest('hex').toUpperCase() : hmac.digest('base64')
    const name = isOura ? 'oura' : 'whoop'
    const headers = new Headers({
      [`x-${name}-signature`]: signature,
      [isOura ? 'x-oura-timestamp' : 'x-whoop-signature-timestamp']: timestamp,
    })
    return readNotice(request({ provider: getProvider(resource), body, headers, ...changes }))
  }

  it.each([
    ['OURA', 1_000],
    ['WHOOP', 1],
  ])('accepts what %s signed a moment ago, and nothing old, early or changed', (resource, unit) => {
    const at = (ms: number): string => String(Math.floor((NOW_MS + ms) / unit))
    expect(sign(resource, at(0))).toMatchObject({ type: 'notices', isAuthenticated: true })
    for (const ms of [-301_000, 301_000]) {
      expect(sign(resource, at(ms))).toMatchObject({ reason: 'the notice is too old' })
    }
    expect(sign(resource, 'soon')).toMatchObject({ reason: 'the notice is too old' })
    expect(sign(resource, at(0), { body: Buffer.from('{}') })).toMatchObject({
      reason: 'the signature does not match the body',
    })
  })
})

describe('readNotice of providers that repeat a secret', () => {
  const credentialsOf = (name: string) => ({
    clientId: 'client',
    clientSecret: 'secret',
    secrets: { [name]: 'right' },
  })

  it.each([
    ['right', 'notices'],
    ['wrong', 'rejected'],
    [undefined, 'rejected'],
  ])('compares the token in the body of Wahoo: %s', (token, type) => {
    const one = request({ provider: getProvider('WAHOO'), json: { webhook_token: token } })
    expect(readNotice({ ...one, credentials: credentialsOf('webhookToken') })).toMatchObject({
      type,
    })
  })

  it('answers both halves of the check of Google', () => {
    const check = (headers: Record<string, string>) =>
      readNotice({
        ...request({ provider: getProvider('GOOGLE'), json: { type: 'verification' } }),
        headers: new Headers(headers),
        credentials: credentialsOf('subscriberAuthorization'),
      })
    expect(check({ authorization: 'right' })).toMatchObject({ type: 'handshake', status: 201 })
    expect(check({})).toMatchObject({ type: 'rejected', status: 401 })
  })
})

describe('readNotice of providers that send none', () => {
  it('finds nothing at the address', () => {
    expect(readNotice(request({ provider: getProvider('NOLIO') }))).toMatchObject({
      type: 'rejected',
      status: 404,
    })
  })
})
