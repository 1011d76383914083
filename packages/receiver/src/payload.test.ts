import { describe, expect, it } from 'vitest'
import { toData } from './core/data.ts'
import { parseEvent, type Event } from './core/event.ts'
import { isPrivateAddress } from './core/private-address.ts'
import { fetchPayload, type FetchPayloadOptions } from './payload.ts'
import * as kit from './testing.ts'
import { createReceiver } from './receiver.ts'
import { memoryStore } from './stores/memory.ts'

const NOW_MS = 1_790_000_000_000
const parse = (event: object): Event => parseEvent(JSON.stringify(event))
const pointer = (url: string, expiresInSeconds = 300): Event =>
  parse(kit.s3Payload({ url, expiresInSeconds }))
const URL_OK = 'https://bucket.s3.example/a/b?X-Amz-Signature=key'
const inner = JSON.stringify(kit.data('daily', { userId: 'a', items: [{ steps: 1 }] }))

function options(change: Partial<FetchPayloadOptions> = {}): FetchPayloadOptions {
  const lookup = async (): Promise<string[]> => ['93.184.216.34', '2606:2800:220:1::1']
  return {
    guard: { allowedHosts: ['*.s3.example'], lookup },
    fetch: async () => new Response(inner),
    clock: () => NOW_MS,
    ...change,
  }
}

describe('fetchPayload', () => {
  it('fetches the event that an event points to', async () => {
    const asked: unknown[] = []
    const fetch: typeof globalThis.fetch = async (url, init) => {
      asked.push([url instanceof URL && url.href, init?.redirect, init?.credentials])
      return new Response(inner)
    }
    const { body, event } = await fetchPayload(pointer(URL_OK), options({ fetch }))
    expect(new TextDecoder().decode(body)).toBe(inner)
    expect(event).toMatchObject({ kind: 'data', type: 'daily', user: { userId: 'a' } })
    expect(asked).toEqual([[URL_OK, 'manual', 'omit']])
    const older = parse({ ...kit.s3Payload({ url: URL_OK }), type: 's3_upload', expires_in: 'x' })
    expect((await fetchPayload(older, options())).event.type).toBe('daily')
  })

  it.each([
    ['http', 'http://bucket.s3.example/'],
    ['another scheme', 'file:///etc/passwd'],
    ['no address', 'bucket'],
    ['another host', 'https://evil.example/'],
    ['a host that only ends alike', 'https://evils3.example/'],
    ['the parent of what is allowed', 'https://s3.example/'],
    ['credentials', 'https://u:p@bucket.s3.example/'],
    ['a port', 'https://bucket.s3.example:8443/'],
    ['numbers', 'https://169.254.169.254/latest/meta-data/'],
    ['other numbers', 'https://[::1]/'],
    ['numbers in disguise', 'https://0x7f.1/'],
  ])('refuses %s', async (_, url) => {
    const never: typeof globalThis.fetch = () => Promise.reject(new TypeError('asked'))
    await expect(fetchPayload(pointer(url), options({ fetch: never }))).rejects.toMatchObject({
      reason: 'payload_refused',
    })
  })

  it('refuses a name that leads to a private address, and reports one that leads nowhere', async () => {
    const at = (lookup: () => Promise<string[]>): FetchPayloadOptions =>
      options({ guard: { allowedHosts: ['bucket.s3.example'], lookup } })
    for (const address of ['10.0.0.1', '93.184.216.34,::ffff:10.0.0.1', 'nonsense']) {
      const lookup = async (): Promise<string[]> => address.split(',')
      await expect(fetchPayload(pointer(URL_OK), at(lookup))).rejects.toMatchObject({
        reason: 'payload_refused',
      })
    }
    const nowhere = at(() => Promise.reject(new TypeError('ENOTFOUND')))
    await expect(fetchPayload(pointer(URL_OK), nowhere)).rejects.toMatchObject({
      reason: 'payload_failed',
    })
    const local = { guard: { allowedHosts: ['localhost'] } }
    await expect(fetchPayload(pointer('https://localhost/'), options(local))).rejects.toMatchObject(
      {
        message: expect.stringContaining('not public'),
      },
    )
  })

  it('refuses what has expired, is too large, is no pointer or no event', async () => {
    const refused = { reason: 'payload_refused' }
    const late = options({ receivedAtMs: NOW_MS - 300_000 })
    await expect(fetchPayload(pointer(URL_OK), late)).rejects.toMatchObject(refused)
    const small = options({ bytesMax: 10 })
    await expect(fetchPayload(pointer(URL_OK), small)).rejects.toMatchObject(refused)
    await expect(fetchPayload(parse(kit.auth()), options())).rejects.toMatchObject(refused)
    const odd = options({ fetch: async () => new Response('<xml/>') })
    await expect(fetchPayload(pointer(URL_OK), odd)).rejects.toMatchObject({ reason: 'not_json' })
  })

  it.each([
    [403, 'payload_refused'],
    [302, 'payload_failed'],
    [404, 'payload_failed'],
    [500, 'payload_failed'],
  ])('does not take %i for a payload, and keeps the address to itself', async (status, reason) => {
    const headers = { location: 'https://169.254.169.254/' }
    const fetch = async (): Promise<Response> => new Response(null, { status, headers })
    const failing = fetchPayload(pointer(URL_OK), options({ fetch }))
    await expect(failing).rejects.toMatchObject({ reason })
    await expect(failing).rejects.not.toMatchObject({ message: expect.stringContaining('Amz') })
  })

  it('gives up in time', async () => {
    const fetch: typeof globalThis.fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new TypeError('aborted')))
      })
    const slow = fetchPayload(pointer(URL_OK), options({ fetch, timeoutMs: 5 }))
    await expect(slow).rejects.toMatchObject({ reason: 'payload_failed' })
  })
})

