/** An app with people who log in, as the guide of confirmation describes one. */
import { createReceiver, memoryStore } from 'firma-receiver'
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { onTestFinished } from 'vitest'
import { listen } from '../../../src/cli/serve.ts'
import { DEV_ID, type TestHub } from '../../support/create-test-hub.ts'

/** Closes itself when the test has finished. @returns Its address. */
export async function startSessionApp(hub: TestHub): Promise<string> {
  const port = await listen('127.0.0.1', 0)
  const clock = () => hub.clock.nowMs()
  const receiver = createReceiver({
    secrets: [hub.destinationSecret],
    store: memoryStore(),
    clock,
  })
  const api = { baseUrl: `${hub.url}/v2`, devId: DEV_ID, apiKey: hub.apiKey }
  const app = new Hono()
  app.get('/login/:name', (c) => {
    setCookie(c, 'session', c.req.param('name'), { httpOnly: true, sameSite: 'Lax' })
    return c.html(page(`Hello, ${c.req.param('name')}`))
  })
  // A link for whoever is logged in, to be passed on by those who pass links on.
  app.get('/link', async (c) => {
    const link = await hub.createLink({
      reference_id: getCookie(c, 'session') ?? null,
      auth_success_redirect_url: `${port.url}/connected`,
      auth_failure_redirect_url: `${port.url}/failed`,
    })
    return c.text(link)
  })
  app.get('/connected', async (c) => {
    const referenceId = getCookie(c, 'session')
    if (referenceId === undefined) return c.html(page('Please log in'))
    const options = { referenceId, secret: hub.redirectSecret, isSignatureRequired: true, api }
    const result = await receiver.confirmRedirect(c.req.url, options)
    const why = result.status === 'refused' ? `: ${result.reason}` : ''
    return c.html(page(`${referenceId}: ${result.status}${why}`))
  })
  app.get('/failed', (c) => c.html(page(`failed: ${c.req.query('reason')}`)))
  port.serve(async (request) => await app.fetch(request))
  onTestFinished(async () => await port.close())
  return port.url
}

function page(heading: string): string {
  return `<!doctype html><html lang="en"><title>${heading}</title><main><h1>${heading}</h1></main></html>`
}
