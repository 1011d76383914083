/** `/docs`: the documentation as pages, as Markdown, searchable, and answering questions. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Links } from '../../operations/links.ts'
import { QUESTION_LENGTH_MAX, type Answer, answer } from './answer.ts'
import { type Library, loadLibrary } from './library.ts'
import type { DocPage } from './page.ts'
import { docPage, locate, missingPage, searchPage, titleOf } from './pages.ts'
import { addressOf } from './render.ts'
import { type SearchIndex, createSearchIndex } from './search.ts'

const HITS_MAX = 20

interface Documentation {
  readonly library: Library
  readonly index: SearchIndex
}

/** Mounts the documentation. It is read at the first request, and again only where that failed. */
export function mountDocs(
  app: OpenAPIHono,
  links: Links,
  read: () => Promise<Documentation> = openDocumentation,
): void {
  let opened: Promise<Documentation> | undefined
  const open = async (): Promise<Documentation> => {
    opened ??= read().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return await opened
  }
  app.get('/llms.txt', async () => toText(toIndex((await open()).library, links), 'plain'))
  app.get('/docs/search', async (c) => {
    const { library, index } = await open()
    const query = (c.req.query('q') ?? '').trim().slice(0, QUESTION_LENGTH_MAX)
    return searchPage(library, query, {
      hits: index.search(query, HITS_MAX),
      answer: answer(index, query),
    })
  })
  app.get('/docs/images/:name', async (c) => {
    const { library } = await open()
    const image = await library.readImage(c.req.param('name'))
    if (image === undefined) return missingPage(library, c.req.path)
    const headers = {
      'content-type': 'image/png',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    }
    return new Response(new Uint8Array(image), { headers })
  })
  app.get('/docs', async (c) => await showPage(c, await open(), links))
  app.get('/docs/*', async (c) => await showPage(c, await open(), links))
}

/** Reads the documentation of this installation. */
export async function openDocumentation(): Promise<Documentation> {
  const library = await loadLibrary()
  return { library, index: createSearchIndex(library.sections) }
}

async function showPage(c: Context, documentation: Documentation, links: Links): Promise<Response> {
  const { library, index } = documentation
  const path = c.req.path.replace(/^\/docs\/?/, '')
  const slug = path.replace(/\.md$/, '')
  const page = library.pages.get(slug === 'index' ? '' : slug)
  if (page === undefined) return missingPage(library, c.req.path)
  const question = c.req.query('ask')?.trim()
  if (question !== undefined && question !== '') {
    return toText(toAnswer(question, answer(index, question), links), 'markdown')
  }
  if (path.endsWith('.md')) return toText(page.markdown, 'markdown')
  return docPage(library, page)
}

/** What a question is answered with: the answer, what it is from, and where that stands. */
function toAnswer(question: string, { text, sources }: Answer, links: Links): string {
  const asked = question.slice(0, QUESTION_LENGTH_MAX).replaceAll(/\s+/g, ' ')
  const direct =
    text ??
    `The documentation does not answer this.${sources.length === 0 ? '' : ' What comes nearest is below.'}`
  const excerpts = sources.map(({ section, quote }) => {
    const lines = quote.split('\n').map((line) => `> ${line}`.trimEnd())
    return `${lines.join('\n')}\n>\n> From: ${titleOf(section)}`
  })
  const list = sources.map(
    ({ section }) => `- [${titleOf(section)}](${links.documentation(locate(section))})`,
  )
  const parts = [`# ${asked}`, direct]
  if (sources.length > 0) parts.push('## Excerpts', ...excerpts, '## Sources', list.join('\n'))
  return `${parts.join('\n\n')}\n`
}

/** https://llmstxt.org: what there is, for those who read by program. */
function toIndex({ groups }: Library, links: Links): string {
  const line = (page: DocPage): string => {
    const address = page.slug === '' ? '/docs/index.md' : `${addressOf(page)}.md`
    return `- [${page.title}](${links.documentation(address)}): ${page.summary}`
  }
  const lists = groups.map(({ title, pages }) => `## ${title}\n\n${pages.map(line).join('\n')}`)
  return `# Firma

> Firma connects the people who use an app to their wearables and health providers, and tells the app about it, reliably.

Ask a question with \`GET ${links.documentation('/docs/index.md')}?ask=<question>\`: the answer is taken from these pages, with excerpts and sources,
and says so when they do not know. \`GET ${links.documentation('/docs/search')}?q=<words>\` searches them. The API is described at ${links.documentation('/openapi.json')}.

${lists.join('\n\n')}
`
}

function toText(text: string, kind: 'plain' | 'markdown'): Response {
  return new Response(text, {
    headers: {
      'content-type': `text/${kind}; charset=utf-8`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-cache',
    },
  })
}
