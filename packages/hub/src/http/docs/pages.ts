/** The documentation's pages as HTML: no script, no third party. */
import { type Excerpt, type Answer } from './answer.ts'
import type { Library } from './library.ts'
import { type DocPage, toPlain } from './page.ts'
import { addressOf, escape, renderMarkdown } from './render.ts'
import { type Hit, toTerms } from './search.ts'
import type { Section } from './sections.ts'
import { STYLE_ELEMENT, STYLE_SOURCE } from './style.ts'

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src ${STYLE_SOURCE}; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
}

/** Characters of a section shown with a hit. */
const SNIPPET_LENGTH = 240

export function docPage(library: Library, page: DocPage): Response {
  const { html, headings } = renderMarkdown(library, page, page.markdown)
  const contents = headings
    .map(({ anchor, text }) => `<li><a href="#${escape(anchor)}">${text}</a></li>`)
    .join('')
  const aside =
    headings.length > 2
      ? `<details><summary>On this page</summary><ul>${contents}</ul></details>`
      : ''
  const source = page.slug === '' ? '/docs/index.md' : `${addressOf(page)}.md`
  // After the title, which is the first thing to read.
  const body = html.replace('</h1>\n', `</h1>\n${aside}`)
  const meta = `<p class="meta"><a href="${source}">This page as Markdown</a> · <a href="/llms.txt">llms.txt</a></p>`
  return frame(library, { title: page.title, slug: page.slug, query: '' }, body + meta)
}

export function searchPage(
  library: Library,
  query: string,
  found: { readonly hits: readonly Hit[]; readonly answer: Answer },
): Response {
  const { hits, answer } = found
  const body = [
    `<h1>Search</h1>`,
    query === '' ? '<p>Type a word or a question into the search box.</p>' : '',
    answer.text === null ? '' : answerBox(library, answer.text, answer.sources),
    query !== '' && hits.length === 0 ? `<p>Nothing was found for “${escape(query)}”.</p>` : '',
    hits.length === 0
      ? ''
      : `<ul class="hits">${hits.map((hit) => hitItem(hit, query)).join('')}</ul>`,
  ]
  return frame(library, { title: 'Search', slug: undefined, query }, body.join('\n'))
}

export function missingPage(library: Library, path: string): Response {
  const body = `<h1>No such page</h1><p>There is nothing at <code>${escape(path)}</code>. The pages are listed beside; the search box finds words in them.</p>`
  return frame(library, { title: 'No such page', slug: undefined, query: '', status: 404 }, body)
}

function answerBox(library: Library, text: string, sources: readonly Excerpt[]): string {
  const [first] = sources
  if (first === undefined) return ''
  const { section } = first
  const { html } = renderMarkdown(library, section.page, text)
  return `<section class="answer" aria-label="Answer">${html}<p>From ${linkTo(section)}</p></section>`
}

function hitItem({ section }: Hit, query: string): string {
  return `<li>${linkTo(section)}<p>${highlight(toSnippet(section, query), query)}</p></li>`
}

export function titleOf({ page, headings }: Section): string {
  const own = headings.filter(Boolean).map(toPlain)
  return own.length === 0 ? page.title : own.join(' › ')
}

function linkTo(section: Section): string {
  return `<a href="${escape(locate(section))}">${escape(titleOf(section))}</a>`
}

/** Address of a section, without the hub's. */
export function locate({ page, anchor }: Section): string {
  return addressOf(page) + (anchor === '' ? '' : `#${anchor}`)
}

/** The part of a section around the first word that was looked for. */
function toSnippet({ markdown }: Section, query: string): string {
  const text = toPlain(markdown.replaceAll(/^\s*(?:`{3,}.*|>|#+)/gm, ' '))
    .replaceAll(/\||-{3,}/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
  const terms = new Set(toTerms(query))
  const words = [...text.matchAll(/[\p{L}\p{N}_]+/gu)]
  const first = words.find(([word]) => toTerms(word).some((term) => terms.has(term)))
  const from = Math.max(0, (first?.index ?? 0) - SNIPPET_LENGTH / 4)
  const cut = text.slice(from, from + SNIPPET_LENGTH)
  return `${from > 0 ? '… ' : ''}${cut}${from + SNIPPET_LENGTH < text.length ? ' …' : ''}`
}

function highlight(text: string, query: string): string {
  const terms = new Set(toTerms(query))
  return text
    .split(/([\p{L}\p{N}_]+)/u)
    .map((part) =>
      toTerms(part).some((term) => terms.has(term)) ? `<mark>${escape(part)}</mark>` : escape(part),
    )
    .join('')
}

interface Frame {
  readonly title: string
  /** Of the page that is shown; undefined for none of them. */
  readonly slug: string | undefined
  readonly query: string
  readonly status?: number
}

function frame(library: Library, { title, slug, query, status }: Frame, body: string): Response {
  const groups = library.groups.map((group) => {
    const items = group.pages.map((page) => {
      const current = page.slug === slug ? ' aria-current="page"' : ''
      return `<li><a href="${addressOf(page)}"${current}>${escape(page.title)}</a></li>`
    })
    return `<h2>${escape(group.title)}</h2><ul>${items.join('')}</ul>`
  })
  const text = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)} · Firma</title>
${STYLE_ELEMENT}
</head>
<body>
<a class="skip" href="#content">To the content</a>
<div class="frame">
<header class="side">
<a class="name" href="/docs">Firma</a>
<form action="/docs/search" role="search">
<input type="search" name="q" value="${escape(query)}" aria-label="Search the documentation" placeholder="Search or ask">
<button>Search</button>
</form>
<a class="pages" href="#pages">All pages</a>
</header>
<main id="content">
${body}
</main>
<nav class="side" id="pages" aria-label="Documentation">${groups.join('')}</nav>
</div>
</body>
</html>`
  return new Response(text, { status: status ?? 200, headers: HEADERS })
}
