import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createSetupToken } from '../../src/operations/operator-login.ts'
import { createEnvironment } from '../../src/operations/set-up.ts'
import {
  NO_SCRIPT,
  checkPage,
  headingOf,
  launchBrowser,
  openPage,
  press,
  pressAll,
  shoot,
} from './support/browser.ts'
import { PASSWORD, inspect, openDashboard } from './support/dashboard.ts'
import {
  acceptedTypes,
  connect,
  createDataFolder,
  startTestDemo,
  until,
} from './support/start-test-demo.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

function eventRows(page: Page) {
  return page.getByRole('table', { name: 'Events' }).locator('[data-index]')
}

describe('the way in', () => {
  it('is the link in the terminal, once, and the password after that', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const token = await createSetupToken(demo.hub.deps)
    const page = await openPage(browser, { reducedMotion: 'reduce' })
    await page.goto(demo.hubUrl)
    await page.getByRole('heading', { name: 'Welcome' }).waitFor()
    await inspect(page, 'set-up')
    await page.getByLabel('Set-up token').fill('wrong')
    await page.getByLabel('New password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Choose and log in' }).click()
    expect(await page.getByRole('alert').innerText()).toMatch(/^This set-up token is wrong/)

    await page.goto(`${demo.hubUrl}/dashboard/#${token}`)
    await page.reload()
    await page.getByLabel('New password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Choose and log in' }).click()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await inspect(page, 'log-in')
    await page.getByLabel('Password').fill('not the password')
    await page.getByRole('button', { name: 'Log in' }).click()
    expect(await page.getByRole('alert').innerText()).not.toBe('')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('navigation', { name: 'Pages' }).waitFor()
  })

  it('asks again when the session has ended', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openDashboard(browser, demo)
    await page.context().clearCookies()
    await page.goto(`${demo.hubUrl}/dashboard/history`)
    expect(await headingOf(page)).toBe('Log in')
  })

  it('needs JavaScript, and says so', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openPage(browser, NO_SCRIPT)
    await page.goto(demo.hubUrl)
    expect(await page.locator('main').innerText()).toContain('The dashboard needs JavaScript.')
  })
})

