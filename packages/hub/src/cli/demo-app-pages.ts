/** What the demo app shows. */
import type { Connection, EventPage, RedirectHint } from 'firma-receiver'
import { html, raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'

type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** An event of the inbox and the connection that it belongs to; undefined while no event has named it. */
export interface EventView {
  readonly event: EventPage['events'][number]
  readonly connection: Connection | undefined
}

interface AppPage {
  readonly title: string
  readonly body: Html
  readonly status?: number
  /** Seconds after which the browser asks again; for pages that wait. */
  readonly refreshSeconds?: number
}

/** The person's connections and the newest events. */
export function homePage(view: {
  readonly name: string
  readonly connections: readonly Connection[]
  readonly events: readonly EventView[]
  readonly simulatorUrl: string
}): AppPage {
  const { name, connections, events, simulatorUrl } = view
  const body = html`<h1>Hello, ${name}</h1>
    <form method="post" action="/connect">
      <button class="main">Connect a device</button>
      <button name="choice" value="all">Show every simulated provider</button>
    </form>
    <h2>Your connections</h2>
    ${
      connections.length === 0
        ? html`<p class="soft">
            None yet. Connect a device; any user name works at the simulated providers.
          </p>`
        : html`<ul>
            ${connections.map(connectionItem)}
          </ul>`
    }
    <h2>Events received</h2>
    ${
      events.length === 0
        ? html`<p class="soft">None yet. They appear here when you reload the page.</p>`
        : eventTable(events)
    }
    <footer>
      This is a demo app on Firma. The watches are simulated:
      <a href="${simulatorUrl}">their settings pages</a> let you remove the app there.
    </footer>`
  return { title: 'Demo app', body }
}

function connectionItem(connection: Connection): Html {
  const { provider, status, userId, aliases, lineageId } = connection
  const earlier = aliases.filter((alias) => alias !== userId)
  const isOver = status === 'disconnected'
  return html`<li class="card">
    <div class="head">
      <h3>${nameOf(provider)}</h3>
      <span class="pill ${status}">${status}</span>
    </div>
    <dl>
      <dt>Connection</dt>
      <dd><code>${lineageId}</code></dd>
      <dt>${isOver ? 'Last user_id' : 'user_id now'}</dt>
      <dd>${userIdLink(userId)}</dd>
      ${earlier.length === 0 ? '' : earlierIds(earlier, isOver)}
    </dl>
    ${
      // The hub takes no data for what has been disconnected.
      isOver
        ? ''
        : html`<form method="post" class="actions">
            <input type="hidden" name="user_id" value="${userId}" />
            <button formaction="/walk">
              ${status === 'active' ? 'Take a walk' : 'Send late data'}
            </button>
            <button formaction="/disconnect" class="danger">Disconnect</button>
          </form>`
    }
  </li>`
}

function lateDataForm(userId: string): Html {
  return html`<form method="post" class="inline">
    <input type="hidden" name="user_id" value="${userId}" />
    <button formaction="/walk" aria-label="Send late data under ${userId}">Send late data</button>
  </form>`
}

/** The point of the receiver: every id that a connection ever had leads to it. */
function earlierIds(userIds: readonly string[], isOver: boolean): Html {
  return html`<dt>user_id before</dt>
    ${userIds.map(
      (userId) => html`<dd>${userIdLink(userId)} ${isOver ? '' : lateDataForm(userId)}</dd>`,
    )}`
}

/** `GARMIN` → `Garmin`. */
function nameOf(resource: string | undefined): string {
  return resource === undefined
    ? 'Your device'
    : resource.charAt(0) + resource.slice(1).toLowerCase()
}

function userIdLink(userId: string): Html {
  return html`<a href="/resolve/${encodeURIComponent(userId)}"><code>${userId}</code></a>`
}

function eventTable(events: readonly EventView[]): Html {
  const rows = events.map(({ event, connection }) => {
    const time = new Date(event.receivedAtMs).toISOString()
    const isEarlier = connection !== undefined && connection.userId !== event.userId
    return html`<tr>
      <td><time datetime="${time}">${time.slice(11, 19)}</time></td>
      <td>${event.type}</td>
      <td>
        ${event.userId === undefined ? '–' : userIdLink(event.userId)}
        ${isEarlier ? html`<small>an earlier id of this connection</small>` : ''}
      </td>
      <td>
        ${
          connection === undefined
            ? '–'
            : html`${nameOf(connection.provider)}
                <small><code>${connection.lineageId}</code></small>`
        }
      </td>
    </tr>`
  })
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Events received">
    <table>
      <thead>
        <tr>
          <th scope="col">Time (UTC)</th>
          <th scope="col">Event</th>
          <th scope="col">Came for user_id</th>
          <th scope="col">Belongs to connection</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}

/** @param connection Undefined until the event has arrived, which is a matter of milliseconds. */
export function connectedPage(hint: RedirectHint, connection: Connection | undefined): AppPage {
  const device = nameOf(hint.resource)
  if (connection === undefined) {
    return {
      title: 'Almost there',
      refreshSeconds: 1,
      body: html`<h1>Almost there …</h1>
        <p role="status">${device} said yes; we are waiting for the signed event.</p>
        <p><a href="/">Do not wait</a></p>`,
    }
  }
  const isReconnected = connection.aliases.length > 1
  return {
    title: 'Connected',
    body: html`<h1>${device} is connected${isReconnected ? ' again' : ''}</h1>
      <p>
        Welcome back, ${hint.referenceId}. A signed event has confirmed it: this is
        <code>${connection.lineageId}</code>, now under the user_id
        ${userIdLink(connection.userId)}.
      </p>
      ${
        isReconnected
          ? html`<p>
              It is the same connection as before; data under its earlier ids is still yours.
            </p>`
          : ''
      }
      <p><a class="main" href="/">Continue</a></p>`,
  }
}

export function failedPage(hint: RedirectHint): AppPage {
  const reason = hint.reason ?? 'unknown'
  return {
    title: 'Not connected',
    body: html`<h1>${nameOf(hint.resource)} is not connected</h1>
      <p>${EXPLANATIONS[reason] ?? 'Something went wrong on the way.'}</p>
      <p class="soft">Reason: <code>${reason}</code></p>
      <p><a class="main" href="/">Back</a></p>`,
  }
}

const EXPLANATIONS: Readonly<Record<string, string>> = {
  access_denied: 'You chose not to share your data. You can change your mind at any time.',
  auth_cancelled: 'You went back before anything was connected.',
  expired: 'It took too long. Please try again.',
  missing_scopes: 'We need a permission that was switched off. Please try again and leave it on.',
  account_in_use: 'Somebody else has connected this account. Please use your own.',
  other_account: 'That is another account than the one you have connected. Log out there first.',
  provider_unavailable: 'The provider could not be reached. Please try again in a few minutes.',
}

export function errorPage(message: string, status: number): AppPage {
  return {
    title: 'That did not work',
    status,
    body: html`<h1>That did not work</h1>
      <p>${message}</p>
      <p><a class="main" href="/">Back</a></p>`,
  }
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1d2b; --soft: #5a5c70; --paper: #f7f7fb; --card: #ffffff; --line: #d9dae6; --edge: #8486a0; --accent: #4338ca; --accent-ink: #ffffff; --good: #17663f; --bad: #a3341f }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf4; --soft: #abadc2; --paper: #13141c; --card: #1c1d29; --line: #35374a; --edge: #7a7d98; --accent: #a5b0ff; --accent-ink: #14152b; --good: #7ddba6; --bad: #ff9b85 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, "DejaVu Sans", sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { font-size: 1.625rem; line-height: 1.25; margin: 0 0 1rem }
h2 { font-size: 1.125rem; margin: 2.5rem 0 .75rem }
h3 { font-size: 1rem; margin: 0 }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 1rem }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem }
.head { display: flex; gap: .75rem; align-items: center; justify-content: space-between }
.pill { border: 1px solid currentColor; border-radius: 1rem; padding: 0 .625rem; font-size: .875rem; color: var(--soft) }
.pill.active { color: var(--good) }
.pill.revoked { color: var(--bad) }
dl { display: grid; grid-template-columns: 8.5rem 1fr; gap: .25rem .75rem; margin: .75rem 0 1rem }
dt { color: var(--soft); font-size: .9375rem; grid-column: 1 }
dd { margin: 0; grid-column: 2; display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: center }
code { font: .8125rem/1.4 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere }
a { color: var(--accent) }
.soft, small, footer { color: var(--soft) }
small { display: block; font-size: .875rem }
.actions { display: flex; flex-wrap: wrap; gap: .75rem }
button, a.main { font: inherit; min-height: 2.75rem; padding: .375rem 1rem; border-radius: .5rem; border: 1px solid var(--edge); background: transparent; color: inherit; cursor: pointer; display: inline-flex; align-items: center; text-decoration: none }
.main, a.main { background: var(--accent); border-color: var(--accent); color: var(--accent-ink); font-weight: 600 }
.danger { color: var(--bad) }
.inline button { min-height: 1.75rem; padding: 0 .625rem; font-size: .875rem }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; font-size: .9375rem }
th { font-weight: 600; color: var(--soft); font-size: .875rem; white-space: nowrap }
th, td { text-align: start; vertical-align: top; padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line) }
td { min-width: 4rem }
footer { margin-top: 3rem; font-size: .9375rem }
td code { overflow-wrap: normal }
@media (max-width: 60rem) { thead { display: none } tr, td { display: block } tr { border-bottom: 1px solid var(--line); padding: .5rem 0 } td { border: 0; padding: 0 } td code { overflow-wrap: anywhere } }
@media (max-width: 32rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { grid-column: 1; margin-bottom: .5rem } }
`

export async function renderPage(page: AppPage): Promise<Response> {
  const refresh =
    page.refreshSeconds === undefined
      ? ''
      : html`<meta http-equiv="refresh" content="${page.refreshSeconds}" />`
  const text = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${page.title}</title>
        ${refresh}
        <style>
          ${raw(STYLE)}
        </style>
      </head>
      <body>
        <main>${page.body}</main>
      </body>
    </html>`
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
  }
  return new Response(String(text), { status: page.status ?? 200, headers })
}
