/** The connect button in an app's page, in a real browser, against the whole demo. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startApp } from '../../../../examples/connect-button/server.ts'
import { listCodeBlocks } from '../../../../scripts/docs/markdown.ts'
import { listen } from '../../src/cli/serve.ts'
import { addDestination } from '../../src/operations/set-up.ts'
import { expectAccessible, launchBrowser, openPage, press, shoot } from './support/browser.ts'
import { createDataFolder, startTestDemo } from './support/start-test-demo.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

/** The example app at a running hub, open in a browser. */
async function openApp(): Promise<Page> {
  const demo = await startTestDemo(await createDataFolder())
  const { deps } = demo.hub
  const { devId, apiKey } = demo.credentials
  // Made first, because the app must know the secret before it listens; it moves there afterwards.
  const destination = await addDestination(deps, {
    environmentId: devId,
    url: 'http://127.0.0.1:1/webhook',
  })
  const { server, url } = await startApp({
    hubUrl: demo.hubUrl,
    devId,
    apiKey,
    signingSecret: destination.secret,
    port: 0,
  })
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })
  await deps.store.destinations.moveTo(destination.id, `${url}/webhook`)
  const page = await openPage(browser, {})
  await page.goto(url)
  return page
}

async function consent(page: Page, decision: 'Allow' | 'Deny'): Promise<void> {
  await press(page, 'Garmin')
  await page.getByLabel('User name').fill('pepper')
  await press(page, 'Log in')
  // A popup closes itself afterwards, so nothing is loaded in the end.
  await page.getByRole('button', { name: decision }).click({ noWaitAfter: true })
}

describe('<firma-connect>', () => {
  it('connects in a popup, and the page hears of it', async () => {
    const page = await openApp()
    await expectAccessible(page)
    const opened = page.waitForEvent('popup')
    await page.getByRole('button', { name: 'Connect a device' }).click()
    const popup = await opened
    const closed = popup.waitForEvent('close')
    await consent(popup, 'Allow')
    await closed
    await page.getByText('GARMIN: active').waitFor()
    expect(await page.getByRole('status').innerText()).toBe('Connected.')
    await shoot(page, 'connect-button')
  })

  it('hears it too when a provider has cut the popup off from its opener', async () => {
    const page = await openApp()
    // As after a page with Cross-Origin-Opener-Policy.
    await page.context().addInitScript('window.opener = null')
    const opened = page.waitForEvent('popup')
    await page.getByRole('button', { name: 'Connect a device' }).click()
    const popup = await opened
    const closed = popup.waitForEvent('close')
    await consent(popup, 'Deny')
    await closed
    await page.getByText('Not connected: access_denied').waitFor()
    expect(page.context().pages()).toEqual([page])
  })

  it('connects in the same window', async () => {
    const page = await openApp()
    const isLoaded = page.waitForEvent('load')
    await page.getByRole('button', { name: 'Connect in this window' }).click()
    await isLoaded
    await consent(page, 'Allow')
    await page.getByRole('heading', { name: 'GARMIN says yes' }).waitFor()
    await page.getByRole('link', { name: 'Back to your devices' }).click()
    await page.getByText('GARMIN: active').waitFor()
    expect(page.context().pages()).toEqual([page])
  })

  it('says that no link could be made', async () => {
    const page = await openApp()
    await page.route('**/api/connect', async (route) => await route.abort())
    await page.getByRole('button', { name: 'Connect a device' }).click()
    await page.getByRole('alert').getByText('That did not work.').waitFor()
    expect(page.context().pages()).toHaveLength(1)
  })
})

describe('what the README shows', async () => {
  const README = new URL('../../../connect/README.md', import.meta.url)
  const blocks = listCodeBlocks(await readFile(README, 'utf8'))
  const ofKind = (kind: string): string[] =>
    blocks.filter(({ info }) => info === kind).map(({ code }) => code)
  const [tag = '', comeBack = ''] = ofKind('html')
  const WIDGET_SESSION = '/v2/auth/generateWidgetSession'
  const MOUNT = `
    import { createElement } from 'react'
    import { createRoot } from 'react-dom/client'
    import { ConnectDevice } from './component.tsx'
    createRoot(document.querySelector('main')).render(createElement(ConnectDevice))`

  /** As an app's own build makes it. */
  async function bundle(entry: string, component = ''): Promise<string> {
    const resolveDir = fileURLToPath(new URL('.', README))
    const { outputFiles } = await build({
      stdin: { contents: entry, resolveDir, loader: 'ts' },
      bundle: true,
      write: false,
      format: 'esm',
      jsx: 'automatic',
      conditions: ['source'],
      define: { 'process.env.NODE_ENV': '"production"' },
      plugins: [
        {
          name: 'component',
          setup: ({ onResolve, onLoad }) => {
            onResolve({ filter: /^\.\/component\.tsx$/ }, ({ path }) => ({
              path,
              namespace: 'readme',
            }))
            onLoad({ filter: /./, namespace: 'readme' }, () => ({
              contents: component,
              loader: 'tsx',
              resolveDir,
            }))
          },
        },
      ],
    })
    return `<main></main><script type="module">${outputFiles[0]?.text}</script>`
  }

  /** An app of these two pages and nothing else. */
  async function serve(first: string, second: string): Promise<{ page: Page; url: string }> {
    const { hubUrl, credentials } = await startTestDemo(await createDataFolder())
    const port = await listen('127.0.0.1', 0)
    onTestFinished(async () => await port.close())
    const { devId, apiKey } = credentials
    const back = `${port.url}/connected`
    const session = {
      method: 'POST',
      headers: { 'dev-id': devId, 'x-api-key': apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ auth_success_redirect_url: back, auth_failure_redirect_url: back }),
    }
    port.serve(async ({ url }) => {
      const { pathname } = new URL(url)
      if (pathname === '/api/connect') return await fetch(`${hubUrl}${WIDGET_SESSION}`, session)
      const html = pathname === '/connected' ? second : first
      const text = `<!doctype html>${html.replaceAll('https://connect.example.com', hubUrl)}`
      return new Response(text, { headers: { 'content-type': 'text/html; charset=utf-8' } })
    })
    return { page: await openPage(browser, {}), url: port.url }
  }

  it.each([
    ['html', async () => tag],
    ['ts', async () => await bundle(ofKind('ts')[0] ?? '')],
    ['tsx', async () => await bundle(MOUNT, ofKind('tsx')[0])],
  ])('connects as it stands there, in %s', async (kind, write) => {
    expect([ofKind('html').length, ofKind('ts').length, ofKind('tsx').length]).toEqual([2, 1, 1])
    const { page, url } = await serve(await write(), comeBack)
    const heard: unknown[] = []
    page.on('console', async (message) => void heard.push(message.text()))
    await page.goto(url)
    if (kind === 'html') {
      await page.evaluate(
        `addEventListener('firma-connected', ({ detail }) => console.log(detail.userId))`,
      )
    }
    const opened = page.waitForEvent('popup')
    await page.getByRole('button', { name: 'Connect a device' }).click()
    const popup = await opened
    const closed = popup.waitForEvent('close')
    await consent(popup, 'Allow')
    await closed
    await expect.poll(() => heard).toContainEqual(expect.stringMatching(/^[0-9a-f-]{36}$/))
  })
})
