/** What goes on for longer than a request: moves of people, and resends. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Demo } from '../../src/cli/demo.ts'
import { createPerson } from '../../src/simulator/person.ts'
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
    const { page } = await open('GARMIN', '/moves')
    const asked: unknown[] = []
    const route = { from: 'GARMIN_OAUTH1', to: 'GARMIN', kind: 'exchange' }
    const plan = { ...route, total: 9_300, with_reference_id: 9_288, connected_already: 0 }
    const progress = {
      total: 9_300,
      to_do: 6_130,
      linked: 12,
      failed: 41,
      connected: 3_100,
      gone: 17,
    }
    const at = '2026-11-23T07:12:41.000Z'
    const facts = { id: 'one', status: 'running', per_minute: 120, actor: 'cli', created_at: at }
    const move = { ...route, ...facts, progress, ended_at: null }
    // The demo's providers exchange nothing.
    await page.route(/\/admin\/v1\/moves(\/one(\/retry)?)?$/, async (request) => {
      const body = request.request().postDataJSON() as { dry_run?: boolean } | null
      if (request.request().method() === 'POST') asked.push(body)
      const isStart = body?.dry_run !== undefined
      const json = isStart
        ? { plan: { ...plan, obstacles: [] }, move: body.dry_run ? null : move }
        : move
      await request.fulfill({ json })
    })
    await page.route(/\/moves\/one\/users\?/, async (request) => {
      const ids = { lineage_id: 'lineage', user_id: '4735eac4-31a2-47ef-8b11-51e98d84c680' }
      const detail = 'Garmin refused the exchange: the token is not known there'
      const failed = { state: 'failed', attempts: 5, detail, next_attempt_at: null }
      const user = { ...ids, ...failed, reference_id: 'ann', link_expires_at: null, updated_at: at }
      await request.fulfill({ json: { data: [user], next: null } })
    })
    await page.getByRole('button', { name: 'Start a move …' }).click()
    await page.getByLabel('From the provider that ends').selectOption('GARMIN_OAUTH1')
    await page.getByLabel('Exchanges in a minute').fill('120')
    await page.getByRole('button', { name: 'Start with 9,300' }).click()
    await page.getByText('at most 120 exchanges in a minute').waitFor()
    await inspect(page, 'move-exchange')
    await page.getByRole('button', { name: 'Try the failed again' }).click()
    await expect.poll(() => asked, { timeout: 60_000 }).toHaveLength(4)
    expect(asked.at(-2)).toEqual({ from: 'GARMIN_OAUTH1', per_minute: 120, dry_run: false })
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
    const { page } = await open('GARMIN', '/history')
    const actions: string[] = []
    const resend = {
      id: '01900000-0000-7000-8000-000000000001',
      status: 'running',
      filter: { type: 'activity', provider: 'GARMIN', since: '2026-11-20T00:00:00.000Z' },
      deliveries: 41_250,
      progress: 0.423,
      actor: 'operator',
      created_at: '2026-11-23T07:12:41.000Z',
      ended_at: null,
    }
    // One that takes long would hold the test up for as long.
    await page.route(/\/admin\/v1\/resends\?/, async (route) => {
      const done = { ...resend, id: 'done', status: 'done', progress: 1, filter: {} }
      const event = { ...done, id: 'event', deliveries: 1, filter: { event_id: 'event' } }
      await route.fulfill({ json: { data: [resend, done, event], next: null } })
    })
    await page.route(/\/admin\/v1\/resends\/.*\/(pause|resume|cancel)$/, async (route) => {
      const action = new URL(route.request().url()).pathname.split('/').at(-1) ?? ''
      actions.push(action)
      resend.status = { pause: 'paused', resume: 'running' }[action] ?? 'cancelled'
      await route.fulfill({ json: resend })
    })
    await page.getByRole('link', { name: 'Resends' }).click()
    await page.getByText('42 %').waitFor()
    await inspect(page, 'resends-running')
    await page.getByRole('button', { name: 'Pause' }).click()
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.getByRole('button', { name: 'Cancel …' }).click()
    await page.getByRole('button', { name: 'Cancel it' }).click()
    await page.getByText('cancelled', { exact: true }).waitFor()
    expect(actions).toEqual(['pause', 'resume', 'cancel'])
  })
})
