import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Demo } from '../../src/cli/demo.ts'
import { launchBrowser } from './support/browser.ts'
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

async function open(path: string): Promise<{ demo: Demo; page: Page }> {
  const demo = await startTestDemo(await createDataFolder())
  const page = await openDashboard(browser, demo)
  await page.goto(`${demo.hubUrl}/dashboard${path}`)
  return { demo, page }
}

describe('the destinations', () => {
  it('are tested, changed, disabled, enabled and given a new secret', async () => {
    const { demo, page } = await open('/destinations')
    await page.getByText(`${demo.appUrl}/webhook`).waitFor()
    await page.getByRole('button', { name: 'Send a test' }).click()
    await page.getByText('HTTP 200').waitFor()
    await inspect(page, 'destinations')
    await page.getByRole('button', { name: 'Change …' }).click()
    await page.getByLabel('Only these event types').fill('auht')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('did you mean auth?').waitFor()
    await page.getByLabel('Only these event types').fill('auth\ndeauth')
    await inspect(page, 'destination-change')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('auth, deauth').waitFor()
    await page.getByRole('button', { name: 'New secret …' }).click()
    await page.getByRole('button', { name: 'Make it' }).click()
    await page.getByText('It is shown now and never again.').waitFor()
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByText('An earlier secret signs too').waitFor()
    await page.getByRole('button', { name: 'Disable' }).click()
    await page.getByText('disabled', { exact: true }).waitFor()
    await connect(demo, 'GARMIN')
    await page.getByRole('button', { name: 'Enable and send what was held' }).click()
    await page.getByText('enabled', { exact: true }).waitFor()
    await demo.hub.settle()
    const events = await demo.client.listEvents(
      (await demo.client.listUserIds('tony_stark'))[0] ?? '',
    )
    expect(events.map(({ type }) => type)).toEqual(['auth'])
  })

  it('get headers whose values nobody sees again, and keep a rhythm of their own', async () => {
    const { demo, page } = await open('/destinations')
    const { store } = demo.hub.deps
    const read = async () => {
      const [one] = await store.destinations.list(demo.credentials.devId)
      return { retries: one?.retries, headers: one?.headers?.reveal() ?? null }
    }
    const change = async (): Promise<void> => {
      await page.getByRole('button', { name: 'Change …' }).click()
    }
    const save = async (): Promise<void> => {
      await page.getByRole('button', { name: 'Save' }).click()
      await page.getByRole('dialog').waitFor({ state: 'detached' })
    }
    await change()
    await page.getByLabel('What fails is tried again').selectOption('own')
    await page.getByLabel('First wait, seconds').fill('5')
    await page.getByLabel('Longest wait, seconds').fill('600')
    await page.getByText('After up to 5.0 s, 10.0 s').waitFor()
    await page.getByRole('button', { name: 'Set a header' }).click()
    await page.getByLabel('Header 1', { exact: true }).fill('Authorization')
    await page.getByLabel('Its value 1').fill('Bearer abc')
    await inspect(page, 'destination-headers')
    await save()
    await page.getByText('with authorization').waitFor()
    const retries = { baseMs: 5_000, capMs: 600_000, windowMs: 259_200_000 }
    expect(await read()).toEqual({ retries, headers: { authorization: 'Bearer abc' } })
    // What is not touched stays as it is.
    await change()
    await page.getByText('Their values are kept, and never shown.').waitFor()
    await page.getByLabel('Deliveries at once').fill('3')
    await save()
    expect(await read()).toEqual({ retries, headers: { authorization: 'Bearer abc' } })
    await change()
    await page.getByLabel('Send no headers of your own any more').check()
    await page.getByLabel('What fails is tried again').selectOption('usual')
    await save()
    expect(await read()).toEqual({ retries: null, headers: null })
  })

  it('are added with a secret that is shown once, and deleted', async () => {
    const { page } = await open('/destinations')
    await page.getByRole('button', { name: 'New destination …' }).click()
    await page.getByLabel('URL').fill('https://app.example/hooks')
    await page.getByRole('button', { name: 'Add' }).click()
    await page.getByText('It is shown now and never again.').waitFor()
    await page.getByRole('button', { name: 'Done' }).click()
    const added = page.getByRole('listitem').filter({ hasText: 'https://app.example/hooks' })
    await added.getByRole('button', { name: 'Delete …' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
    await added.waitFor({ state: 'detached' })
    expect(await page.getByRole('button', { name: 'Send a test' }).count()).toBe(1)
  })
})

describe('the overview', () => {
  it('shows how everything does, in figures and over time', async () => {
    const { demo, page } = await open('/')
    await page.getByText('No events in this time').waitFor()
    await inspect(page, 'overview-empty')
    for (const provider of ['GARMIN', 'FITBIT', 'OURA']) await connect(demo, provider)
    const userId = (await connect(demo, 'GARMIN')).searchParams.get('user_id') ?? ''
    for (let walk = 0; walk < 5; walk += 1) await demo.client.sendWalk(userId)
    await acceptedTypes(demo, 10)
    await demo.hub.settle()
    await page.reload()
    await page.getByRole('list', { name: 'Events over time, in all' }).waitFor()
    await page.locator('canvas').nth(4).waitFor()
    expect(await page.getByRole('list', { name: 'Events over time, in all' }).innerText()).toMatch(
      /activity\s+5/,
    )
    const success = page.getByRole('list', { name: 'Delivered with success, in all' })
    expect(await success.innerText()).toMatch(/100 %/)
    await page.getByRole('combobox', { name: 'Lines by' }).selectOption('state')
    const now = page.getByRole('list', { name: 'Connections over time, now' })
    expect(await now.innerText()).toMatch(/active\s+3/)
    await page.getByText('As a table').first().click()
    const table = page.getByRole('region', { name: 'Table: Events over time' })
    expect(await table.getByRole('columnheader').first().innerText()).toBe('From (UTC)')
    await inspect(page, 'overview')
  })
})

describe('the simulator', () => {
  it('announces data after a preview', async () => {
    const { demo, page } = await open('/')
    const userId = (await connect(demo, 'GARMIN')).searchParams.get('user_id') ?? ''
    await page.goto(`${demo.hubUrl}/dashboard/simulator?user_id=${userId}`)
    await page.getByLabel('Event or story').selectOption('sleep')
    await page.getByLabel('Data (JSON)').fill('[{]')
    await page.getByText('The data is not valid JSON').waitFor()
    await page.getByLabel('Data (JSON)').fill('[{"quiet": true}]')
    await page.getByRole('region', { name: 'Body 1: sleep' }).getByText('quiet').waitFor()
    await page.getByRole('button', { name: 'Send it' }).click()
    await page.getByText('Announced').waitFor()
    await inspect(page, 'simulator')
    expect((await acceptedTypes(demo, 2)).at(-1)).toBe('sleep')
  })

  it('tells a whole story to one destination, and marks it in the history', async () => {
    const { demo, page } = await open('/simulator')
    await page.getByLabel('Event or story').selectOption('reconnect')
    await page.getByLabel('Destination').selectOption(`${demo.appUrl}/webhook`)
    await page.getByLabel('reference_id').fill('natasha')
    await page.getByRole('region', { name: 'user_reauth' }).getByText('natasha').first().waitFor()
    await page.getByRole('button', { name: 'Send it' }).click()
    await page.getByRole('link', { name: 'the event and its deliveries' }).click()
    await page.getByText('generated').first().waitFor()
    expect((await acceptedTypes(demo, 3)).slice(0, 3)).toEqual(['auth', 'user_reauth', 'auth'])
  })
})
