/** Markdown to HTML. Markup in a document is shown, never used, and links lead to the web or to pages. */
import { posix } from 'node:path'
import { Marked, type Tokens } from 'marked'
import type { Library } from './library.ts'
import type { DocPage } from './page.ts'
import { createAnchors } from './sections.ts'

export interface Rendered {
  readonly html: string
  readonly headings: readonly { readonly anchor: string; readonly text: string }[]
}

export function renderMarkdown(library: Library, page: DocPage, markdown: string): Rendered {
  const anchors = createAnchors()
  const headings: { anchor: string; text: string }[] = []
  const marked = new Marked({ gfm: true, async: false })
  marked.use({
    renderer: {
      html: ({ text }) => escape(text),
      heading({ depth, tokens, text }: Tokens.Heading) {
        const anchor = anchors(text)
        const content = this.parser.parseInline(tokens)
        if (depth === 2) headings.push({ anchor, text: content })
        return `<h${depth} id="${escape(anchor)}">${content}</h${depth}>\n`
      },
      link({ href, tokens }: Tokens.Link) {
        const content = this.parser.parseInline(tokens)
        const target = toAddress(library, page, href)
        return target === undefined ? content : `<a href="${escape(target)}">${content}</a>`
      },
      image({ href, text }: Tokens.Image) {
        const name = /^(?:\.\.\/)*(?:docs\/)?images\/([\w-]+\.png)$/.exec(href)?.[1]
        if (name === undefined) return escape(text)
        return `<img src="/docs/images/${name}" alt="${escape(text)}" loading="lazy">`
      },
      code: ({ text, lang }) =>
        `<pre tabindex="0"><code${lang === undefined ? '' : ` class="language-${escape(lang)}"`}>${escape(text)}\n</code></pre>\n`,
      table(token) {
        const row = (cells: Tokens.TableCell[], tag: 'th' | 'td'): string =>
          `<tr>${cells.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('')}</tr>`
        const body = token.rows.map((cells) => row(cells, 'td')).join('')
        // Wide tables scroll by themselves, by keyboard too.
        return `<div class="table" tabindex="0"><table><thead>${row(token.header, 'th')}</thead><tbody>${body}</tbody></table></div>\n`
      },
    },
  })
  const html = marked.parse(markdown)
  if (typeof html !== 'string') throw new TypeError('marked answers at once unless told otherwise')
  return { html, headings }
}

/** Where a link of a document leads on these pages; `undefined` for a file that is none of them. */
function toAddress(library: Library, page: DocPage, href: string): string | undefined {
  if (/^https?:\/\//i.test(href)) return href
  if (href.startsWith('#')) return href
  // Any other scheme could run code.
  if (/^[a-z][a-z0-9+.-]*:|^\/\//i.test(href)) return undefined
  const [path = '', anchor] = href.split('#')
  const file = posix.join(posix.dirname(page.file), path)
  if (file === 'docs/openapi.json') return '/openapi.json'
  const target = library.findByFile(file)
  if (target === undefined) return undefined
  return `${addressOf(target)}${anchor === undefined ? '' : `#${anchor}`}`
}

export function addressOf(page: DocPage): string {
  return page.slug === '' ? '/docs' : `/docs/${page.slug}`
}

export function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
}
