/** The page on which people see, renew and end what they have connected. */
import { html } from 'hono/html'
import { type Html, type PageView, renderPage } from './layout.ts'
import { providerMark } from './provider-mark.ts'

export interface ConnectedUser {
  readonly userId: string
  readonly resource: string
  readonly displayName: string
  /** Which account there, masked; null where the provider has not said. */
  readonly accountLabel: string | null
  readonly sinceMs: number
  /** Whether data arrives; false asks for a reconnection. */
  readonly isWorking: boolean
  /** Whether the link offers this provider, so that it can be connected again. */
  readonly isOffered: boolean
}

export async function connectionsPage(
  view: PageView,
  page: {
    readonly appName: string
    readonly token: string
    readonly connections: readonly ConnectedUser[]
    /** What has just been disconnected. */
    readonly gone: string | null
    readonly cookie: string | undefined
  },
): Promise<Response> {
  const { connections: texts } = view.messages
  const { appName, token, connections, gone } = page
  const body = html`
    <h1>${texts.heading}</h1>
    ${gone === null ? '' : html`<p class="notice" role="status">${texts.gone(gone)}</p>`}
    ${
      connections.length === 0
        ? html`<p>${texts.none}</p>`
        : html`<p>${texts.intro(appName)}</p>
            <ul class="list">
              ${connections.map((connection) => connectionCard(view, page, connection))}
            </ul>`
    }
    <p>
      <a class="button" href="/session/${token}"
        >${texts.another}<span class="go" aria-hidden="true">→</span></a
      >
    </p>
  `
  const title = `${texts.heading} – ${appName}`
  return await renderPage(view, { title, body, cookie: page.cookie })
}

function connectionCard(
  { messages, language }: PageView,
  { appName, token }: { readonly appName: string; readonly token: string },
  connection: ConnectedUser,
): Html {
  const { connections: texts } = messages
  const { displayName, resource, userId, isWorking, accountLabel } = connection
  const since = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeZone: 'UTC' })
  return html`<li class="card">
    <div class="head">
      ${providerMark(displayName)}
      <div>
        <h2>${displayName}</h2>
        ${accountLabel === null ? '' : html`<div class="small"><bdi>${accountLabel}</bdi></div>`}
        <div class="small">${texts.since(since.format(connection.sinceMs))}</div>
        <div class="small ${isWorking ? 'good' : 'bad'}">
          ${isWorking ? texts.working : texts.broken}
        </div>
      </div>
    </div>
    ${
      connection.isOffered
        ? html`<form method="post" action="/session/${token}/connect" data-leave>
            <button name="provider" value="${resource}" class="${isWorking ? '' : 'main'}">
              ${texts.reconnect(displayName)}
            </button>
          </form>`
        : ''
    }
    <details>
      <summary>${texts.disconnect(displayName)}</summary>
      <p class="small">${texts.consequence(appName, displayName)}</p>
      <form method="post" action="/session/${token}/disconnect">
        <button name="user_id" value="${userId}" class="danger">
          ${texts.confirm(displayName)}
        </button>
      </form>
    </details>
  </li>`
}
