/** What a test or a developer makes happen at a simulated provider, over HTTP; see docs/simulator.md. */
import type { Context, Hono } from 'hono'
import { z } from 'zod'
import { FirmaError } from '../errors.ts'
import { FAULTY_ENDPOINTS } from './faults.ts'
import type { Simulator } from './simulator.ts'

const FAULT = z.strictObject({
  status: z.int().min(200).max(599).exactOptional(),
  error: z.string().max(100).exactOptional(),
  hangMs: z.int().min(0).max(600_000).exactOptional(),
  times: z.int().positive().exactOptional(),
  forMs: z.int().positive().exactOptional(),
  isAnswerLost: z.boolean().exactOptional(),
  isRefreshTokenDropped: z.boolean().exactOptional(),
})
const FAULTS = z.strictObject(
  Object.fromEntries(FAULTY_ENDPOINTS.map((endpoint) => [endpoint, FAULT.exactOptional()])),
)
const APP = z.strictObject({ client_id: z.string() })
const TARGET = APP.extend({ account_id: z.string() })
const NOTICE = APP.extend({ body: z.json() })
const PERMISSIONS = TARGET.extend({ scopes: z.array(z.string()) })

type Controls = Pick<
  Simulator,
  | 'accounts'
  | 'changePermissions'
  | 'dropSubscriptions'
  | 'fail'
  | 'heal'
  | 'removeApp'
  | 'sendNotice'
  | 'subscriptions'
>

/** Adds the endpoints below `/_simulator/<RESOURCE>/`. */
export function addAdminRoutes(app: Hono, controls: () => Controls): void {
  const on = (
    method: 'DELETE' | 'GET' | 'POST' | 'PUT',
    name: string,
    act: (resource: string, body: unknown) => unknown,
  ): void => {
    app.on(method, `/_simulator/:resource/${name}`, async (context) => {
      try {
        const body = method === 'GET' || method === 'DELETE' ? {} : await readBody(context)
        return context.json((await act(context.req.param('resource').toUpperCase(), body)) ?? {})
      } catch (error) {
        return refuse(context, error)
      }
    })
  }
  on('GET', 'accounts', (resource) => ({ accounts: controls().accounts(resource) }))
  on('PUT', 'faults', (resource, body) => {
    controls().fail(resource, FAULTS.parse(body))
  })
  on('DELETE', 'faults', (resource) => {
    controls().heal(resource)
  })
  on('POST', 'list-subscriptions', (resource, body) => ({
    // The address is secret, and whoever asks here knows it or need not.
    subscriptions: controls()
      .subscriptions(resource, APP.parse(body).client_id)
      .map(({ id, topic, endsAtMs }) => ({ id, topic, ends_at_ms: endsAtMs })),
  }))
  on('POST', 'drop-subscriptions', (resource, body) => {
    controls().dropSubscriptions(resource, APP.parse(body).client_id)
  })
  on('POST', 'remove-app', async (resource, body) => {
    const { client_id: clientId, account_id: accountId } = TARGET.parse(body)
    await controls().removeApp(resource, { clientId, accountId })
  })
  on('POST', 'notices', async (resource, notice) => {
    const { client_id: clientId, body } = NOTICE.parse(notice)
    await controls().sendNotice(resource, { clientId, body })
  })
  on('POST', 'permissions', async (resource, body) => {
    const { client_id: clientId, account_id: accountId, scopes } = PERMISSIONS.parse(body)
    await controls().changePermissions(resource, { clientId, accountId, scopes })
  })
}

async function readBody(context: Context): Promise<unknown> {
  // No page of another site can send this type without asking first, and nobody answers that.
  if (context.req.header('content-type')?.startsWith('application/json') !== true) {
    throw new FirmaError('bad_request', 'the content type must be application/json')
  }
  try {
    return await context.req.json()
  } catch (cause) {
    throw new FirmaError('bad_request', 'the body is not JSON', { cause })
  }
}

function refuse(context: Context, error: unknown): Response {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues
    return context.json({ error: `${issue?.path.join('.')}: ${issue?.message}` }, 400)
  }
  if (!(error instanceof FirmaError)) throw error
  return context.json({ error: error.message }, error.code === 'bad_request' ? 400 : 404)
}
