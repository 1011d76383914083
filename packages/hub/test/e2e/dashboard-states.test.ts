/** Every page of the dashboard while it waits, when it was refused, when there is nothing, and when there is a lot. */
import assert from 'node:assert'
import type { Browser, Page, Route } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Demo } from '../../src/cli/demo.ts'
import { startMove } from '../../src/operations/provider-moves.ts'
import { startResend } from '../../src/operations/resend-events.ts'
import { createEnvironment } from '../../src/operations/set-up.ts'
import { createPerson } from '../../src/simulator/person.ts'
import {
  checkPage,
  expectAccessible,
  launchBrowser,
  pressAll,
  readFacts,
  shoot,
} from './support/browser.ts'
import { openDashboard } from './support/dashboard.ts'
import { LONG_NAME, fillEnvironment } from './support/fill-environment.ts'
import { tabThrough } from './support/keyboard.ts'
import { connect, createDataFolder, startTestDemo } from './support/start-test-demo.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

interface PageCase {
  readonly name: string
  /** Below /dashboard; `USER`, `EVENT` and `MOVE` are those of the demo. */
  readonly path: string
  /** What of the API it cannot do without. */
  readonly api: RegExp
  /** Said where there is nothing; undefined for a page of one thing, which there always is. */
  readonly empty?: string
  /** The document that explains it. */
  readonly doc: string
}

const PAGES: readonly PageCase[] = [
  {
    name: 'overview',
    path: '/',
    api: /\/admin\/v1\/stats\?/,
    empty: 'Nobody is connected',
    doc: '/docs/connect-page#overview',
  },
  {
    name: 'users',
    path: '/users',
    api: /\/admin\/v1\/users\?/,
    empty: 'Nobody has connected yet',
    doc: '/docs/connect-page#users',
  },
  {
    name: 'user',
    path: '/users/USER',
    api: /\/admin\/v1\/users\/[^/]+$/,
    doc: '/docs/guides/events/user-reauth',
  },
  {
    name: 'history',
    path: '/history',
    api: /\/admin\/v1\/events\?/,
    empty: 'No events yet',
    doc: '/docs/events',
  },
  {
    name: 'event',
    path: '/history/EVENT',
    api: /\/admin\/v1\/events\/[0-9a-f-]{36}$/,
    doc: '/docs/events',
  },
  {
    name: 'compare',
    path: '/history/compare/EVENT/EVENT',
    api: /\/admin\/v1\/.*\/body$/,
    doc: '/docs/events',
  },
  {
    name: 'destinations',
    path: '/destinations',
    api: /\/admin\/v1\/destinations\?/,
    empty: 'Events go nowhere yet',
    doc: '/docs/delivery',
  },
  {
    name: 'resends',
    path: '/resends',
    api: /\/admin\/v1\/resends\?/,
    empty: 'Nothing was sent again',
    doc: '/docs/delivery',
  },
  {
    name: 'moves',
    path: '/moves',
    api: /\/admin\/v1\/moves\?/,
    empty: 'Nobody is being moved',
    doc: '/docs/moving-fitbit-to-google-health',
  },
  {
    name: 'move',
    path: '/moves/MOVE',
    api: /\/admin\/v1\/moves\/[^/]+$/,
    doc: '/docs/moving-fitbit-to-google-health',
  },
  {
    name: 'move-people',
    path: '/moves/MOVE',
    api: /\/admin\/v1\/moves\/[^/]+\/users\?/,
    doc: '/docs/moving-fitbit-to-google-health',
  },
  {
    name: 'providers',
    path: '/providers',
    api: /\/admin\/v1\/providers\?/,
    doc: '/docs/guides/providers/credentials',
  },
  {
    name: 'provider',
    path: '/providers/GARMIN',
    api: /\/admin\/v1\/providers\/GARMIN$/,
    doc: '/docs/guides/providers/credentials',
  },
  {
    name: 'simulator',
    path: '/simulator',
    api: /\/admin\/v1\/events\/generate$/,
    doc: '/docs/simulator',
  },
  {
    name: 'settings',
    path: '/settings',
    api: /\/admin\/v1\/audit\?/,
    doc: '/docs/connect-page#settings',
  },
]

const EMPTY_ENVIRONMENT = 'nothing'
const DESK_SIZE = { width: 1_280, height: 800 }
const PHONE_SIZE = { width: 360, height: 740 }
/** In CSS pixels: tablets, upright and across. */
const TABLET_WIDTHS = [768, 1_024]
const ROWS = 110
const OURS: readonly string[] = ['overview', 'providers']
/** How a proxy between the browser and the hub refuses; the hub itself refuses its operator nothing. */
const REFUSAL = { status: 403, contentType: 'text/html', body: '<h1>Forbidden</h1>' }

async function openDemo(): Promise<{ demo: Demo; page: Page; urlOf: (path: string) => string }> {
  const demo = await startTestDemo(await createDataFolder())
  await createEnvironment(demo.hub.deps, { id: EMPTY_ENVIRONMENT, name: 'Nothing' })
  const landing = await connect(demo, 'GARMIN')
  await connect(demo, 'FITBIT', { person: createPerson({ login: 'ann' }) })
  const { store } = demo.hub.deps
  const { move, environment } = await moveFromFitbit(demo)
  await startResend(demo.hub.deps, environment, { type: 'auth' }, 'cli')
  const [event] = await store.events.list(demo.credentials.devId, {}, { limit: 1 })
  const page = await openDashboard(browser, demo)
  await page.setViewportSize(PHONE_SIZE)
  const urlOf = (path: string): string => {
    const filled = path
      .replaceAll('EVENT', event?.id ?? '')
      .replace('MOVE', move.id)
      .replace('USER', landing.searchParams.get('user_id') ?? '')
    return `${demo.hubUrl}/dashboard${filled}`
  }
  return { demo, page, urlOf }
}

