/** `<firma-connect>`: the button. */
import { type Attempt, openAttempt } from './popup.ts'
import type { ConnectResult } from './result.ts'

/** Longest that the app's back end may take to make a link, in milliseconds. */
const SESSION_MS_MAX = 15_000

const STYLE = `
:host{display:inline-block}
:host([hidden]){display:none}
button{font:inherit;font-weight:600;min-height:2.75rem;padding:.5rem 1.125rem;border-radius:var(--firma-radius,.625rem);border:1px solid var(--firma-accent,#1f6b4a);background:var(--firma-accent,#1f6b4a);color:var(--firma-accent-ink,#fff);cursor:pointer}
button:hover{filter:brightness(1.08)}
button:focus-visible{outline:3px solid var(--firma-accent,#1f6b4a);outline-offset:2px}
button[aria-disabled=true]{cursor:progress;opacity:.75}
p{margin:.375rem 0 0;font-size:.875rem;color:var(--firma-error,#a3341f)}
p:empty{display:none}
`

// On a server, which renders the page and has no elements, the class only has to be there.
const Base: typeof HTMLElement = globalThis.HTMLElement ?? Object

/** What the element tells the page that it is in; each event bubbles and crosses shadow roots. */
export interface FirmaConnectEvents {
  /** It came back connected. A hint: the signed event that the back end gets is the proof. */
  readonly 'firma-connected': CustomEvent<ConnectResult>
  /** The person came back, and the hub waits until the back end has confirmed who it was. */
  readonly 'firma-unconfirmed': CustomEvent<ConnectResult>
  /** It came back with a reason. */
  readonly 'firma-failed': CustomEvent<ConnectResult>
  /** The popup is gone, or out of sight; a result may still come. */
  readonly 'firma-closed': CustomEvent<null>
  /** The app's back end made no link. */
  readonly 'firma-error': CustomEvent<{ readonly message: string }>
}

/**
 * Makes a link through the app's back end and sends the person there.
 *
 * Attributes: `session-endpoint` (answers a POST with `{"url": …}`, as `generateWidgetSession` does),
 * `mode` (`popup`, the default, or `redirect`), `return-origin` (origin of the page that the hub sends the
 * browser back to; default this page's), `error-label`.
 */
export class FirmaConnectElement extends Base {
  /** Makes the link in place of `session-endpoint`. @returns The address of the widget session. */
  createSession: (() => Promise<string>) | undefined
  readonly #button: HTMLButtonElement
  readonly #message: HTMLParagraphElement
  #attempt: Attempt | undefined
  #isBusy = false

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true })
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(STYLE)
    // Not an element: a page's policy may forbid those.
    root.adoptedStyleSheets = [sheet]
    this.#button = document.createElement('button')
    this.#button.type = 'button'
    this.#button.setAttribute('part', 'button')
    this.#button.append(document.createElement('slot'))
    this.#message = document.createElement('p')
    this.#message.setAttribute('role', 'alert')
    this.#message.setAttribute('part', 'message')
    root.append(this.#button, this.#message)
    this.#button.addEventListener('click', () => void this.#start())
  }

  disconnectedCallback(): void {
    this.#attempt?.cancel()
    this.#attempt = undefined
  }

  async #start(): Promise<void> {
    if (this.#isBusy) return
    this.#setBusy(true)
    this.#message.textContent = ''
    this.#attempt?.cancel()
    // Before anything is waited for: later, the browser would take it for an unwanted one.
    this.#attempt = this.getAttribute('mode') === 'redirect' ? undefined : this.#openAttempt()
    try {
      const url = await this.#makeLink()
      if (this.#attempt === undefined) location.assign(url)
      else this.#attempt.go(url)
    } catch (error) {
      this.#attempt?.cancel()
      this.#attempt = undefined
      const message = error instanceof Error ? error.message : String(error)
      this.#message.textContent =
        this.getAttribute('error-label') ?? 'That did not work. Please try again.'
      this.#tell('firma-error', { message })
    } finally {
      this.#setBusy(false)
    }
  }

  #openAttempt(): Attempt | undefined {
    return openAttempt({
      returnOrigin: this.getAttribute('return-origin') ?? location.origin,
      onResult: (result) => {
        this.#attempt = undefined
        this.#tell(`firma-${result.outcome}`, result)
      },
      onClosed: () => this.#tell('firma-closed', null),
    })
  }

  async #makeLink(): Promise<string> {
    const url = await (this.createSession?.() ?? this.#askEndpoint())
    const { protocol } = new URL(url, location.href)
    if (protocol === 'https:' || protocol === 'http:') return url
    throw new TypeError(`the link must be an http(s) address, not "${protocol}…"`)
  }

  async #askEndpoint(): Promise<string> {
    const endpoint = this.getAttribute('session-endpoint')
    if (endpoint === null) {
      throw new TypeError('set session-endpoint, or the property createSession')
    }
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { accept: 'application/json' },
      signal: AbortSignal.timeout(SESSION_MS_MAX),
    })
    if (!response.ok) throw new TypeError(`${endpoint} answered ${response.status}`)
    const answer: unknown = await response.json()
    const url = typeof answer === 'object' && answer !== null && 'url' in answer ? answer.url : null
    if (typeof url === 'string') return url
    throw new TypeError(`${endpoint} should answer {"url": …}, as generateWidgetSession does`)
  }

  #setBusy(isBusy: boolean): void {
    this.#isBusy = isBusy
    // Not disabled: that would take the focus away from whoever pressed it.
    this.#button.setAttribute('aria-disabled', String(isBusy))
    this.#button.setAttribute('aria-busy', String(isBusy))
  }

  #tell<Name extends keyof FirmaConnectEvents>(
    name: Name,
    detail: FirmaConnectEvents[Name]['detail'],
  ): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }))
  }
}

/** Makes `<firma-connect>` known to the browser; a second call, and one on a server, do nothing. */
export function defineFirmaConnect(): void {
  if (
    globalThis.customElements !== undefined &&
    customElements.get('firma-connect') === undefined
  ) {
    customElements.define('firma-connect', FirmaConnectElement)
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'firma-connect': FirmaConnectElement
  }
  interface HTMLElementEventMap {
    'firma-connected': FirmaConnectEvents['firma-connected']
    'firma-unconfirmed': FirmaConnectEvents['firma-unconfirmed']
    'firma-failed': FirmaConnectEvents['firma-failed']
    'firma-closed': FirmaConnectEvents['firma-closed']
    'firma-error': FirmaConnectEvents['firma-error']
  }
}
