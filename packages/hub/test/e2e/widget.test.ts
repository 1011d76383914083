/** The connect pages as people meet them: every outcome, in several languages and colours, for everyone. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../../src/cli/serve.ts'
import { DATA_KINDS } from '../../src/core/data-kind.ts'
import { MINUTE_MS } from '../../src/core/time.ts'
import { choosePage } from '../../src/http/widget/choose-page.ts'
import { LANGUAGES } from '../../src/http/widget/language.ts'
import { PROVIDERS } from '../../src/providers/catalog.ts'
import { type TestHub, createTestHub } from '../support/create-test-hub.ts'
import {
  NO_SCRIPT,
  checkPage,
  expectAccessible,
  headingOf,
  keepStill,
  launchBrowser,
  openPage,
  press,
  shoot,
} from './support/browser.ts'

/** What a page may weigh with everything it loads, in bytes. */
const PAGE_BYTES_MAX = 60_000
/** Names of providers that are cut inside of a word: they have more lines than words. */
const BROKEN_NAMES = `[...document.querySelectorAll('.name')]
  .filter((name) => {
    const lines = name.offsetHeight / parseFloat(getComputedStyle(name).lineHeight)
    return Math.round(lines) > name.innerText.split(' ').length
  })
  .map((name) => name.innerText)`
const NOWHERE = { auth_success_redirect_url: null, auth_failure_redirect_url: null }
const LOGO = `data:image/svg+xml;base64,${Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4" fill="#7a3d8f"/></svg>').toString('base64')}`
const BRAND = { accent: '#ffcc00', logo: LOGO, purpose: 'To fit your training plan to you.' }

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

/** Looks at a page in both colour schemes. */
async function inspect(page: Page, language: string, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await checkPage(page, language)
    await expectAccessible(page)
    if (language !== 'en' || colorScheme === 'light')
      await shoot(page, `widget-${language}-${name}-${colorScheme}`)
  }
}

/** Link → choice → login → the provider's consent page. */
async function goToConsent(hub: TestHub, page: Page, provider: string): Promise<void> {
  await page.goto(await hub.createLink(NOWHERE))
  await choose(page, provider)
}

async function choose(page: Page, provider: string): Promise<void> {
  await press(page, new RegExp(provider))
  if ((await headingOf(page)) === 'Log in') {
    await page.getByLabel('User name').fill('tony')
    await press(page, 'Log in')
  }
}

