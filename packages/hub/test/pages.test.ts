/** The pages that people see: what they carry, what they never show, and what binds them to a browser. */
import { createHash } from 'node:crypto'
import { openSqlite } from 'firma-receiver/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createEnvironment, enableProvider } from '../src/operations/set-up.ts'
import { type Person, createPerson } from '../src/simulator/person.ts'
import { type TestHub, createTestHub } from './support/create-test-hub.ts'
import { openWatchedHub } from './support/watched-hub.ts'

/** Every kind of page, by what it shows. */
async function everyPage(hub: TestHub): Promise<[string, Response][]> {
  const tony = createPerson({ login: 'tony' })
  const stranger = createPerson({ login: 'stranger' })
  const noUrls = { auth_success_redirect_url: null, auth_failure_redirect_url: null }
  const link = await hub.createLink(noUrls)
  const pages: [string, Response][] = [['choice', await tony.request(link)]]
  pages.push(['opened elsewhere', await stranger.request(link)])
  pages.push(['wrong provider', await post(tony, `${link}/connect`, { provider: 'PEBBLE' })])
  pages.push(['form without a field', await post(tony, `${link}/connect`, {})])
  pages.push(['cancelled', await post(tony, `${link}/cancel`, {})])
  const denied = await tony.authorize(await hub.choose(tony, link, 'GARMIN'), { decision: 'deny' })
  const failed = await tony.request(denied)
  pages.push(['failed', await tony.request(failed.headers.get('location') ?? '')])
  const allowed = await tony.authorize(await hub.choose(tony, link, 'GARMIN'))
  const done = await tony.request(allowed)
  pages.push(['connected', await tony.request(done.headers.get('location') ?? '')])
  pages.push(['used', await tony.request(link)])
  pages.push(['stolen state', await stranger.request(allowed)])
  pages.push(['unknown link', await tony.request(`${hub.url}/session/nothing`)])
  pages.push(['unknown direct link', await tony.request(`${hub.url}/connect/nothing`)])
  pages.push(['unknown state', await tony.request(allowed.href.replace(/state=[^&]*/, 'state=x'))])
  pages.push(['unknown flow', await tony.request(`${hub.url}/flow/nothing`)])
  pages.push(['no page', await tony.request(`${hub.url}/session/a/b/c`)])
  const late = await hub.createLink(noUrls)
  hub.clock.moveTo(hub.clock.nowMs() + 15 * 60_000)
  pages.push(['expired', await tony.request(late)])
  await hub.database.execute('ALTER TABLE flow RENAME TO gone')
  pages.push(['failure of ours', await tony.request(`${hub.url}/flow/x`)])
  return pages
}

async function post(person: Person, url: string, fields: Record<string, string>) {
  return await person.request(url, new URLSearchParams(fields))
}

const OUR_SCRIPT = /<script type="module">([\s\S]*?)<\/script>/

/** The page without the one script that its policy allows. */
function withoutOurScript(html: string): string {
  return html.replace(OUR_SCRIPT, '')
}

describe('every page', () => {
  it('has the headers that keep it out of frames, caches and other sites’ logs', async () => {
    const hub = await createTestHub()
    for (const [what, page] of await everyPage(hub)) {
      const headers = Object.fromEntries(page.headers)
      expect([what, headers]).toEqual([
        what,
        expect.objectContaining({
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': expect.stringMatching(
            /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; frame-ancestors 'none'; base-uri 'none'$/,
          ),
          'referrer-policy': 'no-referrer',
          'cache-control': 'no-store',
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
        }),
      ])
    }
  })

  it('has the style and script that its policy allows, and nothing from elsewhere', async () => {
    const hub = await createTestHub()
    for (const [what, page] of await everyPage(hub)) {
      const policy = page.headers.get('content-security-policy') ?? ''
      const html = await page.text()
      const style = /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? ''
      const script = OUR_SCRIPT.exec(html)?.[1] ?? ''
      for (const [kind, text] of Object.entries({ style, script })) {
        const hash = createHash('sha256').update(text).digest('base64')
        expect([what, policy]).toEqual([
          what,
          expect.stringContaining(`${kind}-src 'sha256-${hash}'`),
        ])
      }
      expect(withoutOurScript(html)).not.toMatch(
        /<script|<img|<link|<iframe|@import|url\(|\sstyle=|\son\w+=/i,
      )
      expect(html).toMatch(/^<!doctype html>/)
      expect(html).toContain('<html lang="en" dir="ltr">')
      expect(html).toMatch(/<title>[^<]+<\/title>/)
      expect(html.match(/<h1>/g)).toHaveLength(1)
    }
  })

  it('redirects with 303 only, uncached and without a referrer', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink({ show_disconnect: true })
    await tony.request(link)
    const direct = await hub.call('POST', '/v2/auth/authenticateUser?resource=FITBIT', {})
    const departure = await post(tony, `${link}/connect`, { provider: 'GARMIN' })
    const callback = await tony.authorize(departure.headers.get('location') ?? '')
    const redirects = [
      departure,
      await post(tony, `${link}/cancel`, {}),
      await tony.request(callback),
      await post(tony, `${link}/disconnect`, { user_id: 'x' }),
      await tony.request(direct.json.auth_url),
    ]
    for (const { status, headers } of redirects) {
      expect(status).toBe(303)
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
    }
  })
})

