// `npm run docs:screenshots`: starts the demo, lives through what the documents tell, and takes their pictures anew.
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, type Page, chromium } from 'playwright-core'
import { type Demo, startDemo } from '../packages/hub/src/cli/demo.ts'
import { createSetupToken, setUpOperator } from '../packages/hub/src/operations/operator-login.ts'
import { createPerson } from '../packages/hub/src/simulator/person.ts'
import { provideChromium } from './chromium.ts'
import { ensureDashboard } from './ensure-dashboard.mjs'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const IMAGES = path.join(root, 'docs/images')
/** The ports that the documents name: addresses are to be seen on the pictures. */
const PORT = 4000
const WIDGET = { width: 560, height: 720 }
const DESK = { width: 1_280, height: 800 }
const PASSWORD = 'a password of the operator'

type Shoot = (page: Page, name: string) => Promise<void>

/** A page without movement, in the light colours. */
async function open(browser: Browser, viewport: typeof DESK): Promise<Page> {
  const context = await browser.newContext({
    viewport,
    colorScheme: 'light',
    reducedMotion: 'reduce',
    locale: 'en',
    timezoneId: 'UTC',
  })
  return await context.newPage()
}

async function press(page: Page, name: string | RegExp): Promise<void> {
  const isLoaded = page.waitForEvent('load')
  await page.getByRole('button', { name, exact: true }).click()
  await isLoaded
}

/** A link that ends at a page of the hub, as for an app that names no addresses. */
async function createLink({ hubUrl, credentials }: Demo): Promise<string> {
  const response = await fetch(`${hubUrl}/v2/auth/generateWidgetSession`, {
    method: 'POST',
    headers: {
      'dev-id': credentials.devId,
      'x-api-key': credentials.apiKey,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      reference_id: 'tony_stark',
      providers: 'FITBIT,GARMIN,OURA,POLAR,WITHINGS',
      show_disconnect: true,
    }),
  })
  if (!response.ok) throw new Error(`no link: ${response.status} ${await response.text()}`)
  const { url } = (await response.json()) as { url: string }
  return url
}

/** A person at the connect page: one connection refused, one allowed, then what they have. */
async function shootConnectPage(browser: Browser, demo: Demo, shoot: Shoot): Promise<void> {
  const page = await open(browser, WIDGET)
  await page.goto(await createLink(demo))
  await shoot(page, 'connect-choose')
  await press(page, 'Garmin')
  await page.getByLabel('User name').fill('tony')
  await press(page, 'Log in')
  await shoot(page, 'connect-consent')
  await press(page, 'Deny')
  await page.getByRole('heading', { name: 'Garmin is not connected' }).waitFor()
  await shoot(page, 'connect-refused')
  await press(page, 'Try again with Garmin')
  await press(page, 'Allow')
  await page.getByRole('heading', { name: 'Garmin is connected' }).waitFor()
  await shoot(page, 'connect-connected')
  await page.goto(`${await createLink(demo)}/connections`)
  await page.getByRole('heading', { name: 'My connections' }).waitFor()
  await shoot(page, 'connect-connections')
  await page.context().close()
}

/** More people and more of what happens, so that lists and charts have something to show. */
async function populate(demo: Demo): Promise<string> {
  const connect = async (name: string, provider: string, decision: 'allow' | 'deny' = 'allow') => {
    const person = createPerson({ login: name })
    const link = await demo.client.createLink(name, 'all')
    await person.request(link)
    const choice = await person.request(`${link}/connect`, new URLSearchParams({ provider }))
    const callback = await person.authorize(choice.headers.get('location') ?? '', { decision })
    const arrival = await person.request(callback)
    const address = new URL(arrival.headers.get('location') ?? 'about:blank')
    return address.searchParams.get('user_id') ?? ''
  }
  await connect('steve_rogers', 'FITBIT')
  await connect('natasha_romanoff', 'OURA')
  await connect('bruce_banner', 'POLAR', 'deny')
  await connect('bruce_banner', 'WITHINGS')
  await demo.client.disconnect(await connect('peter_parker', 'FITBIT'))
  await demo.client.sendWalk(await connect('tony_stark', 'FITBIT'))
  // The same provider once more: the user_id changes, the connection stays.
  const userId = await connect('tony_stark', 'GARMIN')
  await demo.client.sendWalk(userId)
  await demo.hub.settle()
  return userId
}