describe('the payload history', () => {
  it('shows what happened, as it happens, down to the answer of each attempt', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openDashboard(browser, demo)
    await page.goto(`${demo.hubUrl}/dashboard/history`)
    await page.getByText('No events yet').waitFor()
    await inspect(page, 'history-empty')
    // Without a click: the page is live.
    const userId = (await connect(demo, 'GARMIN')).searchParams.get('user_id') ?? ''
    await page.getByRole('link', { name: 'auth' }).waitFor()
    await demo.client.sendWalk(userId)
    await acceptedTypes(demo, 2)
    await until(async () => ((await eventRows(page).count()) === 2 ? true : undefined), 'the walk')
    await demo.hub.settle()
    await page.reload()
    await page.getByText('delivered').nth(1).waitFor()
    expect((await eventRows(page).allInnerTexts()).map((text) => text.split('\n')[0])).toEqual([
      'activity',
      'auth',
    ])
    await inspect(page, 'history')

    await page.getByRole('link', { name: 'auth' }).click()
    await page.getByRole('heading', { name: 'auth' }).waitFor()
    await page.getByText('"User has successfully authenticated"').waitFor()
    await page.getByText(/HTTP 2\d\d/).click()
    await inspect(page, 'event')
    await page.getByRole('button', { name: 'Resend 1 …' }).click()
    await page.getByRole('button', { name: 'Send again' }).click()
    await page.getByText('They are sent again').waitFor()
    await page.getByRole('button', { name: 'Close' }).click()
    await page
      .getByText(/HTTP 2\d\d/)
      .nth(1)
      .waitFor()
    // All of this person's events, by one click on the lineage.
    await page.locator('dd a').last().click()
    await until(async () => ((await eventRows(page).count()) === 2 ? true : undefined), 'both')
    await page.getByLabel('Type').selectOption('activity')
    await until(async () => ((await eventRows(page).count()) === 1 ? true : undefined), 'one')
    expect(new URL(page.url()).searchParams.get('type')).toBe('activity')
    await page.getByLabel('Outcome').selectOption('failed')
    await page.getByText('No event matches').waitFor()
    await page.getByLabel('Outcome').selectOption('delivered')
    await until(async () => ((await eventRows(page).count()) === 1 ? true : undefined), 'one')
    await page.getByLabel('Since (UTC)').fill('2099-01-01T00:00')
    await page.getByText('No event matches').waitFor()
    await page.getByLabel('Since (UTC)').fill('2020-01-01T00:00')
    await until(async () => ((await eventRows(page).count()) === 1 ? true : undefined), 'one')
    await page.getByLabel('reference_id').fill('nobody')
    await page.getByText('No event matches').waitFor()
    await page.getByRole('button', { name: 'Remove the filters' }).click()
    await until(async () => ((await eventRows(page).count()) === 2 ? true : undefined), 'both')

    for (const box of await page.getByRole('checkbox').all()) await box.check()
    await page.getByRole('button', { name: 'Compare 2/2' }).click()
    await page.getByRole('region', { name: 'Differences' }).waitFor()
    await inspect(page, 'compare')
  })

  it('is live, can be paused, and says when it is cut off', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openDashboard(browser, demo)
    await page.route('**/admin/v1/stream?*', async (route) => await route.abort())
    await page.goto(`${demo.hubUrl}/dashboard/history`)
    await page.getByRole('button', { name: 'Reconnecting …' }).waitFor()
    await page.unroute('**/admin/v1/stream?*')
    await page.getByRole('button', { name: 'Live' }).click()
    await page.getByRole('button', { name: 'Paused' }).waitFor()
    await connect(demo, 'GARMIN')
    await acceptedTypes(demo, 1)
    expect(await eventRows(page).count()).toBe(0)
    // What has happened meanwhile is there as soon as the page is live again.
    await page.getByRole('button', { name: 'Paused' }).click()
    await page.getByRole('link', { name: 'auth' }).waitFor()
    await connect(demo, 'FITBIT')
    await eventRows(page).nth(1).waitFor()
  })

  it('asks for little when thousands come, and moves nobody who reads further down', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const userId = (await connect(demo, 'FITBIT')).searchParams.get('user_id') ?? ''
    for (let walk = 0; walk < 60; walk += 1) await demo.client.sendWalk(userId)
    const page = await openDashboard(browser, demo)
    await page.goto(`${demo.hubUrl}/dashboard/history`)
    await page.getByRole('button', { name: 'Live' }).waitFor()
    await eventRows(page).first().waitFor()
    const asked: string[] = []
    page.on('request', (request) => {
      if (request.url().includes('/admin/v1/events?')) asked.push(request.url())
    })
    const { store, ids, clock, bell } = demo.hub.deps
    const [known] = await store.events.list(demo.credentials.devId, {}, { limit: 1 })
    const addMany = async (count: number): Promise<void> => {
      const events = Array.from({ length: count }, () => ({ id: ids.ordered(), fanOut: 0 }))
      const nowMs = clock.nowMs()
      const same = { type: 'daily', orderingMs: nowMs, createdAtMs: nowMs }
      if (known !== undefined) {
        await store.events.addMany(events.map((event) => ({ ...known, ...same, ...event })))
      }
      bell.ring()
    }
    for (let times = 0; times < 30; times += 1) await addMany(100)
    await eventRows(page).getByText('daily').first().waitFor()
    expect(await eventRows(page).count()).toBeLessThan(60)
    expect(asked.length).toBeLessThan(100)
    await page.mouse.wheel(0, 1_500)
    // Asked anew each time: the page's own policy refuses what waitForFunction would leave in it.
    const scrollY = async (): Promise<number> => await page.evaluate<number>('scrollY')
    await expect.poll(scrollY, { timeout: 180_000 }).toBeGreaterThan(1_000)
    await addMany(3)
    const more = page.getByRole('button', { name: /new events: show them$/i })
    await more.waitFor()
    expect(await scrollY()).toBeGreaterThan(1_000)
    await more.click()
    await expect.poll(scrollY, { timeout: 180_000 }).toBe(0)
    await more.waitFor({ state: 'detached' })
  })

  it('fetches more as one scrolls, and draws only what is in sight', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const userId = (await connect(demo, 'FITBIT')).searchParams.get('user_id') ?? ''
    const walks = 240
    for (let walk = 0; walk < walks; walk += 1) await demo.client.sendWalk(userId)
    const page = await openDashboard(browser, demo)
    await page.goto(`${demo.hubUrl}/dashboard/history`)
    await eventRows(page).first().waitFor()
    expect(await eventRows(page).count()).toBeLessThan(60)
    await until(async () => {
      await page.keyboard.press('End')
      return (await page.getByRole('link', { name: 'auth' }).count()) === 1 ? true : undefined
    }, 'the first event of all')
    expect(await eventRows(page).count()).toBeLessThan(60)
    await checkPage(page)
    await shoot(page, 'dashboard-history-many')
  })

  it('shows what an app calls its people as text', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const name = '<img src=x onerror="document.title=1">'
    const link = await demo.client.createLink(name)
    const person = await openPage(browser, NO_SCRIPT)
    await person.goto(link)
    await press(person, 'Garmin')
    await person.getByLabel('User name').fill('<b>tony</b>')
    await press(person, 'Log in')
    await press(person, 'Allow')
    await acceptedTypes(demo, 1)
    const page = await openDashboard(browser, demo)
    await page.goto(`${demo.hubUrl}/dashboard/history`)
    await page.getByText(name).waitFor()
    expect(await page.title()).toBe('Payload history – Firma')
  })

  it('says that it cannot be read, and tries again', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openDashboard(browser, demo)
    await page.route('**/admin/v1/events?*', async (route) => await route.abort())
    await page.goto(`${demo.hubUrl}/dashboard/history`)
    await page.getByText('The hub does not answer').waitFor()
    await inspect(page, 'history-error')
    await page.unroute('**/admin/v1/events?*')
    const again = page.getByRole('button', { name: 'Try again' })
    const isRead = async (): Promise<boolean> => {
      await pressAll(again)
      return await page.getByText('No events yet').isVisible()
    }
    await expect.poll(isRead).toBe(true)
    expect(await page.getByRole('alert').count()).toBe(0)
  })
})

describe('the choice of an environment', () => {
  it('changes what all pages are about, and stays', async () => {
    const demo = await startTestDemo(await createDataFolder())
    await createEnvironment(demo.hub.deps, { id: 'other', name: 'Other' })
    await connect(demo, 'GARMIN')
    const page = await openDashboard(browser, demo)
    await page.goto(`${demo.hubUrl}/dashboard/history`)
    await page.getByRole('link', { name: 'auth' }).waitFor()
    await page.getByRole('combobox', { name: 'Environment' }).selectOption('other')
    await page.getByText('No events yet').waitFor()
    await page.reload()
    await page.getByText('No events yet').waitFor()
    await page.goto(`${demo.hubUrl}/dashboard/history?env=${demo.credentials.devId}`)
    await page.getByRole('link', { name: 'auth' }).waitFor()
    expect(await page.getByRole('combobox', { name: 'Environment' }).inputValue()).toBe(
      demo.credentials.devId,
    )
  })
})
