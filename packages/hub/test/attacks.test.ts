/** What strangers try: with a link, with a state, with a form, with an address. */
import { request as httpRequest } from 'node:http'
import { describe, expect, it } from 'vitest'
import { type Person, createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub, types } from './support/create-test-hub.ts'

async function text(response: Response): Promise<string> {
  return await response.text()
}

/** Victor is at his provider's consent page; his callback has not been opened yet. */
async function victorDecides(hub: TestHub) {
  const victor = createPerson({ login: 'victor' })
  const link = await hub.createLink({ reference_id: 'victor' })
  const callback = await victor.authorize(await hub.choose(victor, link, 'GARMIN'))
  return { victor, link, callback }
}

async function finish(hub: TestHub, person: Person, callback: URL): Promise<string> {
  const arrival = await person.request(callback)
  await hub.hub.settle()
  return arrival.headers.get('location') ?? ''
}

describe('a link in a second browser', () => {
  it('of the connect page is turned away and disturbs nothing', async () => {
    const hub = await createTestHub()
    const { victor, link, callback } = await victorDecides(hub)
    const mallory = createPerson({ login: 'mallory' })
    const page = await mallory.request(link)
    expect(page.status).toBe(403)
    expect(page.headers.get('set-cookie')).toBeNull()
    expect(await text(page)).toContain('This link was opened in another browser')
    for (const form of ['connect', 'cancel', 'disconnect']) {
      const body = new URLSearchParams({ provider: 'FITBIT', user_id: 'x' })
      expect((await mallory.request(`${link}/${form}`, body)).status).toBe(403)
    }
    expect(await finish(hub, victor, callback)).toContain('user_id=')
    expect(types(hub)).toEqual(['auth'])
  })

  it('of authenticateUser is turned away and disturbs nothing', async () => {
    const hub = await createTestHub()
    const victor = createPerson({ login: 'victor' })
    const { json } = await hub.call('POST', '/v2/auth/authenticateUser?resource=GARMIN', {
      auth_success_redirect_url: 'https://app.example/ok',
    })
    const departure = await victor.request(json.auth_url)
    const page = await createPerson({ login: 'mallory' }).request(json.auth_url)
    expect(page.status).toBe(403)
    const callback = await victor.authorize(departure.headers.get('location') ?? '')
    expect(await finish(hub, victor, callback)).toContain(`user_id=${json.user_id}`)
  })

  it('is given to exactly one of fifty browsers that come at once', async () => {
    const hub = await createTestHub()
    const link = await hub.createLink()
    const visits = await Promise.all(
      Array.from({ length: 50 }, async () => await createPerson({ login: 'x' }).request(link)),
    )
    expect(visits.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(visits.filter(({ status }) => status === 403)).toHaveLength(49)
  })

  it('is not taken away by a form that comes before the page was opened', async () => {
    const hub = await createTestHub()
    const link = await hub.createLink()
    const mallory = createPerson({ login: 'mallory' })
    const form = new URLSearchParams({ provider: 'GARMIN' })
    for (const path of ['connect', 'cancel', 'disconnect']) {
      expect((await mallory.request(`${link}/${path}`, form)).status).toBe(403)
    }
    expect(await hub.rows('SELECT id FROM flow')).toEqual([])
    expect((await createPerson({ login: 'victor' }).request(link)).status).toBe(200)
  })
})

describe('a callback', () => {
  it('without the cookie neither finishes nor ends the attempt', async () => {
    const hub = await createTestHub()
    const { victor, callback } = await victorDecides(hub)
    const denied = new URL(callback)
    denied.searchParams.delete('code')
    denied.searchParams.set('error', 'access_denied')
    for (const stolen of [callback, denied]) {
      const page = await fetch(stolen, { redirect: 'manual' })
      expect(page.status).toBe(403)
    }
    expect(await hub.rows('SELECT status FROM flow')).toEqual([{ status: 'at_provider' }])
    expect(types(hub)).toEqual([])
    expect(await finish(hub, victor, callback)).toContain('user_id=')
  })

  it('with the cookie of somebody else neither finishes nor ends the attempt', async () => {
    const hub = await createTestHub()
    const { victor, callback } = await victorDecides(hub)
    const mallory = createPerson({ login: 'mallory' })
    await hub.choose(mallory, await hub.createLink({ reference_id: 'mallory' }), 'GARMIN')
    expect((await mallory.request(callback)).status).toBe(403)
    // A cookie of the right name and a wrong value.
    const [flow] = await hub.rows(
      'SELECT widget_session_id AS id FROM flow ORDER BY created_at_ms LIMIT 1',
    )
    const forged = await fetch(callback, {
      redirect: 'manual',
      headers: { cookie: `firma-${String(flow?.['id'])}=${'A'.repeat(43)}` },
    })
    expect(forged.status).toBe(403)
    expect(types(hub)).toEqual([])
    expect(await finish(hub, victor, callback)).toContain('user_id=')
  })

  it.each([
    ['forged', (url: URL) => url.searchParams.set('state', 'A'.repeat(43))],
    ['missing', (url: URL) => url.searchParams.delete('state')],
    ['empty', (url: URL) => url.searchParams.set('state', '')],
    [
      'that of another provider',
      (url: URL) => (url.pathname = url.pathname.replace('GARMIN', 'FITBIT')),
    ],
    [
      'that of another environment',
      (url: URL) => (url.pathname = url.pathname.replace(DEV_ID, 'acme-staging')),
    ],
    [
      'that of an environment that does not exist',
      (url: URL) => (url.pathname = url.pathname.replace(DEV_ID, 'nobody')),
    ],
  ])('whose state is %s is refused, and the right one still works', async (_what, forge) => {
    const hub = await createTestHub()
    await hub.addEnvironment('acme-staging')
    const { victor, callback } = await victorDecides(hub)
    const forged = new URL(callback)
    forge(forged)
    const page = await victor.request(forged)
    expect(page.status).toBe(400)
    expect(await text(page)).toContain('does not belong to a connection that is under way')
    expect(types(hub)).toEqual([])
    expect(await finish(hub, victor, callback)).toContain('user_id=')
  })

  it('whose state has expired ends as expired', async () => {
    const hub = await createTestHub()
    const { victor, callback } = await victorDecides(hub)
    // Exactly at the end, before any worker has had a turn.
    hub.clock.moveTo(hub.clock.nowMs() + 10 * 60_000)
    expect(await finish(hub, victor, callback)).toContain('reason=expired')
    await hub.advanceByMs(60_000)
    expect(types(hub)).toEqual(['auth_cancelled'])
  })

  it.each([
    ['another code', (url: URL) => url.searchParams.set('code', 'forged')],
    ['no code', (url: URL) => url.searchParams.delete('code')],
    ['two codes', (url: URL) => url.searchParams.append('code', 'second')],
    ['two states', (url: URL) => url.searchParams.append('state', 'second')],
  ])('with %s ends the attempt without connecting', async (_what, change) => {
    const hub = await createTestHub()
    const { victor, callback } = await victorDecides(hub)
    const changed = new URL(callback)
    change(changed)
    expect(await finish(hub, victor, changed)).toMatch(/reason=[a-z_]+/)
    expect(types(hub)).toEqual(['auth_cancelled'])
    expect(await hub.rows('SELECT * FROM connection')).toEqual([])
    expect(await finish(hub, victor, callback)).toMatch(/reason=[a-z_]+/)
    expect(types(hub)).toEqual(['auth_cancelled'])
  })
})

describe('somebody else’s watch', () => {
  it('does not get into Victor’s account when Mallory hands him her callback', async () => {
    const hub = await createTestHub()
    const mallory = createPerson({ login: 'mallory' })
    const link = await hub.createLink({ reference_id: 'victor' })
    const callback = await mallory.authorize(await hub.choose(mallory, link, 'GARMIN'))
    const victor = createPerson({ login: 'victor' })
    expect((await victor.request(callback)).status).toBe(403)
    expect(types(hub)).toEqual([])
  })

  it('does not get there with her code in his own callback either', async () => {
    const hub = await createTestHub()
    const { victor, callback } = await victorDecides(hub)
    const mallory = createPerson({ login: 'mallory' })
    const hers = await mallory.authorize(
      await hub.choose(mallory, await hub.createLink({ reference_id: 'mallory' }), 'GARMIN'),
    )
    const mixed = new URL(callback)
    mixed.searchParams.set('code', hers.searchParams.get('code') ?? '')
    // PKCE: her code was made for her verifier.
    expect(await finish(hub, victor, mixed)).toMatch(/reason=invalid_grant/)
    expect(await hub.rows('SELECT * FROM connection')).toEqual([])
  })
})

describe('an attempt of somebody else', () => {
  it('cannot be told from one that does not exist', async () => {
    const hub = await createTestHub()
    await victorDecides(hub)
    const [flow] = await hub.rows('SELECT id FROM flow')
    const foreign = await fetch(`${hub.url}/flow/${String(flow?.['id'])}`)
    const unknown = await fetch(`${hub.url}/flow/00000000-0000-4000-8000-000000000000`)
    expect([foreign.status, await text(foreign)]).toEqual([unknown.status, await text(unknown)])
  })

  it('cannot be opened by the id of its session', async () => {
    const hub = await createTestHub()
    await victorDecides(hub)
    const [session] = await hub.rows('SELECT id, token_hash FROM widget_session')
    for (const guess of [session?.['id'], session?.['token_hash'], '', 'x', '%00', "' OR 1=1 --"]) {
      const page = await fetch(`${hub.url}/session/${encodeURIComponent(String(guess))}`)
      expect(page.status).toBe(404)
      expect(page.headers.get('content-type')).toContain('text/html')
    }
  })
})

describe('an address', () => {
  it('of the hub never comes from the request', async () => {
    const hub = await createTestHub()
    const { port } = new URL(hub.url)
    const answer = await new Promise<string>((resolve, reject) => {
      const request = httpRequest(
        {
          host: '127.0.0.1',
          port,
          method: 'POST',
          path: '/v2/auth/generateWidgetSession',
          headers: {
            host: 'evil.example',
            'x-forwarded-host': 'evil.example',
            'x-forwarded-proto': 'https',
            forwarded: 'host=evil.example;proto=https',
            'dev-id': DEV_ID,
            'x-api-key': hub.apiKey,
          },
        },
        (response) => {
          let body = ''
          response.on('data', (chunk) => (body += String(chunk)))
          response.on('end', () => resolve(body))
        },
      )
      request.on('error', reject)
      request.end()
    })
    expect(JSON.parse(answer).url.startsWith(`${hub.url}/session/`)).toBe(true)
    expect(answer).not.toContain('evil')
    const link = new URL(JSON.parse(answer).url)
    const inside = new Request(`https://evil.example${link.pathname}`)
    expect(await text(await hub.hub.fetch(inside))).not.toContain('evil')
  })

  it('in a parameter of a page leads nowhere', async () => {
    const hub = await createTestHub()
    const names = [
      'url',
      'next',
      'redirect',
      'redirect_uri',
      'return_to',
      'auth_success_redirect_url',
    ]
    const query = new URLSearchParams(
      Object.fromEntries(names.map((name) => [name, 'https://evil.example/'])),
    ).toString()
    const { victor, link, callback } = await victorDecides(hub)
    for (const url of [`${link}?${query}`, `${callback.href}&${query}`]) {
      const response = await victor.request(url)
      expect(await text(response)).not.toContain('evil')
      expect(response.headers.get('location') ?? '').not.toContain('evil')
    }
  })

  it.each([
    'javascript:alert(1)',
    'JaVaScRiPt://app.example/%0aalert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://app.example/1',
    'about:blank',
    'ftp://app.example/',
    'acme://connected',
    '//evil.example/',
    '/connected',
    'app.example/connected',
    'https:app.example',
    'https:/evil.example',
    'https:///evil.example',
    'https://',
    'https://tony:secret@app.example/',
    'https://app.example@evil.example/',
    'https://@evil.example/',
    'https://app.example\\@evil.example/',
    'https:\\\\evil.example',
    'https://app.example/a b',
    ' https://app.example/',
    'https://app.example/\n',
    'https://app.example/\r\nset-cookie:a=b',
    'https://app.example/\u0000',
    'https://app.example/größe',
    'https://аpp.example/',
    'https://[::1',
    'https://app.example:99999/',
    `https://app.example/${'x'.repeat(2_048)}`,
  ])('like %j is refused, wherever an app may name one', async (url) => {
    const hub = await createTestHub()
    for (const name of ['auth_success_redirect_url', 'auth_failure_redirect_url']) {
      for (const path of [
        '/v2/auth/generateWidgetSession',
        '/v2/auth/authenticateUser?resource=GARMIN',
      ]) {
        const { status, json } = await hub.call('POST', path, { [name]: url })
        expect([path, name, status]).toEqual([path, name, 400])
        expect(['redirect_url_refused', 'bad_request']).toContain(json.code)
        expect(json.detail).toContain(name)
      }
    }
    expect(await hub.rows('SELECT id FROM widget_session')).toEqual([])
    expect(await hub.rows('SELECT id FROM flow')).toEqual([])
  })

  it('must be on the list where the environment has one', async () => {
    const allowList = ['https://app.example/connected']
    const hub = await createTestHub({ settings: { redirects: { schemes: [], allowList } } })
    const statusOf = async (url: string) =>
      (await hub.call('POST', '/v2/auth/generateWidgetSession', { auth_success_redirect_url: url }))
        .status
    expect(await statusOf('https://app.example/connected?tab=devices#top')).toBe(200)
    for (const url of [
      'https://app.example/connected/..',
      'https://app.example/other',
      'https://app.example:8443/connected',
      'http://app.example/connected',
      'https://app.example.evil.example/connected',
      'https://evil.example/connected',
    ]) {
      expect([url, await statusOf(url)]).toEqual([url, 400])
    }
  })
})
