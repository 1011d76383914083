/** What the pages say. */
import { html } from 'hono/html'
import { FLOW_FAILURES } from '../../core/flow.ts'
import { type Page, renderPage } from './layout.ts'

export interface ProviderChoice {
  readonly resource: string
  readonly displayName: string
}

export interface ConnectedUser {
  readonly userId: string
  readonly displayName: string
  /** Whether data arrives; false asks for a reconnection. */
  readonly isWorking: boolean
}

/** The list of providers to choose from. */
export async function connectPage(view: {
  readonly appName: string
  readonly token: string
  readonly providers: readonly ProviderChoice[]
  readonly connected: readonly ConnectedUser[]
  readonly cookie: string | undefined
}): Promise<Response> {
  const { appName, token, providers, connected } = view
  const choices = providers.map(
    ({ resource, displayName }) =>
      html`<li>
        <button name="provider" value="${resource}">
          <span class="mark" aria-hidden="true">${displayName.slice(0, 1)}</span>
          ${displayName}<span class="go" aria-hidden="true">→</span>
        </button>
      </li>`,
  )
  const isEmpty = providers.length === 0
  const body = html`
    <h1>Connect your device</h1>
    ${
      isEmpty
        ? html`<p>
            ${appName} has no devices to choose from yet. Please go back to the app and tell its
            support.
          </p>`
        : html`<p>
              <strong>${appName}</strong> asks to receive the health and activity data that you
              choose to share. You log in at the provider itself; ${appName} never sees your
              password.
            </p>
            <form method="post" action="/session/${token}/connect">
              <ul>
                ${choices}
              </ul>
            </form>`
    }
    ${connectedList(token, connected)}
    <form method="post" action="/session/${token}/cancel">
      <button class="quiet">${isEmpty ? 'Go back' : 'Not now, go back'}</button>
    </form>
    ${
      isEmpty
        ? ''
        : html`<footer>You can disconnect at any time, in the app or at the provider.</footer>`
    }
  `
  const page: Page = { title: `Connect your device – ${appName}`, body }
  return await renderPage(view.cookie === undefined ? page : { ...page, cookie: view.cookie })
}

function connectedList(token: string, connected: readonly ConnectedUser[]) {
  if (connected.length === 0) return ''
  const rows = connected.map(
    ({ userId, displayName, isWorking }) =>
      html`<li class="row">
        <span>${displayName}${isWorking ? '' : ' – please connect again'}</span>
        <button name="user_id" value="${userId}" aria-label="Disconnect ${displayName}">
          Disconnect
        </button>
      </li>`,
  )
  return html`<h2>Connected</h2>
    <form method="post" action="/session/${token}/disconnect">
      <ul>
        ${rows}
      </ul>
    </form>`
}

/** The end of a flow for which the app gave no address of its own. */
export async function connectedPage(providerName: string): Promise<Response> {
  return await renderPage({
    title: 'Connected',
    body: html`<p class="state" aria-hidden="true">✓</p>
      <h1>${providerName} is connected</h1>
      <p>You can close this page and go back to the app.</p>`,
  })
}

export async function failedPage(providerName: string, reason: string): Promise<Response> {
  const known = Object.entries(FLOW_FAILURES).find(([key]) => key === reason)
  return await renderPage({
    title: 'Not connected',
    body: html`<p class="state bad" aria-hidden="true">✕</p>
      <h1>${providerName} is not connected</h1>
      <p>${ADVICE[reason] ?? known?.[1] ?? `The provider answered “${reason}”.`}</p>
      <p>Nothing was shared. You can close this page and go back to the app.</p>`,
  })
}

const ADVICE: Readonly<Record<string, string>> = {
  access_denied: 'You chose not to share your data. You can change your mind at any time.',
  auth_cancelled: 'You went back before the connection was made.',
  expired: 'The connection was not finished in time. Try again.',
  missing_scopes: 'A permission that the app needs was switched off. Try again and leave it on.',
  provider_unavailable: 'The provider could not be reached. Try again in a few minutes.',
  client_misconfigured:
    'The app is not set up correctly at the provider. Its support has to fix this; trying again does not help.',
  interrupted: 'The connection was interrupted. Try again.',
}

/** Pages for links that lead nowhere. Each says what happened and what to do. */
export type DeadEnd =
  | 'unknown'
  | 'opened_elsewhere'
  | 'used'
  | 'expired'
  | 'state_unknown'
  | 'form_unreadable'
  | 'cancelled'
  | 'failed'

const DEAD_ENDS: Readonly<Record<DeadEnd, { status: number; heading: string; text: string }>> = {
  unknown: {
    status: 404,
    heading: 'This link does not exist',
    text: 'It may have been cut off when it was copied. Go back to the app and start again.',
  },
  opened_elsewhere: {
    status: 403,
    heading: 'This link was opened in another browser',
    text: 'To protect your data it works only where it was opened first. Go there, or get a new link in the app.',
  },
  used: {
    status: 410,
    heading: 'This link has been used',
    text: 'Each link connects once. To connect something else, go back to the app and get a new one.',
  },
  expired: {
    status: 410,
    heading: 'This link has expired',
    text: 'Links are good for 15 minutes. Go back to the app and get a new one.',
  },
  state_unknown: {
    status: 400,
    heading: 'This login does not belong to a connection that is under way',
    text: 'It may be an old page, or a newer attempt has replaced it. Go back to the app and start again.',
  },
  form_unreadable: {
    status: 400,
    heading: 'That choice could not be read',
    text: 'Nothing has happened. Go back one page and choose again.',
  },
  cancelled: {
    status: 200,
    heading: 'Nothing was connected',
    text: 'You can close this page and go back to the app.',
  },
  failed: {
    status: 500,
    heading: 'Something went wrong here',
    text: 'Nothing was connected. Go back to the app and try again in a minute.',
  },
}

export async function deadEndPage(deadEnd: DeadEnd): Promise<Response> {
  const { status, heading, text } = DEAD_ENDS[deadEnd]
  return await renderPage({
    status,
    title: heading,
    body: html`<h1>${heading}</h1>
      <p>${text}</p>`,
  })
}

/** Shown while another request of the same browser exchanges the code. */
export async function waitingPage(): Promise<Response> {
  return await renderPage({
    title: 'Connecting…',
    refreshSeconds: 1,
    body: html`<h1>Connecting…</h1>
      <p role="status">This takes a few seconds.</p>`,
  })
}
