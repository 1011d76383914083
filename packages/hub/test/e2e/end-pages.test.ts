import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MINUTE_MS } from '../../src/core/time.ts'
import { createEnvironment } from '../../src/operations/set-up.ts'
import { type TestHub, createTestHub } from '../support/create-test-hub.ts'
import {
  NO_SCRIPT,
  PHONE,
  checkPage,
  launchBrowser,
  openPage,
  press,
  shoot,
} from './support/browser.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

/** The app named no addresses of its own, so every flow ends on a page of the hub. */
const NOWHERE = { auth_success_redirect_url: null, auth_failure_redirect_url: null }

/** Link → connect page → provider's consent page. */
async function goToConsent(hub: TestHub, page: Page, provider: string): Promise<void> {
  await page.goto(await hub.createLink(NOWHERE))
  await press(page, provider)
  await page.getByLabel('User name').fill('tony')
  await press(page, 'Log in')
}

/** Sees that a page says the right thing, readably, and keeps a picture of it. */
async function expectPage(page: Page, name: string, heading: string): Promise<void> {
  await page.getByRole('heading', { name: heading }).waitFor()
  expect(await checkPage(page)).toBe(heading)
  await shoot(page, `end-${name}`)
}

describe.each([
  ['desktop', { colorScheme: 'light' }],
  ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
] as const)('the pages at the end of a flow, on %s', (device, options) => {
  const open = async (): Promise<Page> => await openPage(browser, { ...NO_SCRIPT, ...options })

  it('says that it worked', async () => {
    const hub = await createTestHub()
    const page = await open()
    await goToConsent(hub, page, 'Garmin')
    await press(page, 'Allow')
    await expectPage(page, `connected-${device}`, 'Garmin is connected')
    expect(new URL(page.url()).origin).toBe(hub.url)
  })

  it('says that and why it did not', async () => {
    const hub = await createTestHub()
    const page = await open()
    await goToConsent(hub, page, 'Garmin')
    await press(page, 'Deny')
    await expectPage(page, `refused-${device}`, 'Garmin is not connected')
    expect(await page.locator('main').innerText()).toContain('You chose not to share your data.')
    hub.simulator.fail('FITBIT', { tokenEndpoint: { status: 503 } })
    await goToConsent(hub, page, 'Fitbit')
    await press(page, 'Allow')
    await expectPage(page, `provider-down-${device}`, 'Fitbit is not connected')
    expect(await page.locator('main').innerText()).toContain('The provider could not be reached.')
  })

  it('waits with the person while another tab is being served', async () => {
    const hub = await createTestHub()
    const page = await open()
    await goToConsent(hub, page, 'Garmin')
    hub.simulator.fail('GARMIN', { tokenEndpoint: { hangMs: 9 * MINUTE_MS, times: 1 } })
    const callback = page.waitForRequest((request) => request.url().includes('/callback/'))
    // It does not come back before the provider answers.
    const isAllowed = page.getByRole('button', { name: 'Allow' }).click({ noWaitAfter: true })
    const url = (await callback).url()
    await expect
      .poll(async () => await hub.rows('SELECT status FROM flow'))
      .toEqual([{ status: 'exchanging' }])
    const other = await page.context().newPage()
    // A browser holds back a second request to the very same address.
    await other.goto(`${url}&again=1`)
    // The same page without the order to ask again every second: it stays still while it is looked at.
    const still = await page.context().newPage()
    const answer = await still.request.get(`${url}&again=2`)
    await still.setContent((await answer.text()).replace(/<noscript>.*?<\/noscript>/, ''))
    await expectPage(still, `waiting-${device}`, 'Connecting…')
    hub.simulator.heal('GARMIN')
    await isAllowed
    await expectPage(page, `connected-after-waiting-${device}`, 'Garmin is connected')
    // Without a click: the waiting page asks again by itself.
    await other.getByRole('heading', { name: 'Garmin is connected' }).waitFor()
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth'])
  })

  it('turns links away that lead nowhere, each with its reason', async () => {
    const hub = await createTestHub()
    const page = await open()
    await page.goto(`${hub.url}/session/${'x'.repeat(43)}`)
    await expectPage(page, `unknown-${device}`, 'This link does not exist')
    await page.goto(`${hub.url}/callback/acme-testing/GARMIN?code=1&state=2`)
    await expectPage(
      page,
      `old-login-${device}`,
      'This login does not belong to a connection that is under way',
    )

    const used = await hub.createLink(NOWHERE)
    await page.goto(used)
    await press(page, 'Oura')
    await page.getByLabel('User name').fill('tony')
    await press(page, 'Log in')
    await press(page, 'Allow')
    await page.goto(used)
    await expectPage(page, `used-${device}`, 'This link has been used')

    await page.goto(await hub.createLink(NOWHERE))
    await press(page, 'Not now, go back')
    await expectPage(page, `cancelled-${device}`, 'Nothing was connected')

    const late = await hub.createLink(NOWHERE)
    await hub.advanceByMs(16 * MINUTE_MS)
    await page.goto(late)
    await expectPage(page, `expired-${device}`, 'This link has expired')
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth'])
  })

  it('says it when the app has no provider to offer', async () => {
    const hub = await createTestHub()
    const { apiKey } = await createEnvironment(hub.hub.deps, { id: 'bare-testing', name: 'Bare' })
    const session = await fetch(`${hub.url}/v2/auth/generateWidgetSession`, {
      method: 'POST',
      headers: { 'dev-id': 'bare-testing', 'x-api-key': apiKey },
    })
    const page = await open()
    await page.goto(((await session.json()) as { url: string }).url)
    await expectPage(page, `no-provider-${device}`, 'Connect your device')
    const text = await page.locator('main').innerText()
    expect(text).toContain('Bare has no devices to choose from yet')
    expect(text).not.toContain('disconnect')
    await press(page, 'Go back')
    expect(await checkPage(page)).toBe('Nothing was connected')
  })

  it('keeps long names of apps inside', async () => {
    const hub = await createTestHub()
    const name = `${'Donaudampfschifffahrtsgesellschaft'.repeat(3)} & <b>Söhne</b>`
    const { apiKey } = await createEnvironment(hub.hub.deps, { id: 'long-testing', name })
    const session = await fetch(`${hub.url}/v2/auth/generateWidgetSession`, {
      method: 'POST',
      headers: { 'dev-id': 'long-testing', 'x-api-key': apiKey },
    })
    const page = await open()
    await page.goto(((await session.json()) as { url: string }).url)
    await expectPage(page, `long-name-${device}`, 'Connect your device')
    expect(await page.locator('main').innerText()).toContain('<b>Söhne</b>')
  })
})
