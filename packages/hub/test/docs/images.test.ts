import { readdir, stat } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { loadLibrary } from '../../src/http/docs/library.ts'
import { createTestHub } from '../support/create-test-hub.ts'

const IMAGES = new URL('../../../../docs/images/', import.meta.url)
/** All pictures together; they travel with the package. */
const BYTES_MAX = 1_500_000
const PNG_SIGNATURE = '89504e470d0a1a0a'

const { pages } = await loadLibrary()
const names = await readdir(IMAGES)

async function open() {
  const { hub, url } = await createTestHub()
  return async (path: string) => await hub.fetch(new Request(url + path))
}

describe('the pictures of the documentation', () => {
  it('are on the pages, each with a text instead of it, and served', async () => {
    const get = await open()
    const shown = new Set<string>()
    for (const { slug } of pages.values()) {
      const html = await (await get(slug === '' ? '/docs' : `/docs/${slug}`)).text()
      for (const [, address = '', alt = ''] of html.matchAll(/<img src="([^"]+)" alt="([^"]*)"/g)) {
        expect(alt.length, address).toBeGreaterThan(10)
        const response = await get(address)
        expect([address, response.status]).toEqual([address, 200])
        expect(response.headers.get('content-type')).toBe('image/png')
        expect(response.headers.get('x-content-type-options')).toBe('nosniff')
        const bytes = Buffer.from(await response.arrayBuffer())
        expect(bytes.subarray(0, 8).toString('hex')).toBe(PNG_SIGNATURE)
        shown.add(address.replace('/docs/images/', ''))
      }
    }
    expect([...shown].toSorted()).toEqual(names.toSorted())
  })

  it('are embedded nowhere in a way that shows none', () => {
    const embedded = [...pages.values()].flatMap(({ markdown }) =>
      [...markdown.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, target]) => target),
    )
    expect(new Set(embedded)).toEqual(new Set(names.map((name) => `images/${name}`)))
  })

  it('are small', async () => {
    const sizes = await Promise.all(
      names.map(async (name) => (await stat(new URL(name, IMAGES))).size),
    )
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(BYTES_MAX)
  })

  it.each([
    '..%2Findex.png',
    '..%2F..%2Fpackage.json',
    '%2e%2e%2findex.md',
    '..%5cindex.png',
    '%2Fetc%2Fpasswd',
    'demo-app.png%00',
    'demo-app.PNG',
    'demo-app',
  ])('are the only files that %s could be', async (name) => {
    const response = await (await open())(`/docs/images/${name}`)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  })
})
