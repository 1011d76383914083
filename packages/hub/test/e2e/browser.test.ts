import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DEMO_REFERENCE_ID } from '../../src/cli/demo-app.ts'
import type { Demo } from '../../src/cli/demo.ts'
import {
  NO_SCRIPT,
  PHONE,
  checkPage,
  headingOf,
  launchBrowser,
  openPage,
  press,
  shoot,
  tabTo,
} from './support/browser.ts'
import { acceptedTypes, createDataFolder, startTestDemo, until } from './support/start-test-demo.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

/** On the provider's pages, which ask for a name only the first time. */
async function consent(page: Page, decision: 'Allow' | 'Deny' = 'Allow'): Promise<void> {
  if ((await headingOf(page)) === 'Log in') {
    await page.getByLabel('User name').fill('tony')
    await press(page, 'Log in')
  }
  await press(page, decision)
}

async function connect(demo: Demo, page: Page, provider: string): Promise<string> {
  await page.goto(demo.appUrl)
  await press(page, 'Connect a device')
  await press(page, new RegExp(`^${provider}`))
  await consent(page)
  await page.getByRole('heading', { name: / is connected/ }).waitFor()
  expect(new URL(page.url()).pathname).toBe('/connected')
  const { searchParams } = new URL(page.url())
  expect(searchParams.get('reference_id')).toBe(DEMO_REFERENCE_ID)
  expect(searchParams.get('resource')).toBe(provider.toUpperCase())
  return searchParams.get('user_id') ?? ''
}

/** The demo app's card of a connection, once it says what is expected; events arrive within milliseconds. */
async function cardOf(demo: Demo, page: Page, provider: string, status: string): Promise<string> {
  return await until(async () => {
    await page.goto(demo.appUrl)
    const text = await page.getByRole('listitem').filter({ hasText: provider }).innerText()
    return text.includes(status) ? text : undefined
  }, `${provider} to be ${status}`)
}

