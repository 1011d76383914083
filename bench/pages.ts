import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { type Browser, type Page, chromium } from 'playwright-core'
import { type Demo, startDemo } from '../packages/hub/src/cli/demo.ts'
import { createSetupToken, setUpOperator } from '../packages/hub/src/operations/operator-login.ts'
import { ensureDashboard } from '../scripts/ensure-dashboard.mjs'
import { readCount, readFlags } from './flags.ts'

const HELP = `node --conditions=source --import tsx bench/pages.ts [options]

How soon pages can be seen and used, on loopback with the processor slowed down four times, how fast the payload history is filtered,
and how smoothly 100,000 rows scroll.

  --events <n>   events in the history (1000000)
  --help`

const flags = readFlags(HELP, { events: { type: 'string', default: '1000000' } })

const RUNS = 7
const SLOWDOWN = 4
const PERSONS = 10_000
/** Rows that are scrolled through, of users and of events. */
const SCROLLED_ROWS = 100_000
/** Of 100 frames, 99 are at most one late, of 60 in a second. */
const FRAME_MS_MAX = 34
/** Pixels that a frame scrolls: about 2,000 rows a second, far more than a hand. */
const STEP_PX = 1_500

/** Events of many people, written at once: how they came there is not what is measured. */
const FILL = `INSERT INTO event (id, environment_id, type, lineage_id, order_key, user_id, reference_id, provider, body, ordering_ms, created_at_ms, fan_out)
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
  SELECT 'bench-' || i, ?, CASE i % 100 WHEN 0 THEN 'auth' ELSE 'activity' END, 'lineage-' || (i % ${PERSONS}), 'k' || i,
    'user-' || (i % ${PERSONS}), 'person-' || (i % ${PERSONS}), 'GARMIN', '{"type":"activity"}', ? + i, ? + i, 0 FROM n`

const FILL_USERS = `INSERT INTO connection (lineage_id, environment_id, match_key, provider, reference_id, provider_account_id, user_id,
    status, scopes, token_version, user_created_at_ms, last_ordering_ms, updated_at_ms)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    SELECT 'lineage-' || i, ?, 'k' || i, 'GARMIN', 'person-' || i, 'a' || i, 'user-' || i, 'active', '[]', 1, i, i, i FROM n`
const FILL_ALIASES = `INSERT INTO user_alias (user_id, environment_id, lineage_id, created_at_ms)
    SELECT user_id, environment_id, lineage_id, 1 FROM connection WHERE lineage_id LIKE 'lineage-%'`
const FILL_REFERENCES = `INSERT INTO lineage_reference (environment_id, reference_id, lineage_id)
    SELECT environment_id, reference_id, lineage_id FROM connection WHERE lineage_id LIKE 'lineage-%'`

/** Scrolls on with every frame until the last row is in sight; in the page, as the page's own frames are timed. */
const SCROLL = `new Promise((resolve) => {
  const frames = []
  let before = performance.now()
  const step = (now) => {
    frames.push(now - before)
    before = now
    // Rows that are there, not those on their way.
    const links = document.querySelectorAll('[data-index] a')
    const last = links[links.length - 1]?.closest('[data-index]')
    if (Number(last?.dataset.index) >= ${SCROLLED_ROWS - 1}) return resolve(frames)
    scrollBy(0, ${STEP_PX})
    requestAnimationFrame(step)
  }
  requestAnimationFrame(step)
})`

/** Times of all frames on the way through {@link SCROLLED_ROWS} rows, which are fetched a page at a time. */
async function measureScrolling(browser: Browser, url: string, session: string): Promise<number[]> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } })
  await context.addCookies([{ name: 'firma-operator', value: session, url: new URL(url).origin }])
  const page = await context.newPage()
  await page.goto(url)
  await page.locator('[data-index]').first().waitFor()
  const frames = await page.evaluate<number[]>(SCROLL)
  await context.close()
  return frames
}

function reportScrolling(name: string, frames: readonly number[]): void {
  const sorted = frames.toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1)
  const slow = frames.filter((ms) => ms > 50).length
  const verdict =
    (sorted[Math.floor((sorted.length - 1) * 0.99)] ?? Number.NaN) <= FRAME_MS_MAX
      ? 'holds'
      : 'FALLS SHORT'
  const seconds = frames.reduce((sum, ms) => sum + ms, 0) / 1_000
  const rows = SCROLLED_ROWS.toLocaleString('en')
  console.log(
    `${name}, ${rows} rows in ${seconds.toFixed(0)} s: frames median ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms; ${slow} of ${frames.length} over 50 ms; limit of p99 ${FRAME_MS_MAX} ms: ${verdict}`,
  )
}

/** Milliseconds from the navigation to the first paint with content. */
async function firstPaintMs(page: Page, url: string): Promise<number> {
  await page.goto(url, { waitUntil: 'load' })
  return await page.evaluate<number>(`new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const [paint] = list.getEntriesByName('first-contentful-paint')
      if (paint) resolve(paint.startTime)
    }).observe({ type: 'paint', buffered: true })
  })`)
}

