/**
 * A small app as a customer would write it: it asks the hub for connect links, receives events through
 * the receiver, and shows whose data came. It knows the hub by its HTTP API alone.
 */
import { type Context, Hono } from 'hono'
import { html } from 'hono/html'
import { type EventPage, type Receiver, verifyRedirect } from 'firma-receiver'

export interface DemoAppOptions {
  readonly hubUrl: string
  readonly appUrl: string
  readonly simulatorUrl: string
  readonly devId: string
  readonly apiKey: string
  readonly redirectSecret: string
  readonly receiver: Receiver
}

/** The person who is logged in to the demo app. */
export const DEMO_REFERENCE_ID = 'tony_stark'
/** Events shown on the page. */
const EVENTS_SHOWN = 20

export function createDemoApp(options: DemoAppOptions): Hono {
  const { receiver } = options
  const app = new Hono()
  app.get('/', async () => page(options, await homeBody(options)))
  app.post('/connect', async (c) => {
    const answer = await callHub(options, 'POST', '/v2/auth/generateWidgetSession', {
      reference_id: DEMO_REFERENCE_ID,
      auth_success_redirect_url: `${options.appUrl}/connected`,
      auth_failure_redirect_url: `${options.appUrl}/failed`,
      show_disconnect: true,
    })
    return c.redirect(String(answer['url']), 303)
  })
  app.post('/walk', async (c) => {
    const userId = await readUserId(c)
    await callHub(options, 'POST', '/admin/v1/events/generate', {
      type: 'activity',
      user_id: userId,
      data: [{ metadata: { name: 'A walk around the block' }, distance_data: { steps: 1_200 } }],
    })
    return c.redirect('/', 303)
  })
  app.post('/disconnect', async (c) => {
    const query = new URLSearchParams({ user_id: await readUserId(c) })
    await callHub(options, 'DELETE', `/v2/auth/deauthenticateUser?${query.toString()}`)
    return c.redirect('/', 303)
  })
  // Events: proved genuine and stored before they are answered.
  app.post('/webhook', async (c) => await receiver.fetch(c.req.raw))
  app.get('/connected', async (c) => {
    const hint = await verifyRedirect(c.req.url, options.redirectSecret)
    return await page(
      options,
      html`<h1>Welcome back, ${hint.referenceId}</h1>
        <p>${hint.resource} is connected as <code>${hint.userId}</code>.</p>
        <p><a href="/">Continue</a></p>`,
    )
  })
  app.get('/failed', async (c) => {
    const hint = await verifyRedirect(c.req.url, options.redirectSecret)
    return await page(
      options,
      html`<h1>Not connected</h1>
        <p>${hint.resource ?? 'Nothing'} was connected: <code>${hint.reason}</code>.</p>
        <p><a href="/">Back</a></p>`,
    )
  })
  app.get('/resolve/:user_id', async (c) => {
    const connection = await receiver.resolve(c.req.param('user_id'))
    return connection === undefined
      ? c.json({ status: 'error', message: 'no event has named this user_id yet' }, 404)
      : c.json(connection)
  })
  app.onError(async (error) => {
    const body = html`<h1>That did not work</h1>
      <p>${error.message}</p>
      <p><a href="/">Back</a></p>`
    return await page(options, body, 500)
  })
  return app
}

async function readUserId(c: Context): Promise<string> {
  const { user_id: userId } = await c.req.parseBody()
  return typeof userId === 'string' ? userId : ''
}

async function callHub(
  options: DemoAppOptions,
  method: 'POST' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(options.hubUrl + path, {
    method,
    headers: {
      'dev-id': options.devId,
      'x-api-key': options.apiKey,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok)
    throw new Error(`the hub answered ${response.status}: ${String(answer['message'])}`)
  return answer
}

async function homeBody({ receiver }: DemoAppOptions) {
  const connections = await receiver.findByReferenceId(DEMO_REFERENCE_ID)
  const newest = await listNewest(receiver)
  const rows = connections.map(
    (connection) =>
      html`<tr>
        <td>${connection.provider}</td>
        <td><b class="${connection.status}">${connection.status}</b></td>
        <td><code>${connection.userId}</code><small>${connection.lineageId}</small></td>
        <td>
          <form method="post">
            <input type="hidden" name="user_id" value="${connection.userId}" />
            <button formaction="/walk">Take a walk</button>
            <button formaction="/disconnect">Disconnect</button>
          </form>
        </td>
      </tr>`,
  )
  const history = newest.map(
    (event) =>
      html`<tr>
        <td>${new Date(event.receivedAtMs).toISOString().slice(11, 19)}</td>
        <td>${event.type}</td>
        <td><code>${event.userId ?? '–'}</code></td>
      </tr>`,
  )
  return html`<h1>Hello, ${DEMO_REFERENCE_ID}</h1>
    <form method="post" action="/connect"><button class="main">Connect a device</button></form>
    <h2>Your connections</h2>
    ${
      rows.length === 0
        ? html`<p>None yet. Connect a device; any user name works at the simulated providers.</p>`
        : html`<table>
            ${rows}
          </table>`
    }
    <h2>Events received</h2>
    ${
      history.length === 0
        ? html`<p>None yet.</p>`
        : html`<table>
            ${history}
          </table>`
    }`
}

/** The inbox is listed in the order of acceptance, so the newest are at its end. */
async function listNewest(receiver: Receiver) {
  let newest: EventPage['events'] = []
  let after: number | undefined = 0
  while (after !== undefined) {
    const page: EventPage = await receiver.listEvents({ limit: 1_000, after })
    newest = [...newest, ...page.events].slice(-EVENTS_SHOWN)
    after = page.next
  }
  return newest.toReversed()
}

const STYLE = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,"DejaVu Sans",sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}td{padding:.4rem .6rem .4rem 0;border-top:1px solid #8884;vertical-align:top}small{display:block;opacity:.6}code{font-size:.85em;overflow-wrap:anywhere}button{font:inherit;padding:.35rem .8rem;border-radius:.5rem;border:1px solid #8888;background:transparent;cursor:pointer;color:inherit}.main{background:#1f6b4a;color:#fff;border:0;padding:.7rem 1.2rem}.active{color:#1f8a5b}.revoked,.disconnected{color:#b3412b}footer{margin-top:3rem;opacity:.7;font-size:.9rem}`

async function page(
  options: DemoAppOptions,
  body: ReturnType<typeof html>,
  status = 200,
): Promise<Response> {
  const text = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Demo app</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        ${body}
        <footer>
          This is a demo app on Firma. The watches are simulated:
          <a href="${options.simulatorUrl}">their settings pages</a> let you remove the app there.
        </footer>
      </body>
    </html>`
  return new Response(String(text), {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8' },
  })
}
