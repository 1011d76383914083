/** What the API refuses: each time with one clear problem, and without writing anything. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/errors.ts'
import { type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { type RawRequest, countRows, expectProblem, sendRaw } from '../support/problems.ts'

const JSON_TYPE = { 'content-type': 'application/json' }
const SESSION = '/v2/auth/generateWidgetSession'
const AUTHENTICATE = '/v2/auth/authenticateUser'
const NOBODY = '00000000-0000-4000-8000-000000000000'
const NO_EVENT = '00000000-0000-7000-8000-000000000000'

function post(path: string, body: unknown): RawRequest {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { method: 'POST', path, headers: JSON_TYPE, body: text }
}

async function expectRefused(hub: TestHub, request: RawRequest, code: ErrorCode) {
  const before = await countRows(hub)
  const detail = await expectProblem(await sendRaw(hub, request), code)
  expect(await countRows(hub)).toEqual(before)
  return detail
}

type Case = readonly [what: string, request: RawRequest, code: ErrorCode, detail?: RegExp]

const BODIES: readonly Case[] = [
  ['half a JSON object', post(SESSION, '{"reference_id": "tony'), 'malformed_json'],
  ['two JSON objects', post(SESSION, '{}{}'), 'malformed_json'],
  ['a byte order mark and rubbish', post(SESSION, '\uFEFFx'), 'malformed_json'],
  ['a number', post(SESSION, '42'), 'bad_request'],
  ['null', post(SESSION, 'null'), 'bad_request'],
  ['a list', post(SESSION, []), 'bad_request'],
  ['a text', post(SESSION, '"tony"'), 'bad_request'],
  ['a number as reference_id', post(SESSION, { reference_id: 7 }), 'bad_request', /reference_id/],
  [
    'an object as reference_id',
    post(SESSION, { reference_id: { a: 1 } }),
    'bad_request',
    /reference_id/,
  ],
  [
    'a reference_id of 513 characters',
    post(SESSION, { reference_id: 'x'.repeat(513) }),
    'bad_request',
    /reference_id/,
  ],
  [
    'a null byte in reference_id',
    post(SESSION, '{"reference_id":"tony\\u0000stark"}'),
    'bad_request',
    /reference_id/,
  ],
  [
    'half a character in reference_id',
    post(SESSION, '{"reference_id":"tony\\ud83d"}'),
    'bad_request',
    /reference_id/,
  ],
  [
    'a null byte in authenticateUser',
    post(`${AUTHENTICATE}?resource=GARMIN`, '{"reference_id":"\\u0000"}'),
    'bad_request',
    /reference_id/,
  ],
  ['a text as show_disconnect', post(SESSION, { show_disconnect: 'yes' }), 'bad_request'],
  ['a number as providers', post(SESSION, { providers: 7 }), 'bad_request', /providers/],
  ['numbers in providers', post(SESSION, { providers: [7] }), 'bad_request', /providers/],
  [
    'an unknown provider',
    post(SESSION, { providers: 'GARMIN,PEBBLE' }),
    'resource_unknown',
    /PEBBLE/,
  ],
  ['a language that is none', post(SESSION, { language: 'x'.repeat(36) }), 'bad_request'],
  ['a number as a redirect URL', post(SESSION, { auth_success_redirect_url: 1 }), 'bad_request'],
  ['an unknown resource', post(AUTHENTICATE, { resource: 'PEBBLE' }), 'resource_unknown', /PEBBLE/],
  [
    'a resource of the object’s own',
    post(AUTHENTICATE, { resource: '__proto__' }),
    'resource_unknown',
  ],
  ['a number as resource', post(AUTHENTICATE, { resource: 1 }), 'bad_request', /resource/],
  ['no resource', post(AUTHENTICATE, {}), 'bad_request', /resource is missing/],
  [
    'an empty resource',
    post(`${AUTHENTICATE}?resource=`, {}),
    'bad_request',
    /resource is missing/,
  ],
  [
    'an unknown event type',
    post('/admin/v1/events/generate', { type: 'nap', user_id: NOBODY }),
    'bad_request',
    /type/,
  ],
  [
    'no user for an event',
    post('/admin/v1/events/generate', { type: 'body' }),
    'bad_request',
    /user_id/,
  ],
  [
    'an unknown user for an event',
    post('/admin/v1/events/generate', { type: 'body', user_id: NOBODY }),
    'user_not_found',
  ],
]

const FORMS: readonly Case[] = [
  [
    'another content type',
    { ...post(SESSION, {}), headers: { 'content-type': 'text/plain' } },
    'unsupported_content_type',
    /text\/plain/,
  ],
  [
    'a form',
    {
      method: 'POST',
      path: SESSION,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'reference_id=tony',
    },
    'unsupported_content_type',
  ],
  ['no content type', { method: 'POST', path: SESSION, body: '{}' }, 'unsupported_content_type'],
  [
    'a content type that only begins right',
    { ...post(SESSION, {}), headers: { 'content-type': 'application/jsonp' } },
    'unsupported_content_type',
  ],
  ['65,537 bytes', post(SESSION, `{}${' '.repeat(65_535)}`), 'body_too_large', /65536/],
]

const QUERIES: readonly Case[] = [
  ['page=-1', { path: '/v2/subscriptions?page=-1' }, 'bad_request', /page/],
  ['page=x', { path: '/v2/subscriptions?page=x' }, 'bad_request', /page/],
  ['page=1.5', { path: '/v2/subscriptions?page=1.5' }, 'bad_request', /page/],
  ['page=', { path: '/v2/subscriptions?page=' }, 'bad_request', /page/],
  ['page=0x10', { path: '/v2/subscriptions?page=0x10' }, 'bad_request', /page/],
  ['page=1e3', { path: '/v2/subscriptions?page=1e3' }, 'bad_request', /page/],
  ['page=2^53-1', { path: '/v2/subscriptions?page=9007199254740991' }, 'bad_request', /page/],
  ['page=1e400', { path: `/v2/subscriptions?page=${'9'.repeat(400)}` }, 'bad_request', /page/],
  ['per_page=0', { path: '/v2/subscriptions?page=0&per_page=0' }, 'bad_request', /per_page/],
  ['per_page=5001', { path: '/v2/subscriptions?page=0&per_page=5001' }, 'bad_request', /per_page/],
  ['per_page=many', { path: '/v2/subscriptions?per_page=many' }, 'bad_request', /per_page/],
  ['page twice', { path: '/v2/subscriptions?page=0&page=1' }, 'bad_request', /page is given 2/],
  ['limit=0', { path: '/admin/v1/events?limit=0' }, 'bad_request', /limit/],
  ['limit=501', { path: '/admin/v1/events?limit=501' }, 'bad_request', /limit/],
  ['limit=ten', { path: '/admin/v1/events?limit=ten' }, 'bad_request', /limit/],
  ['after=yesterday', { path: '/admin/v1/events?after=yesterday' }, 'bad_request', /after/],
  ['after=', { path: '/admin/v1/events?after=' }, 'bad_request', /after/],
  ['user_id=%00', { path: '/v2/userInfo?user_id=%00' }, 'bad_request', /null character/],
  ['event_id=%00', { path: '/admin/v1/events/%00' }, 'bad_request', /null character/],
  ['after=%00', { path: '/admin/v1/events?after=%00' }, 'bad_request', /after/],
  ['type twice', { path: '/admin/v1/events?type=auth&type=deauth' }, 'bad_request', /type/],
  ['no user at all', { path: '/v2/userInfo' }, 'bad_request', /user_id or reference_id/],
  ['an empty user', { path: '/v2/userInfo?user_id=' }, 'bad_request', /user_id or reference_id/],
  [
    'two users',
    { path: `/v2/userInfo?user_id=${NOBODY}&user_id=${NOBODY}` },
    'bad_request',
    /user_id is given 2 times/,
  ],
  [
    'two resources',
    { method: 'POST', path: `${AUTHENTICATE}?resource=GARMIN&resource=FITBIT` },
    'bad_request',
    /resource is given 2 times/,
  ],
  [
    'nobody to disconnect',
    { method: 'DELETE', path: '/v2/auth/deauthenticateUser' },
    'bad_request',
    /user_id/,
  ],
]

const NOWHERE: readonly Case[] = [
  ['an unknown path', { path: '/v2/nothing' }, 'not_found'],
  ['the root', { path: '/' }, 'not_found'],
  ['another spelling', { path: '/v2/userinfo?user_id=x' }, 'not_found'],
  ['a path that climbs', { path: '/v2/%2e%2e/%2e%2e/etc/passwd' }, 'not_found'],
  ['a broken encoding', { path: '/v2/%E0%A4%A' }, 'not_found'],
  ['an unknown user', { path: `/v2/userInfo?user_id=${NOBODY}` }, 'user_not_found'],
  ['a user that is no id', { path: '/v2/userInfo?user_id=%27--' }, 'user_not_found'],
  [
    'an unknown user to disconnect',
    { method: 'DELETE', path: `/v2/auth/deauthenticateUser?user_id=${NOBODY}` },
    'user_not_found',
  ],
  ['an unknown event', { path: `/admin/v1/events/${NO_EVENT}` }, 'event_not_found'],
  [
    'the body of an unknown event',
    { path: `/admin/v1/events/${NO_EVENT}/body` },
    'event_not_found',
  ],
  ['an event that is no id', { path: '/admin/v1/events/%27--' }, 'event_not_found'],
]

describe.each([
  { kind: 'a body', cases: BODIES },
  { kind: 'a form of the body', cases: FORMS },
  { kind: 'a query', cases: QUERIES },
  { kind: 'something that is not there', cases: NOWHERE },
])('refuses $kind', ({ cases }) => {
  for (const [what, request, code, detail = /./] of cases) {
    it(`with ${what}`, async () => {
      const hub = await createTestHub()
      expect(await expectRefused(hub, request, code)).toMatch(detail)
      expect(hub.logged).toEqual([])
    })
  }
})

it('refuses a body that is too large and comes in chunks', async () => {
  const hub = await createTestHub()
  const body = new Blob([' '.repeat(200_000)]).stream()
  const request = { method: 'POST', path: SESSION, headers: JSON_TYPE, body }
  expect(await expectRefused(hub, request, 'body_too_large')).toContain('65536')
})

it.each([
  ['without a content type', {}],
  ['with one', JSON_TYPE],
  ['with another one', { 'content-type': 'text/plain' }],
  ['with one that names the charset', { 'content-type': 'application/json; charset=utf-8' }],
])('takes an empty body %s for nothing said', async (_what, headers) => {
  const hub = await createTestHub()
  for (const body of [undefined, '', ' \n ']) {
    const request = { method: 'POST', path: SESSION, headers }
    const response = await sendRaw(hub, body === undefined ? request : { ...request, body })
    expect(response.status).toBe(200)
  }
})

it('takes a body of exactly the size that is allowed', async () => {
  const hub = await createTestHub()
  const response = await sendRaw(hub, post(SESSION, `{}${' '.repeat(65_534)}`))
  expect(response.status).toBe(200)
})

it('takes a reference_id of 512 characters with anything in it that people type', async () => {
  const hub = await createTestHub()
  const referenceId = `"<tony> & 'pepper' \\ 😀 ünï\n\t`.padEnd(512, 'x')
  const landing = await hub.connect('GARMIN', { referenceId })
  expect(landing.searchParams.get('reference_id')).toBe(referenceId)
  expect(hub.app.received[0]?.event).toMatchObject({ reference_id: referenceId })
  const path = `/v2/userInfo?reference_id=${encodeURIComponent(referenceId)}`
  expect((await hub.call('GET', path)).json).toHaveLength(1)
})

describe('a method that a path does not take', () => {
  it.each([
    ['GET', SESSION, 'POST'],
    ['PUT', '/api/widget/session', 'POST'],
    ['GET', AUTHENTICATE, 'POST'],
    ['GET', '/v2/auth/deauthenticateUser', 'DELETE, POST'],
    ['POST', '/v2/userInfo', 'GET'],
    ['DELETE', '/v2/subscriptions', 'GET'],
    ['POST', '/admin/v1/events', 'GET'],
    ['GET', '/admin/v1/events/generate', 'POST'],
    ['DELETE', `/admin/v1/events/${NO_EVENT}`, 'GET'],
    ['POST', `/admin/v1/events/${NO_EVENT}/body`, 'GET'],
    ['POST', '/healthz', 'GET'],
    ['POST', '/openapi.json', 'GET'],
    ['OPTIONS', '/v2/userInfo', 'GET'],
    ['PATCH', '/v2/userInfo', 'GET'],
  ])('%s %s is refused with Allow: %s', async (method, path, allow) => {
    const hub = await createTestHub()
    const response = await sendRaw(hub, { method, path })
    expect(response.headers.get('allow')).toBe(allow)
    await expectProblem(response, 'method_not_allowed')
  })
})

describe('what belongs to another environment', () => {
  it('looks exactly like what does not exist', async () => {
    const hub = await createTestHub()
    const staging = await hub.addEnvironment('acme-staging')
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const [event] = (await hub.call('GET', '/admin/v1/events')).json.data
    const reserved = await hub.call('POST', `${AUTHENTICATE}?resource=GARMIN`)
    for (const [method, foreign, unknown] of [
      ['GET', `/v2/userInfo?user_id=${userId}`, `/v2/userInfo?user_id=${NOBODY}`],
      ['GET', `/v2/userInfo?user_id=${reserved.json.user_id}`, `/v2/userInfo?user_id=${NOBODY}`],
      [
        'DELETE',
        `/v2/auth/deauthenticateUser?user_id=${userId}`,
        `/v2/auth/deauthenticateUser?user_id=${NOBODY}`,
      ],
      ['GET', `/admin/v1/events/${event.id}`, `/admin/v1/events/${NO_EVENT}`],
      ['GET', `/v2/userInfo?reference_id=tony_stark`, `/v2/userInfo?reference_id=nobody`],
      ['GET', `/admin/v1/events?user_id=${userId}`, `/admin/v1/events?user_id=${NOBODY}`],
      ['GET', `/admin/v1/events?lineage_id=${event.lineage_id}`, '/admin/v1/events?lineage_id=x'],
    ] as const) {
      const [one, two] = [await staging.call(method, foreign), await staging.call(method, unknown)]
      // The refusal names the id that was asked for, and tells nothing else.
      expect(withoutIds(one)).toEqual(withoutIds(two))
    }
    const generate = await staging.call('POST', '/admin/v1/events/generate', {
      type: 'body',
      user_id: userId,
    })
    expect(generate).toMatchObject({ status: 404, json: { code: 'user_not_found' } })
    expect((await staging.call('GET', '/v2/subscriptions')).json.users).toEqual([])
    expect(hub.app.accepted).toEqual(['auth'])
  })
})

describe('docs/errors.md', () => {
  it('lists every code with its status, and whether trying again can help', async () => {
    const markdown = await readFile(new URL('../../../../docs/errors.md', import.meta.url), 'utf8')
    const rows = [...markdown.matchAll(/^\| `(\w+)` +\| (\d+) +\| (yes|no) /gm)]
    const listed = rows.map(([, code = '', status, retryable]) => [
      code,
      { status: Number(status), retryable: retryable === 'yes' },
    ])
    const known = Object.entries(ERRORS).map(([code, { status, retryable }]) => [
      code,
      { status, retryable },
    ])
    expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(known))
  })
})

describe('what nobody foresaw', () => {
  it('answers 500 with a request id, and keeps its text for the log', async () => {
    const hub = await createTestHub()
    const link = await hub.createLink()
    await hub.database.execute('ALTER TABLE api_key RENAME TO gone')
    const response = await sendRaw(hub, { path: '/v2/subscriptions' })
    const requestId = response.headers.get('x-request-id') ?? 'none'
    const detail = await expectProblem(response, 'internal')
    expect(detail).toContain(requestId)
    expect(detail).not.toMatch(/api_key|table|sqlite/i)
    expect(hub.logged).toEqual(['a request failed'])
    expect(hub.logLines.join()).toContain(requestId)
    await hub.database.execute('ALTER TABLE widget_session RENAME TO lost')
    const page = await fetch(link)
    expect(page.status).toBe(500)
    const text = await page.text()
    expect(text).toContain('Something went wrong here')
    expect(text).not.toMatch(/widget_session|table|sqlite/i)
    // The token of the link is a secret.
    expect(hub.logLines.join()).not.toContain(link.slice(-43))
  })
})

/** An answer without the path that was asked for. */
function withoutIds({ status, json }: { status: number; json: object }): string {
  const text = JSON.stringify({ status, ...json, instance: '' })
  return text.replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, 'ID')
}
