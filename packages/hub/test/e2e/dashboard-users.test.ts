import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPerson } from '../../src/simulator/person.ts'
import { headingOf, launchBrowser } from './support/browser.ts'
import { inspect, openDashboard } from './support/dashboard.ts'
import {
  acceptedTypes,
  connect,
  createDataFolder,
  startTestDemo,
} from './support/start-test-demo.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

describe('the users', () => {
  it('are found by any id that they had, with what happened under each', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openDashboard(browser, demo)
    await page.goto(`${demo.hubUrl}/dashboard/users`)
    await page.getByText('Nobody has connected yet').waitFor()
    await inspect(page, 'users-empty')
    const person = createPerson({ login: 'tony' })
    const first = (await connect(demo, 'GARMIN', { person })).searchParams.get('user_id') ?? ''
    const second = (await connect(demo, 'GARMIN', { person })).searchParams.get('user_id') ?? ''
    await connect(demo, 'FITBIT', { person })
    await acceptedTypes(demo, 4)
    await page.reload()
    const rows = page.getByRole('table', { name: 'Users' }).locator('[data-index]')
    await rows.nth(1).waitFor()
    const text = await page.locator('main').innerText()
    expect(text).toContain(second)
    // As on the dashboard that people come from: an old id is not listed …
    expect(text).not.toContain(first)
    await inspect(page, 'users')
    // … and finds its connection.
    await page.getByLabel('user_id, now or before').fill(first)
    await rows.getByText('FITBIT').waitFor({ state: 'detached' })
    // For a moment there is none: the filtered ones are on their way.
    await expect.poll(async () => await rows.count()).toBe(1)
    await rows.getByRole('link').click()
    await page.getByText('Every user_id that it had').waitFor()
    const detail = await page.locator('main').innerText()
    expect(detail).toContain(first)
    expect(detail).toContain(second)
    expect(detail).toContain('reconnected: the user_id changed')
    await inspect(page, 'user')
    await page.goto(`${demo.hubUrl}/dashboard/users/${first}`)
    await page.getByText('is an earlier id of this connection.').waitFor()

    demo.simulator.fail('GARMIN', { revokeEndpoint: { hangMs: 3_600_000 } })
    await page.getByRole('button', { name: 'Disconnect …' }).click()
    await inspect(page, 'user-disconnect')
    await page.getByRole('button', { name: 'Disconnect', exact: true }).click()
    await page.getByText('deleted', { exact: true }).waitFor()
    await page.getByText('The access at GARMIN is being given back').first().waitFor()
    // Nobody reloads: the stream tells. A call that was given up is tried again within a minute.
    demo.simulator.heal('GARMIN')
    const given = page.getByText('The access at GARMIN is being given back')
    await expect.poll(async () => await given.count(), { timeout: 120_000 }).toBe(0)
    await page.getByText('The access at GARMIN was given back').first().waitFor()
    await inspect(page, 'user-disconnected')
    expect(await acceptedTypes(demo, 5)).toContain('deauth')
  })

  it('are disconnected many at once, after it was said who', async () => {
    const demo = await startTestDemo(await createDataFolder())
    for (const provider of ['GARMIN', 'FITBIT', 'OURA']) await connect(demo, provider)
    const page = await openDashboard(browser, demo)
    // An address that somebody mistyped must not name more than it says.
    await page.goto(`${demo.hubUrl}/dashboard/users?provider=FITBIT&state=degradd`)
    await page.getByText('State "degradd" cannot be used here').waitFor()
    const button = page.getByRole('button', { name: 'Disconnect these …' })
    expect(await button.isDisabled()).toBe(true)
    await page.goto(`${demo.hubUrl}/dashboard/users?provider=FITBIT`)
    await page.getByRole('table', { name: 'Users' }).getByText('FITBIT').waitFor()
    await button.click()
    await page.getByText('Everybody who matches provider FITBIT loses').waitFor()
    await page.getByRole('button', { name: 'Disconnect 1' }).click()
    await page.getByText('1 users are being disconnected').waitFor()
    expect((await acceptedTypes(demo, 4)).at(-1)).toBe('deauth')
  })

  it('that do not exist are said not to', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openDashboard(browser, demo)
    await page.goto(`${demo.hubUrl}/dashboard/users/nobody`)
    await page.getByText('User not found').waitFor()
    expect(await headingOf(page)).toBe('User')
  })
})
