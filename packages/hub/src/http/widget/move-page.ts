/** The page that takes a person from a provider that ends to its successor. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { html } from 'hono/html'
import { type MoveVisit, beginMove, visitMove } from '../../operations/open-move-link.ts'
import type { AppDeps } from '../app-deps.ts'
import { askedFrom } from '../mount.ts'
import { deadEndPage } from './end-pages.ts'
import { redirectTo, renderPage, viewOf } from './layout.ts'
import { displayNameOf } from './session-view.ts'

/** Opening the link changes nothing; only the page's own form goes on. */
export function mountMoves(app: OpenAPIHono, deps: AppDeps): void {
  app.get('/connect/move/:token', async (c) => {
    const visit = await visitMove(deps, c.req.param('token'))
    return visit.verdict === 'open' ? await movePage(c, visit) : await turnAway(c, visit)
  })
  app.post('/connect/move/:token', async (c) => {
    const visit = await visitMove(deps, c.req.param('token'))
    if (visit.verdict !== 'open') return await turnAway(c, visit)
    return redirectTo(await beginMove(askedFrom(c, deps), visit))
  })
}

type KnownVisit = Exclude<MoveVisit, { verdict: 'unknown' }>

async function movePage(c: Context, visit: KnownVisit): Promise<Response> {
  const view = viewFor(c, visit)
  const { move } = view.messages
  const { environment } = visit
  const [from, to] = [displayNameOf(visit.move.from), displayNameOf(visit.move.to)]
  return await renderPage(view, {
    title: move.heading(from, to),
    step: 'choose',
    body: html`<h1>${move.heading(from, to)}</h1>
      <p>${move.text(environment.name, from, to)}</p>
      <form method="post" data-leave>
        <p><button class="main">${move.goOn(to)}</button></p>
      </form>
      <p class="small">${view.messages.choose.canStop}</p>`,
  })
}

async function turnAway(c: Context, visit: MoveVisit): Promise<Response> {
  if (visit.verdict === 'unknown') return await deadEndPage(viewOf(c), 'unknown')
  const view = viewFor(c, visit)
  if (visit.verdict !== 'expired') return await deadEndPage(view, 'used')
  const { move } = view.messages
  return await renderPage(view, {
    status: 410,
    title: move.expired,
    body: html`<h1>${move.expired}</h1>
      <p>${move.whatNow}</p>`,
  })
}

function viewFor(c: Context, { environment, options }: KnownVisit) {
  return viewOf(c, { environment, wishedLanguage: options.language })
}
