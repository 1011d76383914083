/** Every list: its pages are the whole, and no cursor but its own leads anywhere. */
import { describe, expect, it } from 'vitest'
import { ROUTES } from '../../src/http/routes.ts'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { DEV_ID, type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { expectProblem, sendRaw } from '../support/problems.ts'

interface Page {
  readonly data: readonly Record<string, unknown>[]
  readonly next: string | null
}

const LISTS = ROUTES.filter(
  ({ methods, query }) => methods.includes('get') && query !== undefined && 'after' in query.shape,
).map(({ paths }) => paths[0])

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** What is no cursor of any list, or of none that has such a row. */
const STRANGE = ['', 'x', '-1', '9'.repeat(30), '%00', encode({}), encode([]), encode(null)].concat(
  [encode(7), encode('\u0000'), encode('x'.repeat(1_600)), encode({ id: 1, created_at: 'x' })],
)

async function openFull(): Promise<{ hub: TestHub; read: (path: string) => Promise<Response> }> {
  const hub = await createTestHub()
  const { secret } = await createApiKey(hub.hub.deps, 'test', { environmentId: null, name: 'o' })
  for (const provider of ['GARMIN', 'FITBIT', 'OURA']) await hub.connect(provider)
  for (const path of ['a', 'b', 'c']) {
    await hub.call('POST', '/admin/v1/destinations', { url: `${hub.app.url}/${path}` })
    await hub.call('POST', '/admin/v1/resends', { type: path })
    await hub.addEnvironment(`acme-${path}-one`)
    await createApiKey(hub.hub.deps, 'test', { environmentId: DEV_ID, name: path })
  }
  await hub.call('POST', '/admin/v1/users/disconnect', { filter: { provider: 'OURA' } })
  await hub.hub.settle()
  const headers = { 'x-api-key': secret }
  return { hub, read: async (path) => await sendRaw(hub, { path, headers }) }
}

describe('every list', () => {
  it('is the same in pages and as a whole', async () => {
    const { read } = await openFull()
    const sizes: Record<string, number> = {}
    for (const list of LISTS.filter((path) => !path.includes(':'))) {
      const whole = (await (await read(`${list}?limit=100`)).json()) as Page
      const paged: unknown[] = []
      let after = ''
      for (let pages = 0; pages < 200; pages += 1) {
        const query = after === '' ? '' : `&after=${encodeURIComponent(after)}`
        const page = (await (await read(`${list}?limit=2${query}`)).json()) as Page
        paged.push(...page.data)
        // The list that is pulled always has a next one.
        if (page.next === null || page.data.length === 0) break
        after = page.next
      }
      expect([list, paged]).toEqual([list, whole.data])
      sizes[list] = whole.data.length
    }
    const full = Object.values(sizes).filter((size) => size > 2)
    expect([sizes, full.length >= 9]).toEqual([sizes, true])
  })

  it('answers what is no cursor with 400, or with what such a row would have behind it', async () => {
    const { read } = await openFull()
    for (const list of LISTS) {
      for (const after of STRANGE) {
        const path = list.replaceAll(/:\w+/g, '00000000-0000-4000-8000-000000000000')
        const response = await read(`${path}?after=${encodeURIComponent(after)}`)
        // What the answer looks like is judged by the test hub. 409: no event of this history.
        const isKnown = [200, 400, 404, 409].includes(response.status)
        expect([list, after, response.status, isKnown]).toEqual([
          list,
          after,
          response.status,
          true,
        ])
      }
    }
  })

  it('goes on behind a row that is gone, and with another filter', async () => {
    const { hub, read } = await openFull()
    const path = '/admin/v1/destinations?limit=1'
    const first = (await (await read(path)).json()) as Page
    const whole = (await (await read('/admin/v1/destinations')).json()) as Page
    const { status } = await hub.call('DELETE', `/admin/v1/destinations/${hub.destinationId}`)
    expect(status).toBe(200)
    const second = (await (await read(`${path}&after=${first.next}`)).json()) as Page
    expect(second.data[0]?.['id']).toBe(whole.data[1]?.['id'])
    const users = (await (await read('/admin/v1/users?limit=1')).json()) as Page
    const query = `provider=GARMIN&include_deleted=true&after=${users.next}`
    const others = (await (await read(`/admin/v1/users?${query}`)).json()) as Page
    expect(others.data.map(({ provider }) => provider)).toEqual(['GARMIN'])
  })
})

describe('an ETag', () => {
  it('lets one of two change a destination who read the same settings', async () => {
    const hub = await createTestHub()
    const path = `/admin/v1/destinations/${hub.destinationId}`
    const read = await sendRaw(hub, { path })
    const change = async (ms: number) =>
      await sendRaw(hub, {
        method: 'PATCH',
        path,
        headers: {
          'if-match': read.headers.get('etag'),
          'content-type': 'application/json',
        },
        body: JSON.stringify({ timeout_ms: ms }),
      })
    const [first, second] = await Promise.all([change(1_000), change(2_000)])
    expect(new Set([first.status, second.status])).toEqual(new Set([200, 412]))
    const winner = first.ok ? first : second
    const after = await sendRaw(hub, { path })
    expect(after.headers.get('etag')).toBe(winner.headers.get('etag'))
    expect(winner.headers.get('etag')).not.toBe(read.headers.get('etag'))
  })
})

describe('Firma-Dry-Run', () => {
  it('changes nothing, refuses as the change would, and is refused where there is none', async () => {
    const hub = await createTestHub()
    const send = async (method: string, path: string, wish: string, body?: object) =>
      await sendRaw(hub, {
        method,
        path,
        headers: { 'firma-dry-run': wish, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
    const path = `/admin/v1/destinations/${hub.destinationId}`
    const gone = await send('DELETE', path, 'true')
    expect([gone.status, gone.headers.get('firma-dry-run')]).toEqual([200, 'true'])
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    expect((await send('DELETE', `/admin/v1/users/${userId}`, 'true')).status).toBe(200)
    const data = { type: 'daily', user_id: userId }
    expect((await send('POST', '/admin/v1/events/generate', 'true', data)).status).toBe(201)
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth'])
    expect((await hub.call('GET', path)).status).toBe(200)
    const bad = await send('POST', '/admin/v1/destinations', 'true', { url: 'nowhere' })
    await expectProblem(bad, 'bad_request')
    await expectProblem(await send('DELETE', path, 'yes'), 'bad_request')
    await expectProblem(await send('POST', `${path}/test`, 'true'), 'bad_request')
    expect((await hub.call('GET', path)).status).toBe(200)
  })
})
