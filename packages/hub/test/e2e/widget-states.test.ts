/** Every state of the connect pages that is seldom seen, for everyone: each way to fail, each link that leads nowhere, moves. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../../src/cli/serve.ts'
import { DAY_MS } from '../../src/core/time.ts'
import { choosePage } from '../../src/http/widget/choose-page.ts'
import {
  type DeadEnd,
  connectedPage,
  deadEndPage,
  failedPage,
  waitingPage,
} from '../../src/http/widget/end-pages.ts'
import { LANGUAGES } from '../../src/http/widget/language.ts'
import type { PageView } from '../../src/http/widget/layout.ts'
import { createPerson } from '../../src/simulator/person.ts'
import { createTestHub } from '../support/create-test-hub.ts'
import {
  checkPage,
  expectAccessible,
  keepStill,
  launchBrowser,
  openPage,
  shoot,
} from './support/browser.ts'

/** Colours fade into each other otherwise, and are judged halfway. */
const NARROW = { viewport: { width: 360, height: 740 }, reducedMotion: 'reduce' } as const

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

/** Light and dark, on a narrow phone. */
async function inspect(page: Page, language: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await checkPage(page, language)
    await expectAccessible(page)
  }
}

describe.each(['en', 'ar'] as const)('in %s', (language) => {
  const { messages } = LANGUAGES[language]
  const view: PageView = { language, messages, app: null, canSwitch: true, cookie: undefined }
  const fail = async (reason: string, retryPath: string | null): Promise<Response> =>
    await failedPage(view, { providerName: 'Garmin', reason, requiredKinds: ['sleep'], retryPath })
  const reasons = [...Object.keys(messages.ended.reasons), 'temporarily_unavailable']
  const states: readonly (readonly [name: string, draw: () => Promise<Response>])[] = [
    ...reasons.map((reason) => [reason, async () => await fail(reason, '/retry')] as const),
    ['no-retry', async () => await fail('access_denied', null)],
    ...Object.keys(messages.deadEnds).map(
      (name) => [name, async () => await deadEndPage(view, name as DeadEnd)] as const,
    ),
    ['connected', async () => await connectedPage(view, 'Garmin')],
    ['waiting', async () => await waitingPage(view)],
    [
      'nothing-to-choose',
      async () =>
        await choosePage(view, {
          appName: 'Acme',
          token: 't',
          providers: [],
          connectionCount: 0,
          accountLabel: 't•••@e•••.com',
          search: '',
          cookie: undefined,
        }),
    ],
  ]

  it('every end can be used by everyone', async () => {
    const port = await listen('127.0.0.1', 0)
    onTestFinished(async () => await port.close())
    port.serve(async (request) => {
      const name = new URL(request.url).pathname.slice(1)
      const [, draw] = states.find(([each]) => each === name) ?? []
      return draw === undefined ? new Response('', { status: 404 }) : await draw()
    })
    const page = await openPage(browser, NARROW)
    await keepStill(page)
    for (const [name] of states) {
      const answer = await page.goto(`${port.url}/${name}`)
      expect([name, answer?.headers()['content-type']]).toEqual([name, 'text/html; charset=utf-8'])
      await inspect(page, language)
    }
    await shoot(page, `widget-${language}-nothing-to-choose`)
  })

  it('moves to a successor can be used by everyone', async () => {
    const hub = await createTestHub({ providers: ['FITBIT', 'GOOGLE'] })
    await hub.connect('FITBIT', { person: createPerson({ login: 'ann' }), referenceId: 'ann' })
    const { json } = await hub.call('POST', '/admin/v1/moves', { from: 'FITBIT' })
    const path = `/admin/v1/moves/${json.move.id}/links`
    const [link] = (await hub.call('POST', path, { days: 1 })).json.data
    const page = await openPage(browser, { ...NARROW, locale: language })
    await page.goto(link.url)
    await inspect(page, language)
    expect(await page.locator('h1').innerText()).toContain('Google')
    await shoot(page, `widget-${language}-move`)
    hub.clock.moveTo(hub.clock.nowMs() + DAY_MS)
    await page.goto(link.url)
    expect(await page.locator('h1').innerText()).toBe(messages.move.expired)
    await inspect(page, language)
  })
})