/** What of a page has to be there before it counts as usable: what it shows, not its frame. */
const DASHBOARD_PAGES: Readonly<Record<string, string>> = {
  '': 'section[aria-label="Events over time"]',
  users: '[data-index]',
  'users/USER': 'section',
  history: '[data-index]',
  'history/EVENT': 'section pre',
  resends: 'main section',
  destinations: '#main section',
  providers: '[data-index]',
  'providers/GARMIN': '#main form',
  moves: 'main section',
  simulator: '#main form',
  settings: '#main form',
}

/** Milliseconds from the navigation until the page shows what it is for, waits for nothing, and takes clicks. */
async function usableMs(page: Page, url: string, content: string): Promise<number> {
  const startedAtMs = performance.now()
  await page.goto(url, { waitUntil: 'commit' })
  await page.locator(content).first().waitFor()
  await page.getByText('Loading …').first().waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Live' }).click({ trial: true })
  return performance.now() - startedAtMs
}

/** Runs something in a browser that has nothing in its cache, on a slow machine. */
async function inFreshBrowser<T>(
  browser: Browser,
  { demo, session }: { readonly demo: Demo; readonly session: string },
  run: (page: Page) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 } })
  await context.addCookies([{ name: 'firma-operator', value: session, url: demo.hubUrl }])
  const page = await context.newPage()
  const cdp = await context.newCDPSession(page)
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN })
  const result = await run(page)
  await context.close()
  return result
}

/** How soon each page can be used, in turns, so that none has the quiet moments to itself. */
async function measurePages(
  browser: Browser,
  login: { readonly demo: Demo; readonly session: string },
): Promise<void> {
  const { demo } = login
  const paints: number[] = []
  const times = new Map<string, number[]>()
  const [event] = await demo.hub.deps.store.events.list(demo.credentials.devId, {}, { limit: 1 })
  for (let run = 0; run < RUNS; run += 1) {
    const link = await demo.client.createLink('bench')
    paints.push(
      await inFreshBrowser(browser, login, async (page) => await firstPaintMs(page, link)),
    )
    for (const [path, content] of Object.entries(DASHBOARD_PAGES)) {
      const filled = path.replace('EVENT', event?.id ?? '').replace('USER', 'user-7')
      const url = `${demo.hubUrl}/dashboard/${filled}`
      const ms = await inFreshBrowser(
        browser,
        login,
        async (page) => await usableMs(page, url, content),
      )
      times.set(path, [...(times.get(path) ?? []), ms])
    }
  }
  report('connect page, first paint', 500, paints)
  for (const [path, timesMs] of times) report(`/dashboard/${path}, usable`, 1_500, timesMs)
}

async function measureFilter(demo: Demo, query: string): Promise<number> {
  const { devId, apiKey } = demo.credentials
  const startedAtMs = performance.now()
  const response = await fetch(`${demo.hubUrl}/admin/v1/events?limit=100&${query}`, {
    headers: { 'dev-id': devId, 'x-api-key': apiKey },
  })
  if (!response.ok) throw new Error(`the hub answered ${response.status}`)
  await response.arrayBuffer()
  return performance.now() - startedAtMs
}

function report(name: string, limitMs: number, timesMs: readonly number[]): void {
  const sorted = timesMs.toSorted((a, b) => a - b).map(Math.round)
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const verdict = median <= limitMs ? 'holds' : 'FALLS SHORT'
  console.log(
    `${name}: median ${median} ms, most ${sorted.at(-1)} ms, limit ${limitMs} ms: ${verdict}`,
  )
}

async function main(events: number): Promise<void> {
  ensureDashboard(process.cwd())
  const dataFolder = await mkdtemp(join(tmpdir(), 'firma-bench-'))
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const options = { dataFolder, port: 0, host: '127.0.0.1', log }
  const first = await startDemo(options)
  const { devId } = first.credentials
  await first.close()
  const sqlite = await openSqlite(join(dataFolder, 'firma.sqlite'))
  await sqlite.exclusive((database) => {
    // Of today, or their retention would have passed.
    const sinceMs = Date.now() - events
    database.prepare(FILL).run(events, devId, sinceMs, sinceMs)
    database.prepare(FILL_USERS).run(SCROLLED_ROWS, devId)
    database.prepare(FILL_ALIASES).run()
    database.prepare(FILL_REFERENCES).run()
  })
  await sqlite.close()
  const demo = await startDemo(options)
  const browser = await chromium.launch({
    executablePath: process.env['FIRMA_CHROMIUM'] ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  })
  try {
    const { deps } = demo.hub
    const setupToken = (await createSetupToken(deps)) ?? ''
    const { token } = await setUpOperator(deps, { setupToken, password: 'a password to measure' })
    await measurePages(browser, { demo, session: token })
    for (const query of ['type=auth', 'user_id=user-7', 'reference_id=person-7&type=activity']) {
      const timesMs: number[] = []
      for (let run = 0; run < RUNS; run += 1) timesMs.push(await measureFilter(demo, query))
      report(`${events.toLocaleString('en')} events, ${query}`, 100, timesMs)
    }
    for (const name of ['users', 'history']) {
      const url = `${demo.hubUrl}/dashboard/${name}`
      reportScrolling(`scrolling ${name}`, await measureScrolling(browser, url, token))
    }
  } finally {
    await browser.close()
    await demo.close()
    await rm(dataFolder, { recursive: true, force: true })
  }
}

await main(readCount('events', flags.events))
