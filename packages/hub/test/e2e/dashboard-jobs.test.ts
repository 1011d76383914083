/** What goes on for longer than a request: moves of people, and resends. */
import assert from 'node:assert'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Demo } from '../../src/cli/demo.ts'
import { DEMO_REFERENCE_ID } from '../../src/cli/demo-app.ts'
import { announceData } from '../../src/operations/announce-data.ts'
import { disableDestination } from '../../src/operations/destinations.ts'
import { startResend } from '../../src/operations/resend-events.ts'
import { createPerson } from '../../src/simulator/person.ts'
import { launchBrowser } from './support/browser.ts'
import { inspect, openDashboard } from './support/dashboard.ts'
import {
  acceptedTypes,
  connect,
  createDataFolder,
  startTestDemo,
} from './support/start-test-demo.ts'

/** A resend makes 597 deliveries of these and waits, while a destination holds them: it goes on running. */
const SLEEPS = 650
/** Everything here takes milliseconds, on a machine that has nothing else to do. */
const POLL = { timeout: 180_000 }

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

async function open(provider: string, path: string): Promise<{ demo: Demo; page: Page }> {
  const demo = await startTestDemo(await createDataFolder())
  await connect(demo, provider)
  const page = await openDashboard(browser, demo)
  await page.goto(`${demo.hubUrl}/dashboard${path}`)
  return { demo, page }
}

/** Opens a link of a move, presses the button there, and agrees at the successor. */
async function follow(url: string): Promise<void> {
  const person = createPerson({ login: 'tony@google' })
  const flow = await person.request(url, new URLSearchParams())
  const provider = await person.request(flow.headers.get('location') ?? '')
  const authorization = new URL(provider.headers.get('location') ?? '')
  await person.request(await person.authorize(authorization))
}

