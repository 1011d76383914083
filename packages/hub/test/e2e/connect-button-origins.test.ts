/** Who hears of a return, and whose word for one is taken: pages of another origin, in a real browser. */
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { listen } from '../../src/cli/serve.ts'
import { launchBrowser, openPage } from './support/browser.ts'

const SOURCE = fileURLToPath(new URL('../../../connect/src/define.ts', import.meta.url))

let browser: Browser
let button: string
beforeAll(async () => {
  browser = await launchBrowser()
  const bundled = await build({ entryPoints: [SOURCE], bundle: true, write: false, format: 'esm' })
  button = bundled.outputFiles[0]?.text ?? ''
})
afterAll(async () => await browser.close())

/** An origin with these pages, and the button's module. */
async function serve(pages: Record<string, () => string>): Promise<string> {
  const port = await listen('127.0.0.1', 0)
  onTestFinished(async () => await port.close())
  port.serve(async ({ url }) => {
    const { pathname } = new URL(url)
    const isButton = pathname === '/button.js'
    const page = `<!doctype html><script type="module">${pages[pathname]?.() ?? ''}</script>`
    return new Response(isButton ? button : page, {
      headers: { 'content-type': isButton ? 'text/javascript' : 'text/html; charset=utf-8' },
    })
  })
  return port.url
}

async function valueOf(page: Page, expression: string): Promise<unknown> {
  return await page.evaluate(expression)
}

describe('a page that opened the popup, of another origin', () => {
  /** What it hears until the popup says that it has reported. */
  async function hear(report: (openerOrigin: string) => string): Promise<unknown[]> {
    const opener: string = await serve({
      '/': () => `
        globalThis.heard = []
        addEventListener('message', ({ data }) => heard.push(data.type ?? data))
        open('${app}/connected?user_id=hers')`,
    })
    const app: string = await serve({
      '/connected': () => `
        import { reportReturn } from '/button.js'
        ${report(opener)}
        // Messages of one page to another arrive in the order in which they were sent.
        opener.postMessage('reported', '*')`,
    })
    const page = await openPage(browser, {})
    await page.goto(opener)
    await page.waitForFunction(`heard.includes('reported')`)
    return (await valueOf(page, 'heard')) as unknown[]
  }

  it('hears nothing', async () => {
    expect(await hear(() => 'reportReturn({ isClosing: false })')).toEqual(['reported'])
  })

  it('hears it where the app names its origin', async () => {
    const heard = await hear((o) => `reportReturn({ isClosing: false, openerOrigin: '${o}' })`)
    expect(heard).toEqual(['firma-connect-return', 'reported'])
  })
})

it('takes no return from a page of another origin, be it in the popup or in a frame', async () => {
  // Sent off to it, as to a provider: it claims to be the app's page, and goes there when it was heard.
  const foreign: string = await serve({
    '/forge': () => `
      const parameters = { user_id: 'forged' }
      const message = { type: 'firma-connect-return', attempt: null, result: { parameters } }
      addEventListener('message', () => { location.href = '${app}/connected?user_id=hers' })
      ;(opener ?? parent).postMessage(message, '*')`,
  })
  const app: string = await serve({
    '/': () => `
      import '/button.js'
      globalThis.told = []
      for (const name of ['connected', 'unconfirmed', 'failed']) {
        addEventListener('firma-' + name, ({ detail }) => told.push([name, detail.userId]))
      }
      globalThis.forgers = []
      addEventListener('message', ({ source, origin }) => {
        if (origin !== '${foreign}') return
        forgers.push(source)
        if (forgers.length > 1) return forgers[0].postMessage('heard', origin)
        const frame = document.createElement('iframe')
        frame.src = '${foreign}/forge'
        document.body.append(frame)
      })
      const button = document.createElement('firma-connect')
      button.textContent = 'Connect'
      button.createSession = async () => '${foreign}/forge'
      document.body.append(button)`,
    '/connected': () => `
      import { reportReturn } from '/button.js'
      reportReturn()`,
  })
  const page = await openPage(browser, {})
  await page.goto(app)
  await page.getByRole('button', { name: 'Connect' }).click()
  await page.waitForFunction('told.length > 0')
  expect(await valueOf(page, 'told')).toEqual([['connected', 'hers']])
  expect(await valueOf(page, 'forgers.length')).toBe(2)
})