describe('text from elsewhere', () => {
  const EVIL = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`

  it('of the app is shown as text', async () => {
    const hub = await createTestHub()
    const name = EVIL
    await hub.rows('UPDATE environment SET name = ?', name)
    const link = await hub.createLink({ reference_id: EVIL, show_disconnect: true })
    const html = await (await fetch(link)).text()
    expect(html).toContain('&lt;script&gt;')
    expect(withoutOurScript(html)).not.toMatch(/<script|<img/)
  })

  it('of the provider is not repeated, on pages and in addresses', async () => {
    for (const urls of [{}, { auth_failure_redirect_url: null }]) {
      const hub = await createTestHub()
      const tony = createPerson({ login: 'tony' })
      const link = await hub.createLink(urls)
      const callback = await tony.authorize(await hub.choose(tony, link, 'GARMIN'))
      const forged = new URL(callback)
      forged.searchParams.delete('code')
      forged.searchParams.set('error', EVIL)
      forged.searchParams.set('error_description', EVIL)
      forged.searchParams.set('error_uri', 'https://evil.example/')
      const arrival = await tony.request(forged)
      const location = arrival.headers.get('location') ?? ''
      expect(location).not.toMatch(/script|evil/)
      const page = location.startsWith(hub.url) ? await (await tony.request(location)).text() : ''
      expect(withoutOurScript(page)).not.toMatch(/<script|<img|evil/)
      await hub.hub.settle()
      expect(hub.app.received.map(({ event }) => event)).toMatchObject([
        { type: 'auth_cancelled', reason: 'unknown_error' },
      ])
    }
  })

  it('of an unknown provider in a form is not repeated as markup', async () => {
    const hub = await createTestHub()
    const tony = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    await tony.request(link)
    const page = await post(tony, `${link}/connect`, { provider: EVIL })
    expect(withoutOurScript(await page.text())).not.toMatch(/<script|<img/)
  })
})

describe('the cookie', () => {
  it('is for this link, this host and no script, and ends with the attempt', async () => {
    const hub = await createTestHub()
    const cookie = (await fetch(await hub.createLink())).headers.get('set-cookie') ?? ''
    const [session] = await hub.rows('SELECT id FROM widget_session')
    expect(cookie).toMatch(/^firma-[0-9a-f-]{36}=[\w-]{43}; /)
    expect(cookie).toContain(String(session?.['id']))
    expect(cookie.split('; ').slice(1)).toEqual([
      'Path=/',
      'Max-Age=1500',
      'HttpOnly',
      'SameSite=Lax',
    ])
  })

  it('is bound to https and the host where the hub is reached by https', async () => {
    const { send, link, authUrl } = await openSecureHub()
    for (const url of [link, authUrl]) {
      expect(url.startsWith('https://connect.example/')).toBe(true)
      const cookie = (await send(url)).headers.get('set-cookie') ?? ''
      expect(cookie).toMatch(/^__Host-firma-[0-9a-f-]{36}=[\w-]{43}; /)
      expect(cookie.split('; ').slice(1)).toEqual([
        'Path=/',
        'Max-Age=1500',
        'HttpOnly',
        'SameSite=Lax',
        'Secure',
      ])
      const value = cookie.split(';')[0] ?? ''
      expect((await send(url, { headers: { cookie: value } })).status).toBeLessThan(400)
      // The name without the prefix could be set by another host of the domain.
      const weak = value.replace('__Host-', '')
      expect((await send(url, { headers: { cookie: weak } })).status).toBe(403)
    }
  })
})

/** A hub as in production, behind a proxy that speaks https. */
async function openSecureHub() {
  const sqlite = await openSqlite(':memory:')
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const hub = await openWatchedHub({
    baseUrl: 'https://connect.example',
    sqlite,
    keys: { primaryId: 'test', keys: new Map([['test', new Uint8Array(32).fill(7)]]) },
    log,
  })
  onTestFinished(async () => {
    await hub.close()
    await sqlite.close()
  })
  const { apiKey } = await createEnvironment(hub.deps, { id: 'acme', name: 'Acme' })
  await enableProvider(hub.deps, {
    environmentId: 'acme',
    provider: 'GARMIN',
    clientId: 'client',
    clientSecret: 'secret',
    noticeKey: 'key',
    originOverrides: {},
  })
  const send = async (url: string, init?: RequestInit) => await hub.fetch(new Request(url, init))
  const call = async (path: string) => {
    const headers = { 'dev-id': 'acme', 'x-api-key': apiKey }
    return (await send(`https://connect.example${path}`, { method: 'POST', headers })).json()
  }
  const session = (await call('/v2/auth/generateWidgetSession')) as { url: string }
  const direct = (await call('/v2/auth/authenticateUser?resource=GARMIN')) as { auth_url: string }
  return { send, link: session.url, authUrl: direct.auth_url }
}
