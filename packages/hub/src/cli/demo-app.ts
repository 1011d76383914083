/**
 * A small app as a customer would write it: it asks the hub for connect links, receives events through
 * the receiver, and shows whose data came. It knows the hub by its HTTP API alone.
 */
import { type EventPage, type Receiver, verifyRedirect } from 'firma-receiver'
import { type Context, Hono } from 'hono'
import { FirmaError } from '../errors.ts'
import {
  type EventView,
  connectedPage,
  errorPage,
  failedPage,
  homePage,
  renderPage,
} from './demo-app-pages.ts'
import type { HubClient } from './hub-client.ts'

export interface DemoAppOptions {
  readonly client: HubClient
  readonly receiver: Receiver
  /** For the link to the providers' settings pages. */
  readonly simulatorUrl: string
  readonly redirectSecret: string
}

/** The person who is logged in to the demo app. */
export const DEMO_REFERENCE_ID = 'tony_stark'
/** Events shown on the page. */
const EVENTS_SHOWN = 20

export function createDemoApp(options: DemoAppOptions): Hono {
  const { client, receiver, simulatorUrl, redirectSecret } = options
  const app = new Hono()
  app.get('/', async () => {
    const connections = await receiver.findByReferenceId(DEMO_REFERENCE_ID)
    const events = await listNewest(receiver)
    return await renderPage(
      homePage({ name: DEMO_REFERENCE_ID, connections, events, simulatorUrl }),
    )
  })
  app.post('/connect', async (c) => {
    const { choice } = await c.req.parseBody()
    const link = await client.createLink(DEMO_REFERENCE_ID, choice === 'all' ? 'all' : 'few')
    return c.redirect(link, 303)
  })
  app.post('/walk', async (c) => {
    await client.sendWalk(await readUserId(c))
    return c.redirect('/', 303)
  })
  app.post('/disconnect', async (c) => {
    await disconnect(client, await readUserId(c))
    return c.redirect('/', 303)
  })
  // Events: proved genuine and stored before they are answered.
  app.post('/webhook', async (c) => await receiver.fetch(c.req.raw))
  app.get('/connected', async (c) => {
    const hint = await readRedirect(c, redirectSecret)
    if (hint.confirmCode !== undefined) {
      // For the person of this session, whoever the link was made for.
      await client.confirm(hint.confirmCode, DEMO_REFERENCE_ID)
      return c.redirect('/', 303)
    }
    // The address is signed, but only an event makes a connection ours.
    const connection = hint.userId === undefined ? undefined : await receiver.resolve(hint.userId)
    return await renderPage(connectedPage(hint, connection))
  })
  app.get('/failed', async (c) => renderPage(failedPage(await readRedirect(c, redirectSecret))))
  app.get('/resolve/:user_id', async (c) => {
    const connection = await receiver.resolve(c.req.param('user_id'))
    return connection === undefined
      ? c.json({ status: 'error', message: 'no event has named this user_id yet' }, 404)
      : c.json(connection)
  })
  app.notFound(async () => renderPage(errorPage('There is nothing at this address.', 404)))
  app.onError(async (error) => {
    const isTheirs = error instanceof FirmaError && error.code !== 'internal'
    return await renderPage(errorPage(error.message, isTheirs ? 400 : 500))
  })
  return app
}

async function readUserId(c: Context): Promise<string> {
  const { user_id: userId } = await c.req.parseBody()
  if (typeof userId === 'string' && userId !== '') return userId
  throw new FirmaError('bad_request', 'the form names no user_id')
}

/** Gone already, by a second click or at the provider: that is what was asked for. */
async function disconnect(client: HubClient, userId: string): Promise<void> {
  try {
    await client.disconnect(userId)
  } catch (error) {
    if (!(error instanceof FirmaError) || error.code !== 'user_not_found') throw error
  }
}

/** An address that was changed, or made for somebody else, is not believed. */
async function readRedirect(c: Context, secret: string) {
  try {
    const hint = await verifyRedirect(c.req.url, secret)
    if (hint.referenceId === DEMO_REFERENCE_ID) return hint
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new FirmaError('bad_request', message, { cause })
  }
  throw new FirmaError('bad_request', `this page is for another person than ${DEMO_REFERENCE_ID}`)
}

/** The inbox is listed in the order of acceptance, so the newest are at its end. */
async function listNewest(receiver: Receiver): Promise<EventView[]> {
  let newest: EventPage['events'] = []
  let after: number | undefined = 0
  while (after !== undefined) {
    const page: EventPage = await receiver.listEvents({ limit: 1_000, after })
    newest = [...newest, ...page.events].slice(-EVENTS_SHOWN)
    after = page.next
  }
  const views: EventView[] = []
  for (const event of newest.toReversed()) {
    const { userId } = event
    const connection = userId === undefined ? undefined : await receiver.resolve(userId)
    views.push({ event, connection })
  }
  return views
}
