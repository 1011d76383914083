/** The pages of the connect flow: link → provider → back. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { dataKindsOf } from '../../core/data-kind.ts'
import { FirmaError } from '../../errors.ts'
import { cancelSession } from '../../operations/cancel-session.ts'
import { departByLink, departFromSession } from '../../operations/depart-to-provider.ts'
import { unusedLinkUrl } from '../../operations/end-flow.ts'
import { type CallbackOutcome, finishFlow, revisitFlow } from '../../operations/finish-flow.ts'
import { findRetrySession, retryFlow } from '../../operations/retry-flow.ts'
import { type Visit, revisitSession, visitSession } from '../../operations/visit-link.ts'
import { findProvider } from '../../providers/catalog.ts'
import type { Flow } from '../../store/flows.ts'
import type { WidgetSession } from '../../store/widget-sessions.ts'
import type { AppDeps } from '../app-deps.ts'
import { askedFrom } from '../mount.ts'
import { browserSecrets, toCookie } from './cookie.ts'
import { connectedPage, deadEndPage, failedPage, waitingPage } from './end-pages.ts'
import { PAGE_HEADERS, redirectTo, viewOf } from './layout.ts'
import { disconnectOwn, displayNameOf, showConnections, showSession } from './session-view.ts'

export function mountWidget(app: OpenAPIHono, deps: AppDeps): void {
  mountSession(app, deps)
  app.get('/connect/:token', async (c) => {
    if (isPreview(c)) return previewed()
    const secrets = browserSecrets(c, deps.links)
    const { visit, url } = await departByLink(askedFrom(c, deps), c.req.param('token'), secrets)
    if (url === null) return await turnAway(c, deps, visit)
    return redirectTo(url, toCookie(deps.links, visit.link.id, visit.newSecret))
  })
  app.get('/callback/:environment/:provider', async (c) => {
    const { environment: environmentId, provider } = c.req.param()
    const parameters = new URL(c.req.url).searchParams
    const secrets = browserSecrets(c, deps.links)
    const outcome = await finishFlow(askedFrom(c, deps), {
      environmentId,
      provider,
      parameters,
      secrets,
    })
    // A page of ours is shown at an address without code and state (RFC 9700, section 4.2.4).
    if (outcome.type === 'page') return redirectTo(deps.links.flow(outcome.flow.id))
    if (outcome.type === 'waiting') return redirectTo(deps.links.flow(outcome.flowId))
    return await conclude(c, deps, outcome)
  })
  app.get('/flow/:flow', async (c) =>
    conclude(c, deps, await revisitFlow(deps, c.req.param('flow'), browserSecrets(c, deps.links))),
  )
  app.post('/flow/:flow/retry', async (c) => {
    const url = await retryFlow(deps, c.req.param('flow'), browserSecrets(c, deps.links))
    return url === undefined ? await deadEndPage(viewOf(c), 'state_unknown') : redirectTo(url)
  })
}

function mountSession(app: OpenAPIHono, deps: AppDeps): void {
  app.get('/session/:token', async (c) => {
    if (isPreview(c)) return previewed()
    const visit = await visitLink(c, deps)
    if (visit.verdict !== 'open') return await turnAway(c, deps, visit)
    return await showSession(c, deps, c.req.param('token'), visit)
  })
  app.get('/session/:token/connections', async (c) => {
    if (isPreview(c)) return previewed()
    const visit = await visitLink(c, deps)
    if (visit.verdict !== 'open') return await turnAway(c, deps, visit)
    return await showConnections(c, deps, c.req.param('token'), visit)
  })
  app.post('/session/:token/connect', async (c) => {
    const visit = await revisit(c, deps)
    if (visit.verdict !== 'open') return await turnAway(c, deps, visit)
    const provider = await readField(c, 'provider')
    return redirectTo(await departFromSession(deps, visit.environment, visit.link, provider))
  })
  app.post('/session/:token/cancel', async (c) => {
    const visit = await revisit(c, deps)
    if (visit.verdict !== 'open') return await turnAway(c, deps, visit)
    const url = await cancelSession(deps, visit.environment, visit.link)
    return url === null
      ? await deadEndPage(viewOf(c, toContext(visit)), 'cancelled')
      : redirectTo(url)
  })
  app.post('/session/:token/disconnect', async (c) => {
    const visit = await revisit(c, deps)
    if (visit.verdict !== 'open') return await turnAway(c, deps, visit)
    const userId = await readField(c, 'user_id')
    const gone = await disconnectOwn(deps, visit.environment, visit.link, userId)
    const page = deps.links.connections(c.req.param('token'))
    return redirectTo(gone === null ? page : `${page}?gone=${gone}`)
  })
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
  return await revisitSession(askedFrom(c, deps), c.req.param('token') ?? '', secrets)
}

/** The connect page is opened. */
async function visitLink(c: Context, deps: AppDeps): Promise<Visit<WidgetSession>> {
  const secrets = browserSecrets(c, deps.links)
  return await visitSession(askedFrom(c, deps), c.req.param('token') ?? '', secrets)
}

async function readField(c: Context, name: string): Promise<string> {
  const value = (await c.req.parseBody())[name]
  if (typeof value !== 'string') throw new FirmaError('bad_request', `the form has no ${name}`)
  return value
}

/** What is known about a page from the link that led to it. */
function toContext(visit: Exclude<Visit<WidgetSession | Flow>, { verdict: 'unknown' }>) {
  return { environment: visit.environment, wishedLanguage: visit.link.language }
}

async function turnAway(
  c: Context,
  deps: AppDeps,
  visit: Exclude<Visit<WidgetSession | Flow>, { verdict: 'open' }>,
): Promise<Response> {
  if (visit.verdict === 'unknown') return await deadEndPage(viewOf(c), 'unknown')
  // The app is told where it asked to be told: at its failure URL.
  const url =
    visit.verdict === 'expired'
      ? await unusedLinkUrl(deps, visit.environment, visit.link, 'expired')
      : null
  if (url !== null) return redirectTo(url)
  // A stranger learns nothing, not even whose link it is.
  const view = visit.verdict === 'opened_elsewhere' ? viewOf(c) : viewOf(c, toContext(visit))
  return await deadEndPage(view, visit.verdict)
}

async function conclude(c: Context, deps: AppDeps, outcome: CallbackOutcome): Promise<Response> {
  switch (outcome.type) {
    case 'redirect':
      return redirectTo(outcome.url)
    case 'page':
      return await showEnd(c, deps, outcome.flow)
    case 'waiting':
      return await waitingPage(viewOf(c))
    case 'rejected':
      return await deadEndPage(viewOf(c), outcome.reason)
  }
}

async function showEnd(c: Context, deps: AppDeps, flow: Flow): Promise<Response> {
  const environment = await deps.store.environments.find(flow.environmentId)
  const view = viewOf(c, {
    ...(environment !== undefined && { environment }),
    wishedLanguage: flow.language,
  })
  const providerName = displayNameOf(flow.provider)
  if (flow.status === 'succeeded') return await connectedPage(view, providerName)
  const canRetry = (await findRetrySession(deps, flow)) !== undefined
  return await failedPage(view, {
    providerName,
    reason: flow.reason ?? 'unknown',
    requiredKinds: dataKindsOf(findProvider(flow.provider)?.scopes.required ?? []),
    retryPath: canRetry ? `/flow/${flow.id}/retry` : null,
  })
}
