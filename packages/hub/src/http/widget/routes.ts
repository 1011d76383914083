/** The pages of the connect flow: link → provider → back. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { FirmaError } from '../../errors.ts'
import { cancelSession } from '../../operations/cancel-session.ts'
import { depart, departFromSession, listOffered } from '../../operations/depart-to-provider.ts'
import { disconnectUser } from '../../operations/disconnect-user.ts'
import { unusedLinkUrl } from '../../operations/end-flow.ts'
import { type CallbackOutcome, finishFlow, revisitFlow } from '../../operations/finish-flow.ts'
import { listUsersOf } from '../../operations/read-users.ts'
import { type Visit, revisitSession, visitFlow, visitSession } from '../../operations/visit-link.ts'
import { findProvider } from '../../providers/catalog.ts'
import type { Environment } from '../../store/environments.ts'
import type { WidgetSession } from '../../store/widget-sessions.ts'
import type { AppDeps } from '../app-deps.ts'
import { browserSecrets, toCookie } from './cookie.ts'
import { PAGE_HEADERS, redirectTo } from './layout.ts'
import { connectPage, connectedPage, deadEndPage, failedPage, waitingPage } from './pages.ts'

export function mountWidget(app: OpenAPIHono, deps: AppDeps): void {
  app.get('/session/:token', async (c) => {
    if (isPreview(c)) return previewed()
    const visit = await visitSession(deps, c.req.param('token'), browserSecrets(c, deps.links))
    if (visit.verdict !== 'open') return await turnAway(deps, visit)
    return await showSession(deps, c.req.param('token'), visit)
  })
  app.post('/session/:token/connect', async (c) => {
    const visit = await revisit(c, deps)
    if (visit.verdict !== 'open') return await turnAway(deps, visit)
    const provider = await readField(c, 'provider')
    return redirectTo(await departFromSession(deps, visit.environment, visit.link, provider))
  })
  app.post('/session/:token/cancel', async (c) => {
    const visit = await revisit(c, deps)
    if (visit.verdict !== 'open') return await turnAway(deps, visit)
    const url = await cancelSession(deps, visit.environment, visit.link)
    return url === null ? await deadEndPage('cancelled') : redirectTo(url)
  })
  app.post('/session/:token/disconnect', async (c) => {
    const visit = await revisit(c, deps)
    if (visit.verdict !== 'open') return await turnAway(deps, visit)
    await disconnectOwn(deps, visit.environment, visit.link, await readField(c, 'user_id'))
    return redirectTo(deps.links.session(c.req.param('token')))
  })
  app.get('/connect/:token', async (c) => {
    if (isPreview(c)) return previewed()
    const visit = await visitFlow(deps, c.req.param('token'), browserSecrets(c, deps.links))
    if (visit.verdict !== 'open') return await turnAway(deps, visit)
    const url = await depart(deps, visit.link)
    return redirectTo(url, toCookie(deps.links, visit.link.id, visit.newSecret))
  })
  app.get('/callback/:environment/:provider', async (c) => {
    const { environment: environmentId, provider } = c.req.param()
    const parameters = new URL(c.req.url).searchParams
    const secrets = browserSecrets(c, deps.links)
    const outcome = await finishFlow(deps, { environmentId, provider, parameters, secrets })
    // A page of ours is shown at an address without code and state (RFC 9700, section 4.2.4).
    if (outcome.type === 'page') return redirectTo(deps.links.flow(outcome.flow.id))
    if (outcome.type === 'waiting') return redirectTo(deps.links.flow(outcome.flowId))
    return await conclude(outcome)
  })
  app.get('/flow/:flow', async (c) =>
    conclude(await revisitFlow(deps, c.req.param('flow'), browserSecrets(c, deps.links))),
  )
}

/** Nobody is looking: a mail scanner, or a browser that fetches ahead. It must not take the link from its person. */
function isPreview(c: Context): boolean {
  const purpose = c.req.header('sec-purpose') ?? c.req.header('purpose') ?? ''
  return c.req.raw.method === 'HEAD' || purpose.includes('prefetch')
}

function previewed(): Response {
  return new Response(null, { status: 204, headers: PAGE_HEADERS })
}

/** A form of the connect page was sent: only the browser that has the page can do that. */
async function revisit(c: Context, deps: AppDeps): Promise<Visit<WidgetSession>> {
  const secrets = browserSecrets(c, deps.links)
  return await revisitSession(deps, c.req.param('token') ?? '', secrets)
}

async function readField(c: Context, name: string): Promise<string> {
  const value = (await c.req.parseBody())[name]
  if (typeof value !== 'string') throw new FirmaError('bad_request', `the form has no ${name}`)
  return value
}

async function showSession(
  deps: AppDeps,
  token: string,
  visit: Extract<Visit<WidgetSession>, { verdict: 'open' }>,
): Promise<Response> {
  const { environment, link: session } = visit
  const offered = await listOffered(deps, session)
  const users =
    session.showDisconnect && session.referenceId !== null
      ? await listUsersOf(deps, environment, session.referenceId)
      : []
  return await connectPage({
    appName: environment.name,
    token,
    providers: offered.map((resource) => ({ resource, displayName: nameOf(resource) })),
    connected: users.map((user) => ({
      userId: user.user_id,
      displayName: nameOf(user.provider),
      isWorking: user.active,
    })),
    cookie: toCookie(deps.links, session.id, visit.newSecret),
  })
}

/** A page can disconnect what it shows, and nothing else. */
async function disconnectOwn(
  deps: AppDeps,
  environment: Environment,
  session: WidgetSession,
  userId: string,
): Promise<void> {
  const users =
    session.showDisconnect && session.referenceId !== null
      ? await listUsersOf(deps, environment, session.referenceId)
      : []
  // Gone already, by a second click: the page that follows shows it.
  if (users.some((user) => user.user_id === userId)) await disconnectUser(deps, environment, userId)
}

async function turnAway(
  deps: AppDeps,
  visit: Exclude<
    Visit<{ failureUrl: string | null; referenceId: string | null }>,
    { verdict: 'open' }
  >,
): Promise<Response> {
  // The app is told where it asked to be told: at its failure URL.
  const url =
    visit.verdict === 'expired'
      ? await unusedLinkUrl(deps, visit.environment, visit.link, 'expired')
      : null
  return url === null ? await deadEndPage(visit.verdict) : redirectTo(url)
}

async function conclude(outcome: CallbackOutcome): Promise<Response> {
  switch (outcome.type) {
    case 'redirect':
      return redirectTo(outcome.url)
    case 'page': {
      const { flow } = outcome
      return flow.status === 'succeeded'
        ? await connectedPage(nameOf(flow.provider))
        : await failedPage(nameOf(flow.provider), flow.reason ?? 'unknown')
    }
    case 'waiting':
      return await waitingPage()
    case 'rejected':
      return await deadEndPage(outcome.reason)
  }
}

function nameOf(resource: string): string {
  return findProvider(resource)?.displayName ?? resource
}
