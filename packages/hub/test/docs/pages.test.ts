import { OpenAPIHono } from '@hono/zod-openapi'
import { describe, expect, it } from 'vitest'
import { loadLibrary } from '../../src/http/docs/library.ts'
import { toPlain } from '../../src/http/docs/page.ts'
import { renderMarkdown } from '../../src/http/docs/render.ts'
import { mountDocs, openDocumentation } from '../../src/http/docs/routes.ts'
import { createLinks } from '../../src/operations/links.ts'
import { createTestHub } from '../support/create-test-hub.ts'

const library = await loadLibrary()

async function open() {
  const { hub, url } = await createTestHub()
  return async (path: string, init?: RequestInit) => {
    const response = await hub.fetch(new Request(url + path, init))
    return { response, text: await response.text(), url }
  }
}

describe('the documentation', () => {
  it('is read again after it could not be', async () => {
    const app = new OpenAPIHono()
    app.onError(() => new Response(null, { status: 500 }))
    let tries = 0
    mountDocs(app, createLinks('http://hub.test'), async () => {
      tries += 1
      if (tries === 1) throw new TypeError('the disk is away')
      return await openDocumentation()
    })
    const statuses: number[] = []
    for (const path of ['/docs', '/docs', '/docs/faq']) {
      statuses.push((await app.request(path)).status)
    }
    expect({ statuses, tries }).toEqual({ statuses: [500, 200, 200], tries: 2 })
  })

  it('shows every page, and every link on it leads somewhere', async () => {
    const get = await open()
    const anchors = new Map<string, Set<string>>()
    const links: [from: string, to: string][] = []
    for (const page of library.pages.values()) {
      const address = page.slug === '' ? '/docs' : `/docs/${page.slug}`
      const { response, text } = await get(address)
      expect(response.status, address).toBe(200)
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(response.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
      )
      expect(text).toContain('aria-current="page"')
      expect(text).not.toContain('<script')
      anchors.set(address, new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id)))
      for (const [, to = ''] of text.matchAll(/href="([^"]+)"/g)) links.push([address, to])
    }
    const broken = links.filter(([from, to]) => {
      if (/^https?:|\.md$|^\/llms\.txt$|^\/openapi\.json$/.test(to)) return false
      const [path = '', anchor] = to.split('#')
      const ids = anchors.get(path === '' ? from : path)
      return ids === undefined || (anchor !== undefined && !ids.has(decodeURIComponent(anchor)))
    })
    expect(broken).toEqual([])
  })

  it('has every page of its folder in the navigation, with a title and a summary', () => {
    const listed = library.groups.flatMap((group) => group.pages)
    expect(listed.length).toBe(library.pages.size)
    const bare = listed.filter(({ title, summary }) => title === '' || summary === '')
    expect(bare.map(({ file }) => file)).toEqual([])
  })

  it('gives every page as Markdown, without marks for tools', async () => {
    const get = await open()
    const { response, text } = await get('/docs/cli.md')
    expect(response.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
    expect(text).toMatch(/^# The `firma` command\n/)
    expect(text).not.toContain('<!--')
    expect((await get('/docs/index.md')).text).toMatch(/^# Firma documentation/)
  })

  it('answers ?ask= with an answer, excerpts and sources', async () => {
    const get = await open()
    const question = encodeURIComponent('What does missing_scopes mean?')
    const { response, text, url } = await get(`/docs/faq.md?ask=${question}`)
    expect(response.headers.get('content-type')).toBe('text/markdown; charset=utf-8')
    expect(text).toMatch(/^# What does missing_scopes mean\?\n\nA permission without which/)
    expect(text).toContain('\n## Excerpts\n\n> ')
    expect(text).toContain(`](${url}/docs/faq#what-does-missing_scopes-mean)`)
    const unknown = await get('/docs/faq.md?ask=How%20do%20I%20bake%20bread%3F')
    expect(unknown.text).toContain('The documentation does not answer this.')
    expect(unknown.response.status).toBe(200)
  })

  it('lists everything for programs at /llms.txt', async () => {
    const get = await open()
    const { text, url } = await get('/llms.txt')
    expect(text).toMatch(/^# Firma\n\n> /)
    for (const { slug } of library.pages.values()) {
      expect(text).toContain(`](${url}/docs/${slug || 'index'}.md): `)
    }
  })

  it('finds words, shows where, and answers questions on the page', async () => {
    const get = await open()
    const { text } = await get('/docs/search?q=nginx')
    expect(text).toContain('<mark>nginx</mark>')
    expect(text).toContain('href="/docs/operations#tls-with-nginx-or-caddy"')
    const asked = await get(`/docs/search?q=${encodeURIComponent('Can an event come twice?')}`)
    expect(asked.text).toContain('aria-label="Answer"')
    expect((await get('/docs/search?q=zzzzqqq')).text).toContain('Nothing was found for')
    expect((await get('/docs/search')).text).toContain('Type a word')
  })

  it('uses nothing of what is asked as markup', async () => {
    const get = await open()
    const evil = encodeURIComponent('"><script>alert(1)</script>')
    for (const path of [`/docs/search?q=${evil}`, `/docs/${evil}`]) {
      expect((await get(path)).text).not.toContain('<script>alert')
    }
  })

  it.each([
    '/docs/nowhere',
    '/docs/../package.json',
    '/docs/images/x.png',
    '/docs/images/..%2Fx.png',
    '/docs/a/b/c.md',
  ])('says that there is no %s', async (path) => {
    const { response } = await (await open())(path)
    expect(response.status).toBe(404)
  })

  it('takes GET and HEAD alone', async () => {
    const get = await open()
    expect((await get('/docs/faq', { method: 'POST' })).response.status).toBe(405)
    expect((await get('/docs/faq', { method: 'HEAD' })).response.status).toBe(200)
  })
})

describe('renderMarkdown', () => {
  const page = library.pages.get('faq')
  const render = (markdown: string): string =>
    renderMarkdown(library, page ?? expect.unreachable(), markdown).html

  it.each([
    ['<script>alert(1)</script>', '<script'],
    ['<img src=x onerror=alert(1)>', '<img'],
    ['[x](javascript:alert(1))', 'javascript:'],
    ['[x](JaVaScRiPt:alert(1))', 'href'],
    ['[x](data:text/html,x)', 'href'],
    ['[x](//evil.example)', 'href'],
    ['![x](https://evil.example/p.png)', '<img'],
    ['[x](<https://a.example/" onmouseover="alert(1)>)', '" onmouseover="'],
    ['```"><script>\nx\n```', '<script'],
    ['# <b onclick=x>y</b>', '<b '],
  ])('uses no markup of %j', (markdown, forbidden) => {
    expect(render(markdown)).not.toContain(forbidden)
  })

  it('leads links between documents to pages', () => {
    expect(render('[x](events.md#types)')).toContain('href="/docs/events#types"')
    expect(render('[x](../packages/receiver/README.md)')).toContain('href="/docs/receiver"')
    expect(render('[x](openapi.json)')).toContain('href="/openapi.json"')
    expect(render('[x](../LICENSE)')).toBe('<p>x</p>\n')
    expect(render('[x](https://example.com)')).toContain('href="https://example.com"')
  })

  it('takes marks away for titles', () => {
    expect(toPlain('The `firma` **command** [x](y) of _a_ user_id')).toBe(
      'The firma command x of a user_id',
    )
  })
})
