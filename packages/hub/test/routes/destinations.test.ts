/** Destinations through the API. */
import { createPublicKey, verify } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { expectProblem, sendRaw } from '../support/problems.ts'

const BASE = '/admin/v1/destinations'

/** The only destination that the hub begins with. */
async function own(hub: TestHub): Promise<string> {
  const { json } = await hub.call('GET', BASE)
  return `${BASE}/${json.data[0].id}`
}

describe('destinations', () => {
  it('are added with their secret, listed without it, changed and read with their health', async () => {
    const hub = await createTestHub()
    const added = await hub.call('POST', BASE, {
      url: `${hub.app.url}?second`,
      event_types: ['deauth'],
      headers: { Authorization: 'Bearer secret-of-the-app' },
      retries: { base_seconds: 5, cap_seconds: 60, window_hours: 24 },
    })
    expect(added).toMatchObject({ status: 201, json: { secret: expect.stringMatching(/^whsec_/) } })
    const path = `${BASE}/${added.json.id}`
    const changed = await hub.call('PATCH', path, { event_types: null, concurrency: 2 })
    expect(changed).toMatchObject({
      status: 200,
      json: {
        event_types: null,
        concurrency: 2,
        header_names: ['authorization'],
        timeout_ms: 8_000,
      },
    })
    const page = await hub.call('GET', `${BASE}?limit=1`)
    expect(page.json.data).toHaveLength(1)
    const rest = await hub.call('GET', `${BASE}?limit=1&after=${page.json.next}`)
    expect(rest.json).toMatchObject({ data: [{ id: added.json.id }], next: null })
    expect(JSON.stringify(rest.json)).not.toMatch(/secret|whsec/)
    await hub.connect('GARMIN')
    await hub.hub.settle()
    expect((await hub.call('GET', path)).json.health).toEqual({
      breaker: 'closed',
      failing_since: null,
      failures: 0,
      next_probe_at: null,
      connections_next_probe_at: null,
      quiet_until: null,
      connections_quiet_until: null,
      owed: 0,
      oldest_owed_at: null,
      recent: { delivered: 1, failed: 0, attempts: 1 },
    })
    const received = hub.app.received.find(({ headers }) => 'authorization' in headers)
    expect(received?.headers['authorization']).toBe('Bearer secret-of-the-app')
    const audit = await hub.call('GET', '/admin/v1/audit?limit=2')
    expect(audit.json.data.map(({ action }: { action: string }) => action)).toEqual([
      'destination.update',
      'destination.create',
    ])
  })

  it('say until when they asked to be left alone', async () => {
    const hub = await createTestHub()
    const path = await own(hub)
    hub.app.answer = () => ({ status: 503, headers: { 'retry-after': '600' } })
    await hub.connect('GARMIN')
    await hub.hub.settle()
    const { quiet_until: until } = (await hub.call('GET', path)).json.health
    expect(Date.parse(until)).toBe(hub.clock.nowMs() + 600_000)
    const { json } = await hub.call('GET', path)
    expect(json.health.connections_quiet_until).toBe(until)
    const stats = await hub.call('GET', '/admin/v1/stats')
    expect(stats.json.destinations[0].quiet_until).toBe(until)
    hub.app.answer = () => ({ status: 200 })
    await hub.advanceByMs(600_000)
    expect((await hub.call('GET', path)).json.health).toMatchObject({ quiet_until: null, owed: 0 })
  })

  it('are sent what they are owed as soon as they have another address', async () => {
    const hub = await createTestHub()
    const path = await own(hub)
    hub.app.answer = () => ({ status: 503, headers: { 'retry-after': '600' } })
    await hub.connect('GARMIN')
    await hub.hub.settle()
    await hub.connect('OURA')
    await hub.hub.settle()
    hub.app.answer = () => ({ status: 200 })
    const before = hub.app.received.length
    await hub.call('PATCH', path, { timeout_ms: 5_000 })
    await hub.hub.settle()
    expect(hub.app.received).toHaveLength(before)
    await hub.call('PATCH', path, { url: hub.app.url })
    await hub.hub.settle()
    const sent = hub.app.received.slice(before).map(({ event }) => event['type'])
    expect(sent).toContain('auth')
  })

  it('hold what they are owed while they are disabled, and send it in order when they are not', async () => {
    const hub = await createTestHub()
    const path = await own(hub)
    const disabled = await hub.call('POST', `${path}/disable`, { reason: 'maintenance' })
    expect(disabled.json).toMatchObject({ status: 'disabled', disabled_reason: 'maintenance' })
    for (let i = 0; i < 3; i += 1) await hub.connect('GARMIN')
    await hub.advanceByMs(2 * 3_600_000)
    expect(hub.app.received).toEqual([])
    expect((await hub.call('GET', path)).json.health).toMatchObject({ owed: 5 })
    await hub.call('POST', `${path}/enable`)
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth', 'user_reauth', 'auth', 'user_reauth', 'auth'])
  })

  it('suppress what they are owed when they are deleted, and are gone', async () => {
    const hub = await createTestHub()
    const path = await own(hub)
    await hub.call('POST', `${path}/disable`)
    await hub.connect('GARMIN')
    expect((await hub.call('DELETE', path)).status).toBe(200)
    const { json } = await hub.call('GET', '/admin/v1/events')
    expect(json.data[0].deliveries).toMatchObject([
      { status: 'suppressed', reason: 'destination_deleted' },
    ])
    expect((await hub.call('GET', BASE)).json.data).toEqual([])
    expect((await hub.call('GET', '/admin/v1/ledger')).json).toMatchObject({
      balanced: true,
      events: 1,
      totals: { suppressed: 1 },
      suppressed_reasons: { destination_deleted: 1 },
      discrepancies: [],
    })
    const again = await expectProblem(await sendRaw(hub, { path }), 'destination_not_found')
    expect(again).toContain('destination not found: this environment has none with the id')
    await hub.connect('FITBIT')
    expect((await hub.call('GET', '/admin/v1/events?limit=1')).json.data[0].deliveries).toEqual([])
  })

  it('sign with both secrets until the grace is over', async () => {
    const hub = await createTestHub()
    const path = await own(hub)
    const { json } = await hub.call('POST', `${path}/secrets`, { grace_hours: 1 })
    const verifies = (secret: string): boolean => {
      const { body = '', headers = {} } = hub.app.received.at(-1) ?? {}
      const time = Number(headers['webhook-timestamp'])
      const signed = new Webhook(secret).sign(
        String(headers['webhook-id']),
        new Date(time * 1_000),
        body,
      )
      return String(headers['webhook-signature']).split(' ').includes(signed)
    }
    await hub.connect('GARMIN')
    await hub.hub.settle()
    expect([verifies(json.secret), verifies(hub.destinationSecret)]).toEqual([true, true])
    await hub.advanceByMs(3_600_000)
    await hub.connect('FITBIT')
    await hub.hub.settle()
    expect([verifies(json.secret), verifies(hub.destinationSecret)]).toEqual([true, false])
  })

  it('refuse a sixth secret while five earlier ones still sign', async () => {
    const hub = await createTestHub()
    const path = await own(hub)
    for (let i = 0; i < 5; i += 1) await hub.call('POST', `${path}/secrets`)
    const refused = await sendRaw(hub, { method: 'POST', path: `${path}/secrets` })
    expect(await expectProblem(refused, 'conflict')).toMatch(/grace/)
  })

  it('sign with Ed25519 under a key that everybody can look up', async () => {
    const hub = await createTestHub()
    const path = await own(hub)
    const added = await hub.call('POST', `${path}/secrets`, { kind: 'ed25519' })
    expect(added.json.public_key).toMatch(/^whpk_/)
    await hub.connect('GARMIN')
    await hub.hub.settle()
    const answer = await fetch(`${hub.url}/.well-known/jwks/acme-testing`)
    const { keys } = (await answer.json()) as { keys: { kid: string; x: string }[] }
    expect(keys.map(({ kid }) => kid)).toEqual([added.json.key_id])
    const { headers = {}, body = '' } = hub.app.received[0] ?? {}
    const signature = /v1a,(\S+)/.exec(String(headers['webhook-signature']))?.[1] ?? ''
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: keys[0]?.x ?? '' },
      format: 'jwk',
    })
    const message = [headers['webhook-id'], headers['webhook-timestamp'], body].join('.')
    expect(verify(null, Buffer.from(message), key, Buffer.from(signature, 'base64'))).toBe(true)
  })

  it('are tested by a signed event on the path of all others', async () => {
    const hub = await createTestHub()
    const path = await own(hub)
    hub.app.answer = () => ({ status: 418, body: 'teapot' })
    const { json } = await hub.call('POST', `${path}/test`)
    expect(json).toMatchObject({
      number: 1,
      http_status: 418,
      response_body: 'teapot',
      error: null,
    })
    const { headers = {}, body = '' } = hub.app.received[0] ?? {}
    expect(JSON.parse(body)).toMatchObject({ type: 'healthcheck' })
    expect(headers['webhook-signature']).toMatch(/^v1,/)
    // The guard stands in this way as in every other.
    await hub.call('PATCH', path, { url: 'http://169.254.169.254/latest' })
    const refused = await hub.call('POST', `${path}/test`)
    expect(refused.json).toMatchObject({ http_status: null, error: 'address_refused' })
    expect((await hub.call('GET', '/admin/v1/events')).json.data).toEqual([])
  })

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['a scheme that is no web address', { url: 'ftp://x.example/' }, /http or https/],
    ['a password in the address', { url: 'https://u:p@x.example/' }, /user name/],
    ['a header of ours', { headers: { 'Webhook-Id': 'x' } }, /not yours/],
    ['a header with a line feed', { headers: { 'x-a': 'a\nb' } }, /printable/],
    ['a type with a typing error', { event_types: ['auth', 'deuath'] }, /did you mean deauth\?/],
    ['what is no list', { event_types: 'auth' }, /event_types: must name 1 to 100/],
    ['what is no truth', { wants_extensions: 'yes' }, /wants_extensions: must be true or false/],
    ['a filter that takes nothing', { event_types: [] }, /null takes all/],
    ['a timeout beyond the lease', { timeout_ms: 60_000 }, /timeout_ms/],
    ['no places', { concurrency: 0 }, /concurrency/],
    [
      'a base beyond the cap',
      { retries: { base_seconds: 9, cap_seconds: 5, window_hours: 1 } },
      /longer than its cap/,
    ],
  ])('refuse %s', async (_what, change, message) => {
    const hub = await createTestHub()
    const request = {
      method: 'PATCH',
      path: await own(hub),
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(change),
    }
    expect(await expectProblem(await sendRaw(hub, request), 'bad_request')).toMatch(message)
  })

  it('of another environment look like none', async () => {
    const hub = await createTestHub()
    const path = await own(hub)
    const other = await hub.addEnvironment('acme-staging')
    const statuses: number[] = []
    for (const [method, sub] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/enable'],
      ['POST', '/disable'],
      ['POST', '/test'],
      ['POST', '/secrets'],
    ] as const) {
      const body = method === 'GET' ? undefined : {}
      statuses.push((await other.call(method, `${path}${sub}`, body)).status)
    }
    expect(new Set(statuses)).toEqual(new Set([404]))
  })
})