describe('isPrivateAddress', () => {
  it.each([
    '10.1.2.3',
    '127.0.0.1',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '198.19.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.2.1',
    '::1',
    '::',
    'fe80::1',
    'fc00::1',
    'fd00::1',
    '::ffff:8.8.8.8',
    '64:ff9b::a00:1',
    '2001:db8::1',
    '2002:a00:1::',
    'ff02::1',
    '[::1]',
    '2001::1',
  ])('%s is', (address) => {
    expect(isPrivateAddress(address)).toBe(true)
  })

  it('tells public ones from names', () => {
    for (const address of ['8.8.8.8', '172.32.0.1', '2606:4700::1111', '2a00:1450::1']) {
      expect(isPrivateAddress(address)).toBe(false)
    }
    for (const name of ['example.com', '256.1.1.1', '1.2.3', '']) {
      expect(isPrivateAddress(name)).toBeUndefined()
    }
  })
})

describe('toData', () => {
  it('says whose data it is, across reconnections, and not what the data says of itself', async () => {
    const secret = 's'
    const seen: unknown[] = []
    const receiver = createReceiver({
      secrets: [secret],
      store: memoryStore(),
      onEvent: (event, { connection }) => void seen.push(toData(event, connection)),
    })
    const events = [
      kit.auth({ userId: 'a' }),
      kit.userReauth({ oldUserId: 'a', newUserId: 'b' }),
      kit.data('daily', { userId: 'a', referenceId: 'mallory', items: [{ n: 0 }, null, 5] }),
      kit.athlete({ userId: 'b', profile: { provider_user_id: 'p' } }),
    ]
    for (const event of events) await receiver.receive(await kit.signedRequest(event, { secret }))
    expect(seen).toEqual([
      undefined,
      undefined,
      {
        type: 'daily',
        userId: 'a',
        lineageId: 'lin_a',
        referenceId: 'tony_stark',
        provider: 'GARMIN',
        version: '2022-03-16',
        items: [{ n: 0 }],
        athlete: undefined,
      },
      expect.objectContaining({
        items: [],
        athlete: { provider_user_id: 'p' },
        lineageId: 'lin_a',
      }),
    ])
  })

  it('reads what is odd as far as it goes', () => {
    const of = (change: object): unknown =>
      toData(parse({ ...kit.data('daily'), ...change }), undefined)
    expect(of({ data: null })).toMatchObject({ items: [], lineageId: undefined })
    expect(of({ data: { a: 1 } })).toMatchObject({ items: [], referenceId: 'tony_stark' })
    expect(of({ type: 'athlete', data: [{ a: 1 }] })).toMatchObject({ athlete: { a: 1 } })
    expect(of({ type: 'athlete', data: null })).toMatchObject({ athlete: undefined })
    expect(of({ type: 'lab_report.completed' })).toMatchObject({ items: [{}] })
    expect(of({ type: 'brand_new' })).toBeUndefined()
  })
})
