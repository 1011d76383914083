/** The frame of every page that an end user sees: no third party, no script needed, readable on a phone. */
import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { type Brand, NO_BRAND, logoSource } from '../../core/brand.ts'
import type { Environment } from '../../store/environments.ts'
import { LANGUAGES, type Language, chooseLanguage } from './language.ts'
import type { Messages } from './messages/en.ts'
import { SCRIPT_ELEMENT, SCRIPT_SOURCE } from './script.ts'
import { styleFor } from './style.ts'

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

/** For whom a page is made: what it says it with, and in whose colours. */
export interface PageView {
  readonly language: Language
  readonly messages: Messages
  /** Null while it is not known whose page it is. */
  readonly app: { readonly name: string; readonly brand: Brand } | null
  /** Whether the page can be asked for again in another language: not what a form has led to. */
  readonly canSwitch: boolean
  readonly cookie: string | undefined
}

export function viewOf(
  c: Context,
  about: { readonly environment?: Environment; readonly wishedLanguage?: string | null } = {},
): PageView {
  const { language, cookie } = chooseLanguage(c, about.wishedLanguage ?? null)
  const { environment } = about
  return {
    language,
    messages: LANGUAGES[language].messages,
    app:
      environment === undefined
        ? null
        : { name: environment.name, brand: environment.settings.brand },
    canSwitch: c.req.method === 'GET',
    cookie,
  }
}

export interface Page {
  readonly title: string
  readonly body: Html
  readonly status?: number
  /** Which of the three steps this is; absent where there is no progress to show. */
  readonly step?: 'choose' | 'login' | 'done'
  /** Whether the page asks again by itself after a second. */
  readonly isWaiting?: boolean
  readonly cookie?: string | undefined
}

/** Nothing on these pages may be framed, cached, or told to other sites. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

export async function renderPage(view: PageView, page: Page): Promise<Response> {
  const { language, messages, app } = view
  const brand = app?.brand ?? NO_BRAND
  const style = styleFor(brand.accent)
  // Only where nothing else does it: whoever has the script is not reloaded by the browser as well.
  const refresh =
    page.isWaiting === true
      ? raw('<noscript><meta http-equiv="refresh" content="1"></noscript>')
      : ''
  const text = await html`<!doctype html>
    <html lang="${language}" dir="${LANGUAGES[language].direction}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${page.title}</title>
        ${refresh} ${raw(style.element)} ${raw(SCRIPT_ELEMENT)}
      </head>
      <body>
        <div class="sheet">
          ${app === null ? '' : brandBar(app.name, brand)}
          <main>${page.step === undefined ? '' : steps(messages, page.step)} ${page.body}</main>
          ${view.canSwitch ? languageForm(view) : ''}
        </div>
      </body>
    </html>`
  const headers = new Headers({
    ...PAGE_HEADERS,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy(style.source, brand.logo),
  })
  for (const cookie of [page.cookie, view.cookie]) {
    if (cookie !== undefined) headers.append('set-cookie', cookie)
  }
  return new Response(String(text), { status: page.status ?? 200, headers })
}

// No form-action: browsers apply it to the redirect that follows a form, and ours lead to providers and apps.
function policy(styleSource: string, logo: string | null): string {
  const source = logo === null ? null : logoSource(logo)
  const images = source === null ? '' : `; img-src ${source}`
  return `default-src 'none'; style-src ${styleSource}; script-src ${SCRIPT_SOURCE}${images}; frame-ancestors 'none'; base-uri 'none'`
}

function brandBar(name: string, { logo }: Brand): Html {
  const hasLogo = logo !== null && logoSource(logo) !== null
  return html`<header class="brand">
    ${hasLogo ? html`<img src="${logo}" alt="" />` : ''}<span>${name}</span>
  </header>`
}

const STEPS = ['choose', 'login', 'done'] as const

function steps(messages: Messages, current: (typeof STEPS)[number]): Html {
  const at = STEPS.indexOf(current)
  const items = STEPS.map((step, index) =>
    index === at
      ? html`<li aria-current="step">${messages.steps[step]}</li>`
      : html`<li class="${index < at ? 'past' : ''}">${messages.steps[step]}</li>`,
  )
  return html`<ol class="steps" aria-label="${messages.steps.label}">
    ${items}
  </ol>`
}

function languageForm({ language, messages }: PageView): Html {
  const options = Object.entries(LANGUAGES).map(
    ([tag, { name }]) =>
      html`<option value="${tag}" lang="${tag}" ${tag === language ? 'selected' : ''}>
        ${name}
      </option>`,
  )
  return html`<footer class="foot">
    <form method="get" class="language">
      <label
        ><span>${messages.language.label}</span
        ><select name="language" autocomplete="off">
          ${options}
        </select></label
      >
      <button>${messages.language.change}</button>
    </form>
  </footer>`
}

/** See Other: also after a form, the browser gets the next page with GET (RFC 9700, section 4.12). */
export function redirectTo(url: string, ...cookies: (string | undefined)[]): Response {
  const headers = new Headers({
    location: url,
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  })
  for (const cookie of cookies) if (cookie !== undefined) headers.append('set-cookie', cookie)
  return new Response(null, { status: 303, headers })
}
