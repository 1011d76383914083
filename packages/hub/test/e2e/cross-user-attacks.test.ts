/**
 * Two attacks across people, carried out with two browsers against an app with sessions: Mallory's link in
 * Victor's browser, and Mallory's login in Victor's account. Under every setting.
 */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConnectPolicy } from '../../src/core/connection.ts'
import { type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { headingOf, launchBrowser, openPage, press } from './support/browser.ts'
import { startSessionApp } from './support/session-app.ts'

const ARRIVAL = { timeout: 180_000, interval: 50 }

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

interface World {
  readonly hub: TestHub
  readonly appUrl: string
  readonly mallory: Page
  readonly victor: Page
}

/** Both have a browser, and are logged in to the app in it. */
async function createWorld(connect: ConnectPolicy): Promise<World> {
  const hub = await createTestHub({ settings: { connect }, providers: ['GARMIN'] })
  const appUrl = await startSessionApp(hub)
  const [mallory, victor] = [await openPage(browser, {}), await openPage(browser, {})]
  await mallory.goto(`${appUrl}/login/mallory`)
  await victor.goto(`${appUrl}/login/victor`)
  return { hub, appUrl, mallory, victor }
}

/** A link of the person who is logged in to the app in this browser; it is not opened. */
async function linkOf({ appUrl }: World, page: Page): Promise<string> {
  await page.goto(`${appUrl}/link`)
  return await page.locator('body').innerText()
}

/** Goes to the provider's consent page as whoever the provider knows in this browser. */
async function reachConsent(page: Page, link: string, login: string): Promise<void> {
  await page.goto(link)
  await press(page, 'Garmin')
  if ((await headingOf(page)) === 'Log in') {
    await page.getByLabel('User name').fill(login)
    await press(page, 'Log in')
  }
}

async function connect(page: Page, link: string, login: string): Promise<void> {
  await reachConsent(page, link, login)
  await press(page, 'Allow')
}

/** Consents, and stops at the door: with the browser's cookies, but without going where it is sent. */
async function stopAtCallback(page: Page, link: string, login: string): Promise<string> {
  await reachConsent(page, link, login)
  const scopes = await page.locator('input[name=scope]:checked').all()
  const form = new URLSearchParams({ decision: 'allow' })
  for (const scope of scopes) form.append('scope', await scope.inputValue())
  const answer = await page.request.post(page.url(), {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    data: form.toString(),
    maxRedirects: 0,
  })
  return answer.headers()['location'] ?? ''
}

/** Whose data reaches whom: `reference_id <- login` of every active connection. */
async function flowsOf({ hub }: World): Promise<string[]> {
  const rows = await hub.rows(
    "SELECT reference_id, provider_account_id FROM connection WHERE status = 'active'",
  )
  const logins = new Map(
    hub.simulator.accounts('GARMIN').map(({ accountId, login }) => [accountId, login]),
  )
  return rows
    .map(
      (row) =>
        `${String(row['reference_id'])} <- ${logins.get(String(row['provider_account_id']))}`,
    )
    .toSorted()
}

function granted({ hub }: World): string[] {
  return hub.simulator
    .accounts('GARMIN')
    .filter(({ appsConnected }) => appsConnected.length > 0)
    .map(({ login }) => login)
}

const POLICIES = ['allow', 'reject', 'move'] as const

describe('my link, your watch', () => {
  it.each(POLICIES)('gets nothing where the app confirms: %s', async (accountPolicy) => {
    const world = await createWorld({ confirmation: 'required', accountPolicy })
    const { victor, mallory, hub, appUrl } = world
    const link = await linkOf(world, mallory)
    await connect(victor, link, 'victor')
    // The provider was genuine, and so was every cookie: only the app knows who is sitting there.
    expect(await headingOf(victor)).toBe('victor: refused: other_end_user')
    expect(await flowsOf(world)).toEqual([])
    await expect.poll(() => granted(world), ARRIVAL).toEqual([])
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth_cancelled'])
    // Nor for herself, with all that he could see.
    const seen = new URL(victor.url())
    expect(seen.origin).toBe(appUrl)
    await mallory.goto(seen.href)
    expect(await headingOf(mallory)).toBe('mallory: failed')
    expect(await flowsOf(world)).toEqual([])
  })

  it.each(POLICIES)('gets nothing from somebody who has no session there: %s', async (policy) => {
    const world = await createWorld({ confirmation: 'required', accountPolicy: policy })
    const { victor, mallory, hub } = world
    const link = await linkOf(world, mallory)
    await victor.context().clearCookies()
    await connect(victor, link, 'victor')
    expect(await headingOf(victor)).toBe('Please log in')
    await hub.advanceByMs(5 * 60_000)
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth_cancelled'])
    await expect.poll(() => granted(world), ARRIVAL).toEqual([])
    expect(await flowsOf(world)).toEqual([])
  })

  // Without confirmation the documented loss: what remains is whether his account was connected before.
  it.each([
    ['allow', ['mallory <- victor', 'victor <- victor']],
    ['reject', ['victor <- victor']],
    ['move', ['mallory <- victor']],
  ] as const)('gets what the account policy says where nobody confirms: %s', async (...row) => {
    const [accountPolicy, expected] = row
    const world = await createWorld({ confirmation: 'off', accountPolicy })
    const { victor, mallory } = world
    await connect(victor, await linkOf(world, victor), 'victor')
    expect(await headingOf(victor)).toBe('victor: confirmed')
    await connect(victor, await linkOf(world, mallory), 'victor')
    const heading = await headingOf(victor)
    expect(heading).toBe(
      accountPolicy === 'reject' ? 'failed: account_in_use' : 'victor: refused: other_end_user',
    )
    expect(await flowsOf(world)).toEqual(expected)
  })

  it.each(POLICIES)('is refused to him once she has opened it: %s', async (accountPolicy) => {
    const world = await createWorld({ confirmation: 'off', accountPolicy })
    const link = await linkOf(world, world.mallory)
    await world.mallory.goto(link)
    await world.victor.goto(link)
    expect(await headingOf(world.victor)).toBe('This link was opened in another browser')
  })
})

describe('my watch, your account', () => {
  const ALL = POLICIES.flatMap((accountPolicy) =>
    (['off', 'required'] as const).map((confirmation) => ({ confirmation, accountPolicy })),
  )

  it.each(ALL)('does not get there by her callback: $confirmation, $accountPolicy', async (set) => {
    const world = await createWorld(set)
    const { hub, mallory, victor } = world
    const callback = await stopAtCallback(mallory, await linkOf(world, mallory), 'mallory')
    expect(callback).toContain(`${hub.url}/callback/`)
    await victor.goto(callback)
    expect(await headingOf(victor)).toBe('This link was opened in another browser')
    expect([await flowsOf(world), hub.app.accepted]).toEqual([[], []])
  })

  it.each(ALL)('does not get there by her return: $confirmation, $accountPolicy', async (set) => {
    const world = await createWorld(set)
    const { mallory, victor } = world
    const callback = await stopAtCallback(mallory, await linkOf(world, mallory), 'mallory')
    const answer = await mallory.request.get(callback, { maxRedirects: 0 })
    const address = answer.headers()['location'] ?? ''
    expect(address).toContain(set.confirmation === 'off' ? 'user_id=' : 'confirm_code=')
    await victor.goto(address)
    expect(await headingOf(victor)).toBe('victor: refused: other_end_user')
    expect((await flowsOf(world)).filter((flow) => flow.startsWith('victor'))).toEqual([])
  })

  // His own link, in a browser in which the provider knows her: only the earlier account can tell.
  it.each([
    ['allow', 'victor: confirmed', 'victor <- mallory', 'user_reauth'],
    ['reject', 'failed: other_account', 'victor <- victor', 'auth_cancelled'],
    ['move', 'victor: confirmed', 'victor <- mallory', 'deauth'],
  ] as const)('is noticed in place of his own: %s', async (accountPolicy, heading, flow, event) => {
    for (const confirmation of ['off', 'required'] as const) {
      const world = await createWorld({ confirmation, accountPolicy })
      const { hub, victor } = world
      await connect(victor, await linkOf(world, victor), 'victor')
      expect(await headingOf(victor)).toBe('victor: confirmed')
      await victor.context().clearCookies()
      await victor.goto(`${world.appUrl}/login/victor`)
      await connect(victor, await linkOf(world, victor), 'mallory')
      expect(await headingOf(victor)).toBe(heading)
      expect(await flowsOf(world)).toEqual([flow])
      await expect.poll(() => hub.app.accepted[1], ARRIVAL).toBe(event)
    }
  })
})