/** Starts the move, or takes up in it whoever has come since. */
async function moveFromFitbit(demo: Demo) {
  const { deps } = demo.hub
  const environment = await deps.store.environments.find(demo.credentials.devId)
  assert(environment !== undefined, 'the demo has its environment')
  const request = { from: 'FITBIT', perMinute: 60, actor: 'cli' }
  return { environment, move: await startMove(deps, environment, request) }
}

/** @returns The heading of the page. */
async function look(page: Page, name: string): Promise<string> {
  await shoot(page, `dashboard-state-${name}`)
  await expectAccessible(page)
  return await checkPage(page)
}

/** Nothing is wider than the page, at any width between a phone and a desk. */
async function lookOnTablets(page: Page, name: string): Promise<void> {
  for (const width of TABLET_WIDTHS) {
    await page.setViewportSize({ width, height: DESK_SIZE.height })
    await shoot(page, `dashboard-state-${name}-${width}`)
    const { overflowPx } = await readFacts(page)
    expect.soft([name, width, overflowPx]).toEqual([name, width, 0])
  }
  await page.setViewportSize(PHONE_SIZE)
}

describe('every page', () => {
  it('says that it waits', async () => {
    const { page, urlOf } = await openDemo()
    for (const { name, path, api } of PAGES) {
      const held: Route[] = []
      await page.route(api, (route) => void held.push(route))
      await page.goto(urlOf(path))
      await page.locator('h1').waitFor()
      await page.getByText('Loading …').first().waitFor({ state: 'attached' })
      expect(await look(page, `${name}-loading`)).not.toBe('')
      for (const route of held) await route.abort()
      await page.unrouteAll()
    }
  })

  it('says what was refused on the way, and tries again', async () => {
    const { page, urlOf } = await openDemo()
    for (const { name, path, api } of PAGES) {
      await page.route(api, async (route) => await route.fulfill(REFUSAL))
      await page.goto(urlOf(path))
      await page.getByRole('alert').getByText('(HTTP 403)').first().waitFor()
      expect(await look(page, `${name}-refused`)).not.toBe('')
      const again = page.getByRole('button', { name: 'Try again' })
      if ((await again.count()) > 0) {
        await Promise.all([page.waitForRequest(api), again.first().click()])
      }
      await page.unrouteAll()
      await expect.poll(async () => await pressAll(again)).toBe(0)
    }
  })

  it('says that there is nothing, and what to do about it', async () => {
    const { page, urlOf } = await openDemo()
    for (const { name, path, empty } of PAGES) {
      if (empty === undefined) continue
      await page.goto(`${urlOf(path)}?env=${EMPTY_ENVIRONMENT}`)
      await page.getByText(empty).first().waitFor()
      expect(await look(page, `${name}-empty`)).not.toBe('')
    }
  })

  it('bears a lot, on a phone too, and links to the document that explains it', async () => {
    const { demo, page, urlOf } = await openDemo()
    await fillEnvironment(demo, ROWS)
    await moveFromFitbit(demo)
    for (const { name, path, api, doc } of PAGES) {
      // What providers are called is ours.
      const isNamed = api.source.endsWith(String.raw`\?`) && !OURS.includes(name)
      await page.goto(urlOf(path))
      await page.locator('h1').waitFor()
      await page.getByText('Loading …').first().waitFor({ state: 'detached' })
      // Choices of a filter have such names too, and are never in sight.
      const named = page.getByText(LONG_NAME).filter({ visible: true })
      if (isNamed) await named.first().waitFor()
      await look(page, `${name}-many`)
      await lookOnTablets(page, `${name}-many`)
      expect([name, await page.locator('[data-index]').count()]).toSatisfy(
        ([, rows]: [string, number]) => rows < ROWS,
      )
      const link = page.getByRole('link', { name: /^Read more/ })
      expect([name, await link.getAttribute('href')]).toEqual([name, doc])
      const answer = await fetch(`${demo.hubUrl}${doc}`)
      expect([name, answer.status]).toEqual([name, 200])
    }
  })

  it('says that it could not be fetched, and is fetched anew', async () => {
    const { page, urlOf } = await openDemo()
    const file = /\/assets\/moves-page-/
    await page.route(file, async (route) => await route.abort())
    await page.goto(urlOf('/moves'))
    await page.getByRole('alert').getByText('could not be fetched').waitFor()
    expect(await look(page, 'moves-unfetched')).toBe('This page is not there')
    await page.unroute(file)
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('row').getByText('FITBIT → GOOGLE').waitFor()
  })

  it('is walked through by keyboard, in the order in which it is read', async () => {
    const { page, urlOf } = await openDemo()
    await page.setViewportSize(DESK_SIZE)
    for (const { name, path } of PAGES) {
      await page.goto(urlOf(path))
      await page.locator('h1').waitFor()
      await page.getByText('Loading …').first().waitFor({ state: 'detached' })
      const { around, main } = await tabThrough(page)
      expect([name, around[0]]).toEqual([name, 'Skip to the page'])
      // The navigation is whole, and what the page is about begins with the document that explains it.
      expect([name, ...around]).toEqual(expect.arrayContaining(['Overview', 'Moves', 'Log out']))
      expect([name, ...main].join('\n')).toContain('Read more about')
    }
  })
})