describe('a move', () => {
  it('is looked at, started, followed by a link of one person, and ended', async () => {
    const { demo, page } = await open('FITBIT', '/moves')
    await page.getByRole('button', { name: 'Start a move …' }).click()
    await page.getByLabel('From the provider that ends').selectOption('FITBIT')
    await page.getByText('Nothing has been changed yet.').waitFor()
    await inspect(page, 'move-start')
    await page.getByRole('button', { name: 'Start with 1' }).click()
    await page.getByRole('heading', { name: 'FITBIT → GOOGLE' }).waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText('paused', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByRole('button', { name: 'Make links for all who have none' }).click()
    await page.getByText('1 link was made.').waitFor()
    await inspect(page, 'move')
    await page.getByRole('button', { name: 'Make a link for tony_stark' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Make it' }).click()
    const url = await page.getByRole('dialog').locator('code').innerText()
    await page.getByRole('button', { name: 'Done' }).click()
    await follow(url)
    expect(await acceptedTypes(demo, 3)).toEqual(['auth', 'user_reauth', 'auth'])
    await page.getByText('1 of 1 have moved').waitFor()
    await inspect(page, 'move-done')
    await page.getByRole('button', { name: 'End …' }).click()
    await page.getByRole('button', { name: 'End it' }).click()
    await page.getByText('ended', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'Moves', exact: true }).last().click()
    await page.getByRole('row').getByText('FITBIT → GOOGLE').waitFor()
    await inspect(page, 'moves')
  })

  it('says what has to be done first', async () => {
    const { demo, page } = await open('FITBIT', '/moves')
    const headers = { 'dev-id': demo.credentials.devId, 'x-api-key': demo.credentials.apiKey }
    const url = `${demo.hubUrl}/admin/v1/providers/GOOGLE`
    expect((await fetch(url, { method: 'DELETE', headers })).status).toBe(200)
    await page.getByRole('button', { name: 'Start a move …' }).click()
    await page.getByLabel('From the provider that ends').selectOption('FITBIT')
    await page.getByText('this environment does not have GOOGLE').waitFor()
    expect(await page.getByRole('button', { name: /^Start with/ }).isDisabled()).toBe(true)
    await inspect(page, 'move-obstacle')
  })

  it('by exchange of tokens has a pace, and tries again what has failed', async () => {
    const { demo, page } = await open('GARMIN_OAUTH1', '/moves')
    const ann = { person: createPerson({ login: 'ann' }), referenceId: 'ann' }
    await connect(demo, 'GARMIN_OAUTH1', ann)
    demo.simulator.fail('GARMIN_OAUTH1', { exchangeEndpoint: { status: 401 } })
    await page.getByRole('button', { name: 'Start a move …' }).click()
    await page.getByLabel('From the provider that ends').selectOption('GARMIN_OAUTH1')
    await page.getByLabel('Exchanges in a minute').fill('6000')
    await page.getByRole('button', { name: 'Start with 2' }).click()
    await page.getByText('at most 6,000 exchanges in a minute').waitFor()
    // Nobody loads the page anew: the stream tells of each attempt.
    await expect
      .poll(
        async () =>
          await page
            .getByRole('row')
            .getByText(/of GARMIN_OAUTH1/)
            .count(),
        POLL,
      )
      .toBe(2)
    await inspect(page, 'move-exchange')
    demo.simulator.heal('GARMIN_OAUTH1')
    await page.getByRole('button', { name: 'Try the failed again' }).click()
    await page.getByText('2 of 2 have moved').waitFor()
    const accepted = await acceptedTypes(demo, 6)
    const [auths, reauths] = [
      accepted.filter((type) => type === 'auth'),
      accepted.filter((type) => type === 'user_reauth'),
    ]
    expect([auths.length, reauths.length]).toEqual([4, 2])
  })
})

describe('a resend', () => {
  it('is started in the history, and its progress is seen', async () => {
    const { demo, page } = await open('GARMIN', '/history?type=auth')
    await acceptedTypes(demo, 1)
    await demo.hub.settle()
    await page.getByRole('button', { name: 'Resend these …' }).click()
    await page.getByRole('button', { name: 'Send again' }).click()
    await page.getByRole('link', { name: 'See how far they are' }).click()
    await page.getByRole('heading', { name: 'Resends' }).waitFor()
    await page.getByText('done', { exact: true }).waitFor()
    const row = page.getByRole('row').last()
    expect(await row.innerText()).toMatch(/type auth[^]*100 %/)
    await inspect(page, 'resends')
  })

  it('is paused, goes on, and is cancelled', async () => {
    const { demo, page } = await open('GARMIN', '/history')
    const { deps } = demo.hub
    const { devId, destinationId } = demo.credentials
    const environment = await deps.store.environments.find(devId)
    assert(environment !== undefined, 'the demo has an environment')
    const [userId = ''] = await demo.client.listUserIds(DEMO_REFERENCE_ID)
    const data = { type: 'sleep', data: [] } as const
    await Promise.all(
      Array.from({ length: SLEEPS }, async () => {
        await announceData(deps, environment, userId, data)
      }),
    )
    await demo.hub.settle()
    // What is sent again is held, so that the resend gets no further than its window.
    await disableDestination(deps, { environment, id: destinationId, actor: 'cli' }, 'a test')
    await startResend(deps, environment, { type: 'sleep' }, 'cli')
    await page.getByRole('link', { name: 'Resends' }).click()
    const row = page.getByRole('row').last()
    await row.getByText('597', { exact: true }).waitFor()
    await inspect(page, 'resends-running')
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByText('paused', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByText('running', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Cancel …' }).click()
    await page.getByRole('button', { name: 'Cancel it' }).click()
    await page.getByText('cancelled', { exact: true }).waitFor()
    const resends = await deps.store.resends.list(devId, { limit: 2 })
    expect(resends).toMatchObject([{ status: 'cancelled', deliveries: 597 }])
  })

  it('that somebody else starts is seen as it happens', async () => {
    const { demo, page } = await open('GARMIN', '/resends')
    await acceptedTypes(demo, 1)
    await demo.hub.settle()
    await page.getByText('Nothing was sent again').waitFor()
    const { devId, apiKey } = demo.credentials
    const headers = { 'dev-id': devId, 'x-api-key': apiKey, 'content-type': 'application/json' }
    const request = { method: 'POST', headers, body: '{"type":"auth"}' }
    const { status } = await fetch(`${demo.hubUrl}/admin/v1/resends`, request)
    expect(status).toBe(201)
    await page.getByText('done', { exact: true }).waitFor()
  })
})
