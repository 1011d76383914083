import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createEnvironment } from '../../src/operations/set-up.ts'
import {
  NO_SCRIPT,
  PHONE,
  checkPage,
  launchBrowser,
  openPage,
  shoot,
  tabTo,
} from './support/browser.ts'
import {
  acceptedTypes,
  connect,
  createDataFolder,
  startTestDemo,
  until,
} from './support/start-test-demo.ts'

// A browser on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 })

/** Events on one page of the dashboard. */
const PER_PAGE = 50

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

async function logIn(page: Page, devId: string, apiKey: string): Promise<void> {
  await page.getByLabel('dev-id').fill(devId)
  await page.getByLabel('x-api-key').fill(apiKey)
  await page.getByRole('button', { name: 'Show' }).click()
}

/** What the page says, once it is not loading any more. */
async function messageOf(page: Page): Promise<string> {
  return await until(async () => {
    const text = (await page.getByRole('status').innerText()).trim()
    return text === 'Loading …' ? undefined : text
  }, 'the dashboard to load')
}

function rowsOf(page: Page, table: 'Users' | 'Payload history') {
  return page.getByRole('region', { name: table }).locator('tbody tr')
}

describe('the dashboard', () => {
  it('shows users and payload history with the right credentials', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const userId = (await connect(demo, 'GARMIN')).searchParams.get('user_id') ?? ''
    await acceptedTypes(demo, 1)
    await demo.hub.settle()
    const page = await openPage(browser, {})
    await page.goto(demo.hubUrl)
    await checkPage(page)
    await shoot(page, 'dashboard-start')
    // The first field; it has a label, and no text of its own.
    await tabTo(page, /^$/)
    await logIn(page, demo.credentials.devId, demo.credentials.apiKey)
    expect(await messageOf(page)).toBe('')
    expect(await rowsOf(page, 'Users').allInnerTexts()).toEqual([
      expect.stringMatching(new RegExp(`^GARMIN\\s+tony_stark\\s+${userId}\\s+active\\s`)),
    ])
    expect(await rowsOf(page, 'Payload history').allInnerTexts()).toEqual([
      expect.stringMatching(new RegExp(`auth\\s+GARMIN\\s+${userId}\\s+delivered, 1 attempt$`)),
    ])
    await page.getByText('auth', { exact: true }).click()
    expect(await page.locator('pre').innerText()).toContain(
      '"message": "User has successfully authenticated"',
    )
    await checkPage(page)
    await shoot(page, 'dashboard')
  })

  it('says that credentials are wrong, and shows nothing of those before', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openPage(browser, { colorScheme: 'dark' })
    await page.goto(demo.hubUrl)
    await logIn(page, demo.credentials.devId, demo.credentials.apiKey)
    expect(await messageOf(page)).toBe('')
    await logIn(page, demo.credentials.devId, 'wrong')
    expect(await messageOf(page)).toBe(
      'this dev-id and x-api-key do not belong together; copy both from the same environment',
    )
    expect(await page.getByRole('table').count()).toBe(0)
    await checkPage(page)
    await shoot(page, 'dashboard-wrong')
    await logIn(page, demo.credentials.devId, ` ${demo.credentials.apiKey} `)
    expect(await messageOf(page)).toBe('')
    expect(await page.getByRole('table').count()).toBe(2)
  })

  it('says that an environment is empty', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const { apiKey } = await createEnvironment(demo.hub.deps, { id: 'empty', name: 'Empty' })
    const page = await openPage(browser, {})
    await page.goto(demo.hubUrl)
    await logIn(page, 'empty', apiKey)
    expect(await messageOf(page)).toBe('')
    expect(await rowsOf(page, 'Users').allInnerTexts()).toEqual(['Nobody has connected yet.'])
    expect(await rowsOf(page, 'Payload history').allInnerTexts()).toEqual(['No events yet.'])
    await shoot(page, 'dashboard-empty')
  })

  it('goes through many rows without loading any twice', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const userId = (await connect(demo, 'FITBIT')).searchParams.get('user_id') ?? ''
    const walks = 2 * PER_PAGE + 10
    for (let walk = 0; walk < walks; walk += 1) await demo.client.sendWalk(userId)
    const page = await openPage(browser, { ...PHONE })
    await page.goto(demo.hubUrl)
    await logIn(page, demo.credentials.devId, demo.credentials.apiKey)
    expect(await messageOf(page)).toBe('')
    const events = rowsOf(page, 'Payload history')
    expect(await events.count()).toBe(PER_PAGE)
    const older = page.getByRole('button', { name: 'Older events' })
    await older.dblclick()
    await until(async () => ((await events.count()) > PER_PAGE ? true : undefined), 'older events')
    await messageOf(page)
    while (await older.isVisible()) {
      await older.click()
      await messageOf(page)
    }
    // Every walk and the connection.
    expect(await events.count()).toBe(walks + 1)
    expect((await events.last().innerText()).split(/\s+/)).toContain('auth')
    await checkPage(page)
    await shoot(page, 'dashboard-many-phone')
  })

  it('shows what an app calls its people as text', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const name = '<img src=x onerror="document.title=1">'
    const link = await demo.client.createLink(name)
    const page = await openPage(browser, {})
    await page.goto(link)
    await page.getByRole('button', { name: 'Garmin' }).click()
    await page.getByLabel('User name').fill('<b>tony</b>')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('button', { name: 'Allow' }).click()
    await acceptedTypes(demo, 1)
    await page.goto(demo.hubUrl)
    await logIn(page, demo.credentials.devId, demo.credentials.apiKey)
    expect(await messageOf(page)).toBe('')
    expect(await rowsOf(page, 'Users').innerText()).toContain(name)
    expect(await page.title()).toBe('Firma dashboard')
  })

  it('says that it needs JavaScript', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openPage(browser, NO_SCRIPT)
    await page.goto(demo.hubUrl)
    expect(await page.locator('main').innerText()).toContain('This page needs JavaScript.')
  })
})