describe.each(['en', 'ar'] as const)('every page in %s', (language) => {
  const { messages } = LANGUAGES[language]
  const { deadEnds, ended } = messages

  it('can be used by everyone, light and dark, and weighs little', async () => {
    const hub = await createTestHub({ settings: { brand: BRAND } })
    const page = await openPage(browser, { locale: language, reducedMotion: 'reduce' })
    page.on('response', async (response) => {
      if (!response.url().startsWith(hub.url) || response.status() >= 300) return
      // The browser may have gone on and let go of it.
      const body = await response.body().catch(() => Buffer.alloc(0))
      expect.soft(body.byteLength).toBeLessThan(PAGE_BYTES_MAX)
    })
    const look = async (name: string, heading: string): Promise<void> => {
      expect(await headingOf(page)).toBe(heading)
      await inspect(page, language, name)
    }

    const first = await hub.createLink({ ...NOWHERE, show_disconnect: true })
    await page.goto(first)
    await page.locator('summary').click()
    await look('choose', messages.choose.heading)
    await choose(page, 'Garmin')
    await press(page, 'Deny')
    await look('refused', ended.failed('Garmin'))
    // No provider of the catalog insists on a permission by itself.
    await hub.rows("UPDATE flow SET reason = 'missing_scopes'")
    await page.reload()
    expect(await page.locator('main').innerText()).toContain(ended.reasons.missing_scopes)
    await look('scopes-missing', ended.failed('Garmin'))
    await press(page, ended.retry('Garmin'))
    await press(page, 'Allow')
    await look('connected', ended.connected('Garmin'))
    await page.goto(first)
    await look('used', deadEnds.used.heading)

    const second = await hub.createLink({ ...NOWHERE, show_disconnect: true })
    await page.goto(second)
    await look('choose-again', messages.choose.heading)
    await page.goto(`${second}/connections`)
    await page.locator('summary').click()
    await look('connections', messages.connections.heading)
    await press(page, messages.connections.confirm('Garmin'))
    await look('disconnected', messages.connections.heading)
    await page.goto(second)
    await press(page, messages.choose.notNow)
    await look('cancelled', deadEnds.cancelled.heading)
    const stranger = await openPage(browser, { locale: language, reducedMotion: 'reduce' })
    await stranger.goto(second)
    expect(await headingOf(stranger)).toBe(deadEnds.opened_elsewhere.heading)
    await inspect(stranger, language, 'opened-elsewhere')

    await page.goto(`${hub.url}/session/nothing`)
    await look('unknown', deadEnds.unknown.heading)
    await page.goto(`${hub.url}/callback/acme-testing/GARMIN?code=1&state=2`)
    await look('old-login', deadEnds.state_unknown.heading)
    const late = await hub.createLink(NOWHERE)
    await hub.advanceByMs(16 * MINUTE_MS)
    await page.goto(late)
    await look('expired', deadEnds.expired.heading)
  })

  it('tells a provider that is down, and what it waits for', async () => {
    const hub = await createTestHub()
    const page = await openPage(browser, { locale: language, reducedMotion: 'reduce' })
    await goToConsent(hub, page, 'Fitbit')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { status: 503, times: 1 } })
    await press(page, 'Allow')
    expect(await headingOf(page)).toBe(ended.failed('Fitbit'))
    expect(await page.locator('main').innerText()).toContain(ended.reasons.provider_unavailable)
    await inspect(page, language, 'provider-down')
    // The provider is back, and the same link leads to the connection.
    await press(page, ended.retry('Fitbit'))
    await press(page, 'Allow')
    expect(await headingOf(page)).toBe(ended.connected('Fitbit'))

    hub.simulator.fail('GARMIN', { tokenEndpoint: { hangMs: 9 * MINUTE_MS, times: 1 } })
    await goToConsent(hub, page, 'Garmin')
    const callback = page.waitForRequest((request) => request.url().includes('/callback/'))
    const isAllowed = page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true })
    const url = (await callback).url()
    const exchanging = "SELECT id FROM flow WHERE status = 'exchanging'"
    await expect.poll(async () => await hub.rows(exchanging)).toHaveLength(1)
    const other = await openPage(browser, { locale: language, reducedMotion: 'reduce' })
    await other.context().addCookies(await page.context().cookies())
    await keepStill(other)
    await other.goto(`${url}&again=1`)
    await other.getByRole('heading', { name: messages.waiting.heading }).waitFor()
    await inspect(other, language, 'waiting')
    hub.simulator.heal('GARMIN')
    await isAllowed
    await page.getByRole('heading', { name: ended.connected('Garmin') }).waitFor()
  })
})

it('weighs little with every provider of the catalog on it', async () => {
  const hub = await createTestHub({ providers: [...PROVIDERS.keys()], settings: { brand: BRAND } })
  const page = await openPage(browser, { locale: 'ar' })
  const asked: string[] = []
  page.on('request', (request) => void asked.push(request.url()))
  const link = await hub.createLink({ show_disconnect: true })
  const document = await page.goto(link)
  await expectAccessible(page)
  expect(await page.locator('.list li').count()).toBeGreaterThan(25)
  expect((await document?.body())?.byteLength).toBeLessThan(PAGE_BYTES_MAX)
  // Nothing is loaded beside it.
  expect(asked.filter((url) => !url.startsWith('data:'))).toEqual([link])
})