/** As the operator who has just chosen the password. */
async function openDashboard(browser: Browser, { hub, hubUrl }: Demo): Promise<Page> {
  const setupToken = (await createSetupToken(hub.deps)) ?? ''
  const { token } = await setUpOperator(hub.deps, { setupToken, password: PASSWORD })
  const page = await open(browser, DESK)
  await page.context().addCookies([{ name: 'firma-operator', value: token, url: hubUrl }])
  return page
}

async function shootDashboard(browser: Browser, demo: Demo, shoot: Shoot): Promise<void> {
  const userId = await populate(demo)
  const page = await openDashboard(browser, demo)
  const visit = async (address: string, isThere: () => Promise<unknown>): Promise<void> => {
    await page.goto(`${demo.hubUrl}/dashboard${address}`)
    await isThere()
  }
  const rows = (name: string) => page.getByRole('table', { name }).locator('[data-index]')
  await visit('/', async () => await page.locator('canvas').nth(3).waitFor())
  await shoot(page, 'dashboard-overview')
  await visit('/users', async () => await rows('Users').nth(3).waitFor())
  await shoot(page, 'dashboard-users')
  const pageText = (text: string) => async () => await page.getByText(text).first().waitFor()
  await visit(`/users/${userId}`, pageText('reconnected: the user_id changed'))
  await shoot(page, 'dashboard-user')
  await visit('/history', async () => await rows('Events').nth(6).waitFor())
  await shoot(page, 'dashboard-history')
  await page.getByRole('link', { name: 'user_reauth' }).first().click()
  await page.getByText(/HTTP 2\d\d/).click()
  await shoot(page, 'dashboard-event')
  await visit('/destinations', pageText(`${demo.appUrl}/webhook`))
  await page.getByRole('button', { name: 'Send a test' }).click()
  await page.getByText('HTTP 200').waitFor()
  await shoot(page, 'dashboard-destinations')
  await visit('/providers', pageText('GARMIN'))
  await shoot(page, 'dashboard-providers')
  await visit(`/simulator?user_id=${userId}`, async () => {
    await page.getByLabel('Event or story').selectOption('sleep')
    await page.getByRole('region', { name: 'Body 1: sleep' }).waitFor()
  })
  await shoot(page, 'dashboard-simulator')
  await visit('/settings', async () => {
    await page.getByRole('table', { name: 'API keys' }).waitFor()
  })
  await shoot(page, 'dashboard-settings')
}

/** The app of the demo, with what it was told. */
async function shootApp(browser: Browser, demo: Demo, shoot: Shoot): Promise<void> {
  const page = await open(browser, { width: 1_000, height: 800 })
  await page.goto(demo.appUrl)
  await shoot(page, 'demo-app')
}

async function takeAll(folder: string): Promise<void> {
  const { FIRMA_CHROMIUM: executablePath = '' } = await provideChromium(process.env)
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  const log = { info: () => undefined, warn: () => undefined, error: console.error }
  const demo = await startDemo({ dataFolder: folder, port: PORT, host: '127.0.0.1', log })
  try {
    await rm(IMAGES, { recursive: true, force: true })
    const shoot: Shoot = async (page, name) => {
      await page.waitForLoadState('networkidle')
      await page.screenshot({ path: path.join(IMAGES, `${name}.png`), animations: 'disabled' })
    }
    await shootConnectPage(browser, demo, shoot)
    await shootDashboard(browser, demo, shoot)
    await shootApp(browser, demo, shoot)
  } finally {
    await browser.close()
    await demo.close()
  }
}

ensureDashboard(root)
const folder = await mkdtemp(path.join(tmpdir(), 'firma-screenshots-'))
try {
  await takeAll(folder)
} finally {
  await rm(folder, { recursive: true, force: true })
}
const names = await readdir(IMAGES)
const sizes = await Promise.all(
  names.map(async (name) => (await stat(path.join(IMAGES, name))).size),
)
const bytes = sizes.reduce((sum, size) => sum + size, 0)
console.log(`${names.length} pictures, ${bytes} bytes, in docs/images`)