describe('a person with a browser that runs no JavaScript', () => {
  it('lives through the whole story', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openPage(browser, NO_SCRIPT)

    await page.goto(demo.appUrl)
    expect(await checkPage(page)).toBe('Hello, tony_stark')
    await shoot(page, 'app-empty')
    await press(page, 'Connect a device')
    expect(await checkPage(page)).toBe('Connect your device')
    await shoot(page, 'connect-desktop')
    await press(page, 'Garmin')
    expect(await checkPage(page)).toBe('Log in')
    await shoot(page, 'provider-login')
    await page.getByLabel('User name').fill('tony')
    await press(page, 'Log in')
    expect(await checkPage(page)).toBe('Demo app wants to access your Garmin data')
    await shoot(page, 'provider-consent')
    await press(page, 'Allow')
    await page.getByRole('heading', { name: 'Garmin is connected' }).waitFor()
    await checkPage(page)
    await shoot(page, 'app-connected')
    const first = new URL(page.url()).searchParams.get('user_id') ?? ''
    await page.getByRole('link', { name: 'Continue' }).click()
    await press(page, 'Take a walk')
    await acceptedTypes(demo, 2)

    const second = await connect(demo, page, 'Garmin')
    expect(second).not.toBe(first)
    expect(await headingOf(page)).toBe('Garmin is connected again')
    await shoot(page, 'app-reconnected')
    await connect(demo, page, 'Fitbit')
    const card = await cardOf(demo, page, 'Garmin', 'active')
    // Old and new id, one connection.
    expect(card).toMatch(
      new RegExp(`lin_${first}[^]*user_id now\\s+${second}[^]*user_id before\\s+${first}`),
    )
    await press(page, `Send late data under ${first}`)
    await acceptedTypes(demo, 6)
    await page.reload()
    const [late] = await page.getByRole('row').filter({ hasText: 'an earlier id' }).allInnerTexts()
    expect(late).toMatch(new RegExp(`activity[^]*${first}[^]*Garmin[^]*lin_${first}`))

    await press(page, 'Connect a device')
    await press(page, 'Oura')
    await consent(page, 'Deny')
    expect(new URL(page.url()).pathname).toBe('/failed')
    expect(await checkPage(page)).toBe('Oura is not connected')
    expect(await page.locator('main').innerText()).toContain('Reason: access_denied')
    await shoot(page, 'app-failed')

    await page.goto(demo.appUrl)
    await page.getByRole('link', { name: 'their settings pages' }).click()
    expect(await checkPage(page)).toBe('Simulated providers')
    await shoot(page, 'provider-index')
    await page.getByRole('link', { name: /Fitbit/ }).click()
    expect(await checkPage(page)).toBe('Apps connected to your account')
    await shoot(page, 'provider-settings')
    await press(page, 'Remove Demo app')
    await cardOf(demo, page, 'Fitbit', 'revoked')

    await press(page, 'Disconnect', 'Garmin')
    await cardOf(demo, page, 'Garmin', 'disconnected')
    await checkPage(page)
    await shoot(page, 'app-after-story')
    expect(await acceptedTypes(demo, 9)).toEqual([
      'auth',
      'activity',
      'user_reauth',
      'auth',
      'auth',
      'activity',
      'auth_cancelled',
      'access_revoked',
      'deauth',
    ])
  })

  it('connects with the keyboard alone', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openPage(browser, NO_SCRIPT)
    await page.goto(demo.appUrl)
    await tabTo(page, /^Connect a device$/)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Connect your device' }).waitFor()
    await tabTo(page, /Garmin/)
    await shoot(page, 'connect-focus')
    await page.keyboard.press('Enter')
    // The field has the focus.
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await page.keyboard.type('tony')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: /wants to access/ }).waitFor()
    await tabTo(page, /^Allow$/, 'provider')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Garmin is connected' }).waitFor()
    expect(await acceptedTypes(demo, 1)).toEqual(['auth'])
  })

  it.each(['light', 'dark'] as const)(
    'finds every page readable on a narrow phone in %s colours',
    async (colorScheme) => {
      const demo = await startTestDemo(await createDataFolder())
      const page = await openPage(browser, { ...NO_SCRIPT, ...PHONE, colorScheme })
      await connect(demo, page, 'Garmin')
      await connect(demo, page, 'Garmin')
      await checkPage(page)
      await shoot(page, `phone-${colorScheme}-app-connected`)
      await page.getByRole('link', { name: 'Continue' }).click()
      await checkPage(page)
      await shoot(page, `phone-${colorScheme}-app`)
      await press(page, 'Connect a device')
      await checkPage(page)
      await shoot(page, `phone-${colorScheme}-connect`)
      await press(page, 'Fitbit')
      await checkPage(page)
      await shoot(page, `phone-${colorScheme}-login`)
      await page.getByLabel('User name').fill('tony')
      await press(page, 'Log in')
      expect(await checkPage(page)).toBe('Demo app wants to access your Fitbit data')
      await shoot(page, `phone-${colorScheme}-consent`)
    },
  )

  it('can go back from the provider and choose another one', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openPage(browser, NO_SCRIPT)
    const link = await demo.client.createLink(DEMO_REFERENCE_ID)
    await page.goto(link)
    await press(page, 'Garmin')
    expect(await headingOf(page)).toBe('Log in')
    await page.goBack()
    expect(await headingOf(page)).toBe('Connect your device')
    await press(page, 'Fitbit')
    await consent(page)
    await page.getByRole('heading', { name: 'Fitbit is connected' }).waitFor()
    expect(await acceptedTypes(demo, 2)).toEqual(['auth_cancelled', 'auth'])

    // Back to the consent page, and "Allow" once more: nothing happens twice.
    await page.goBack()
    expect(await headingOf(page)).toMatch(/wants to access/)
    await press(page, 'Allow')
    expect(new URL(page.url()).pathname).toBe('/connected')
    await page.goto(link)
    expect(await headingOf(page)).toBe('This link has been used')
    expect(await acceptedTypes(demo, 2)).toEqual(['auth_cancelled', 'auth'])
  })

  it('can click twice', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openPage(browser, NO_SCRIPT)
    await page.goto(await demo.client.createLink(DEMO_REFERENCE_ID))
    await page.getByRole('button', { name: 'Garmin', exact: true }).dblclick()
    await page.getByLabel('User name').fill('tony')
    await page.getByRole('button', { name: 'Log in' }).dblclick()
    await page.getByRole('button', { name: 'Allow' }).dblclick()
    await page.getByRole('heading', { name: 'Garmin is connected' }).waitFor()
    expect(await acceptedTypes(demo, 1)).toEqual(['auth'])
  })

  it('keeps a link that somebody else tries to use', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const owner = await openPage(browser, NO_SCRIPT)
    const stranger = await openPage(browser, NO_SCRIPT)
    const link = await demo.client.createLink(DEMO_REFERENCE_ID)
    await owner.goto(link)
    const answer = await stranger.goto(link)
    expect(answer?.status()).toBe(403)
    expect(await checkPage(stranger)).toBe('This link was opened in another browser')
    await shoot(stranger, 'end-opened-elsewhere')
    await press(owner, 'Garmin')
    await consent(owner)
    await owner.getByRole('heading', { name: 'Garmin is connected' }).waitFor()
  })

  it('can disconnect among their connections, and leave', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openPage(browser, NO_SCRIPT)
    await connect(demo, page, 'Garmin')
    await page.goto(demo.appUrl)
    await press(page, 'Connect a device')
    await checkPage(page)
    await shoot(page, 'connect-with-connections')
    await page.getByRole('link', { name: 'My connections (1)' }).click()
    expect(await checkPage(page)).toBe('My connections')
    await page.getByText('Disconnect Garmin').first().click()
    await checkPage(page)
    await shoot(page, 'connections')
    await press(page, 'Yes, disconnect Garmin')
    expect(await page.getByRole('status').innerText()).toBe('Garmin is disconnected.')
    expect(await page.locator('main').innerText()).toContain('Nothing is connected.')
    expect(await acceptedTypes(demo, 2)).toEqual(['auth', 'deauth'])
    await page.getByRole('link', { name: 'Connect another device' }).click()
    await press(page, 'Not now, go back')
    expect(new URL(page.url()).pathname).toBe('/failed')
    expect(await checkPage(page)).toBe('Your device is not connected')
    await shoot(page, 'app-cancelled')
  })
})