describe('the language', () => {
  it('is the person’s choice, then the app’s, then the browser’s', async () => {
    const hub = await createTestHub()
    const page = await openPage(browser, { ...NO_SCRIPT, locale: 'pt-BR' })
    await page.goto(await hub.createLink())
    expect(await headingOf(page)).toBe(LANGUAGES.pt.messages.choose.heading)
    await page.goto(await hub.createLink({ ...NOWHERE, language: 'de-AT' }))
    expect(await headingOf(page)).toBe(LANGUAGES.de.messages.choose.heading)
    await page.getByLabel('Sprache').selectOption('日本語')
    await press(page, 'Ändern')
    expect(await checkPage(page, 'ja')).toBe(LANGUAGES.ja.messages.choose.heading)
    await shoot(page, 'widget-ja-choose')
    // It stays, on the pages after the provider too.
    await choose(page, 'Oura')
    await press(page, 'Deny')
    expect(await headingOf(page)).toBe(LANGUAGES.ja.messages.ended.failed('Oura'))
  })

  it.each(Object.keys(LANGUAGES) as (keyof typeof LANGUAGES)[])(
    'fits %s on a narrow phone at twice the text size',
    async (language) => {
      const hub = await createTestHub({ settings: { brand: BRAND } })
      // 640 CSS pixels of a phone held upright are 320 at 200 %.
      const page = await openPage(browser, { viewport: { width: 320, height: 640 } })
      await page.goto(await hub.createLink({ language, show_disconnect: true }))
      await page.locator('summary').click()
      expect(await checkPage(page, language)).toBe(LANGUAGES[language].messages.choose.heading)
      await shoot(page, `widget-narrow-${language}`)
      // A phone of 360 pixels whose owner has made letters twice as large.
      await page.setViewportSize({ width: 360, height: 740 })
      await page.evaluate('document.documentElement.style.fontSize = "200%"')
      expect(await checkPage(page, language)).toBe(LANGUAGES[language].messages.choose.heading)
      const broken = await page.evaluate<string[]>(BROKEN_NAMES)
      expect(broken).toEqual([])
      await shoot(page, `widget-large-${language}`)
    },
  )
})

describe('the search', () => {
  /** A hub's page with more providers than any environment of the tests has. */
  async function openSearch(options: { javaScriptEnabled: boolean }): Promise<Page> {
    const port = await listen('127.0.0.1', 0)
    onTestFinished(async () => await port.close())
    const names = ['Garmin', 'Fitbit', 'Oura', 'Ōmron', 'Polar', 'Suunto', 'Wahoo', 'WHOOP']
    const providers = names.map((displayName) => ({
      resource: displayName.toUpperCase(),
      displayName,
      kinds: DATA_KINDS,
      connection: 'none' as const,
    }))
    port.serve(async (request) => {
      const search = new URL(request.url).searchParams.get('q') ?? ''
      const { messages } = LANGUAGES.en
      return await choosePage(
        { language: 'en', messages, app: null, canSwitch: true, cookie: undefined },
        {
          appName: 'Acme',
          token: 't',
          providers,
          connectionCount: 0,
          accountLabel: null,
          search,
          cookie: undefined,
        },
      )
    })
    const page = await openPage(browser, options)
    await page.goto(`${port.url}/session/t`)
    return page
  }

  it('finds as one types', async () => {
    const page = await openSearch({ javaScriptEnabled: true })
    const shown = page.locator('.list li:visible')
    expect(await shown.count()).toBe(8)
    await page.getByLabel('Search providers').fill('OM')
    expect(await shown.allInnerTexts()).toEqual([expect.stringContaining('Ōmron')])
    expect(await page.getByRole('status').innerText()).toBe('Providers found: 1')
    await expectAccessible(page)
    await shoot(page, 'widget-search')
    await page.getByLabel('Search providers').fill('pebble')
    expect(await shown.count()).toBe(0)
    expect(await page.locator('#none').innerText()).toContain('No provider has that name.')
    await page.getByLabel('Search providers').fill('')
    expect(await shown.count()).toBe(8)
  })

  it('finds the same without JavaScript', async () => {
    const page = await openSearch({ javaScriptEnabled: false })
    await page.getByLabel('Search providers').fill('OM')
    await press(page, 'Search')
    expect(await page.locator('.list li:visible').allInnerTexts()).toEqual([
      expect.stringContaining('Ōmron'),
    ])
    await page.getByLabel('Search providers').fill('pebble')
    await press(page, 'Search')
    await page.getByRole('link', { name: 'Show all' }).click()
    expect(await page.locator('.list li:visible').count()).toBe(8)
  })
})
