/** The frame of every page that an end user sees: no script, no third party, readable on a phone. */
import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'

type Html = HtmlEscapedString | Promise<HtmlEscapedString>

const STYLE = `
:root { color-scheme: light dark; --ink: #17211b; --soft: #55635b; --paper: #fbfaf7; --card: #ffffff; --line: #dcdfd8; --edge: #858f89; --accent: #1f6b4a; --accent-ink: #ffffff; --danger: #a3341f; }
@media (prefers-color-scheme: dark) { :root { --ink: #eef2ee; --soft: #a9b6ae; --paper: #121613; --card: #1b211d; --line: #343d37; --edge: #6b766f; --accent: #6fcf9e; --accent-ink: #0d1a13; --danger: #ff9b85; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: start center; padding: clamp(1rem, 6vh, 4rem) 1rem; background: var(--paper); color: var(--ink); font: 1.0625rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { width: 100%; min-width: 0; overflow-wrap: anywhere; max-width: 27rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; padding: 1.75rem 1.5rem; }
h1 { font-size: 1.375rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem; }
h2 + form ul { margin-top: 0; }
p { margin: 0 0 1rem; color: var(--soft); }
main > p:last-child { margin-bottom: 0; }
p strong { color: var(--ink); }
ul { list-style: none; margin: 1.25rem 0; padding: 0; display: grid; gap: .625rem; }
button, .button { font: inherit; width: 100%; min-height: 3.25rem; display: flex; align-items: center; gap: .875rem; padding: .5rem 1rem; border-radius: .75rem; border: 1px solid var(--edge); background: transparent; color: var(--ink); cursor: pointer; text-align: start; text-decoration: none; }
button:hover, .button:hover { border-color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.mark { flex: none; width: 2rem; height: 2rem; border-radius: .5rem; display: grid; place-items: center; background: var(--accent); color: var(--accent-ink); font-weight: 700; }
.go { margin-inline-start: auto; color: var(--soft); }
.quiet { border-color: transparent; justify-content: center; color: var(--soft); text-decoration: underline; text-decoration-color: var(--edge); text-underline-offset: .25em; }
.row { display: flex; align-items: center; gap: .75rem; }
.row button { width: auto; min-height: 2.75rem; margin-inline-start: auto; color: var(--danger); }
.state { font-size: 2rem; line-height: 1; margin: 0 0 .75rem; color: var(--accent); }
.state.bad { color: var(--danger); }
footer { margin-top: 1.5rem; font-size: .875rem; color: var(--soft); }
@media (prefers-reduced-motion: no-preference) { button, .button { transition: border-color .12s; } }
`

/** In one piece: the hash is over everything between the tags, also the white space that a template would add. */
const STYLE_ELEMENT = raw(`<style>${STYLE}</style>`)
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

export interface Page {
  readonly title: string
  readonly body: Html
  readonly status?: number
  /** Seconds after which the browser asks again; for pages that wait. */
  readonly refreshSeconds?: number
  readonly cookie?: string
}

/** Nothing on these pages may be framed, cached, or told to other sites. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  // No form-action: browsers apply it to the redirect that follows a form, and ours lead to providers and apps.
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'`,
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

export async function renderPage(page: Page): Promise<Response> {
  const refresh =
    page.refreshSeconds === undefined
      ? ''
      : html`<meta http-equiv="refresh" content="${page.refreshSeconds}" />`
  const text = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${page.title}</title>
        ${refresh} ${STYLE_ELEMENT}
      </head>
      <body>
        <main>${page.body}</main>
      </body>
    </html>`
  const headers = new Headers({ ...PAGE_HEADERS, 'content-type': 'text/html; charset=utf-8' })
  if (page.cookie !== undefined) headers.append('set-cookie', page.cookie)
  return new Response(String(text), { status: page.status ?? 200, headers })
}

/** See Other: also after a form, the browser gets the next page with GET (RFC 9700, section 4.12). */
export function redirectTo(url: string, cookie?: string): Response {
  const headers = new Headers({
    location: url,
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  })
  if (cookie !== undefined) headers.append('set-cookie', cookie)
  return new Response(null, { status: 303, headers })
}
