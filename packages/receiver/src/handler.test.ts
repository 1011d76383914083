import { createServer, request as httpRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { user } from '../test/histories.ts'
import { NOW_MS, SECRET, sign, type Sent } from '../test/send.ts'
import { nodeHandler } from './node.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver } from './receiver-api.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'

const BODY_BYTES_MAX = 100_000
const auth = { type: 'auth', status: 'success', user: user('a') }

let store: ReceiverStore
let receiver: Receiver
let closeServers: (() => Promise<void>)[]

beforeEach(() => {
  store = memoryStore()
  closeServers = []
  const clock = (): number => NOW_MS
  receiver = createReceiver({ secrets: [SECRET], store, clock, bodyBytesMax: BODY_BYTES_MAX })
})
afterEach(async () => {
  for (const close of closeServers) await close()
})

interface Answer {
  status: number
  headers: Headers
  body: unknown
}
type Ask = (method: string, sent: Sent) => Promise<Answer>

async function toAnswer(response: Response): Promise<Answer> {
  return { status: response.status, headers: response.headers, body: await response.json() }
}

const askFetch: Ask = async (method, { body, headers }) => {
  const init = method === 'GET' ? { method, headers } : { method, headers, body }
  return toAnswer(await receiver.fetch(new Request('http://app.test/terra', init)))
}

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closeServers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const address: AddressInfo | string | null = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return `http://127.0.0.1:${port}`
}

async function post(url: string, method: string, { body, headers }: Sent): Promise<Answer> {
  const init = method === 'GET' ? { method, headers } : { method, headers, body }
  return toAnswer(await fetch(url, init))
}

const askNode: Ask = async (method, sent) => post(await listen(nodeHandler(receiver)), method, sent)

describe.each([
  ['receiver.fetch', askFetch],
  ['nodeHandler', askNode],
])('%s', (_, ask) => {
  it('accepts an event and says so, and again when it is repeated', async () => {
    const sent = await sign(auth)
    expect(await ask('POST', sent)).toMatchObject({ status: 200, body: { status: 'accepted' } })
    expect(await ask('POST', sent)).toMatchObject({ status: 200, body: { status: 'duplicate' } })
    expect(await receiver.resolve('a')).toMatchObject({ status: 'active' })
  })

  it('takes POST only', async () => {
    const answer = await ask('GET', await sign(auth))
    expect(answer).toMatchObject({ status: 405, body: { reason: 'method_not_allowed' } })
    expect(answer.headers.get('allow')).toBe('POST')
  })

  it('answers 401 with the reason to what is not genuine, without parsing it', async () => {
    const forged = await sign('no json', {}, 'wrong')
    const answer = await ask('POST', forged)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body).toEqual({
      type: 'urn:firma:problem:signature_mismatch',
      title: 'Not verified',
      status: 401,
      detail: expect.stringContaining('matches none of the 1 configured secrets'),
      reason: 'signature_mismatch',
    })
    const { body } = await sign(auth)
    expect(await ask('POST', { body, headers: {} })).toMatchObject({
      status: 401,
      body: { reason: 'header_missing' },
    })
  })

  it('answers 400 to what is genuine and no event', async () => {
    for (const [text, reason] of [
      ['no json', 'not_json'],
      ['[]', 'not_an_object'],
      ['{}', 'type_missing'],
    ] as const) {
      expect(await ask('POST', await sign(text))).toMatchObject({ status: 400, body: { reason } })
    }
    expect(await ask('POST', await sign(''))).toMatchObject({ status: 400 })
  })

  it('answers 413 to a body above the limit, announced or not', async () => {
    const sent = await sign('x'.repeat(BODY_BYTES_MAX + 1))
    expect(await ask('POST', sent)).toMatchObject({
      status: 413,
      body: { reason: 'body_too_large' },
    })
  })

  it('answers 5xx only when the store failed, and says nothing about it', async () => {
    receiver = createReceiver({
      secrets: [SECRET],
      clock: () => NOW_MS,
      store: { ...store, transaction: () => Promise.reject(new TypeError('secret path')) },
    })
    const answer = await ask('POST', await sign(auth))
    expect(answer).toMatchObject({ status: 503, body: { reason: 'store_failed' } })
    expect(JSON.stringify(answer.body)).not.toContain('secret path')
    expect(answer.headers.get('retry-after')).toBe('30')
  })
})

describe('receiver.fetch', () => {
  it('says that the body is gone when somebody read it before', async () => {
    const { body, headers } = await sign(auth)
    const request = new Request('http://app.test/', { method: 'POST', body, headers })
    await request.json()
    const answer = await toAnswer(await receiver.fetch(request))
    expect(answer).toMatchObject({ status: 401, body: { reason: 'body_not_raw' } })
  })

  it('serves a request without a body, and can be detached', async () => {
    const { fetch } = receiver
    const answer = await fetch(new Request('http://app.test/', { method: 'POST' }))
    expect(answer.status).toBe(401)
  })
})

describe('nodeHandler', () => {
  it('says that the body is gone when a parser read the stream', async () => {
    const handle = nodeHandler(receiver)
    const url = await listen((request, response) => {
      request.resume()
      request.on('end', () => handle(Object.assign(request, { body: { type: 'auth' } }), response))
    })
    expect(await post(url, 'POST', await sign(auth))).toMatchObject({
      status: 401,
      body: { reason: 'body_not_raw', detail: expect.stringContaining('express.json') },
    })
  })

  it('takes bytes that a host kept, and an untouched stream beside an empty parsed body', async () => {
    const handle = nodeHandler(receiver)
    for (const property of ['body', 'rawBody']) {
      const url = await listen((request, response) => {
        const chunks: Buffer[] = []
        request.on('data', (chunk: Buffer) => chunks.push(chunk))
        request.on('end', () =>
          handle(Object.assign(request, { [property]: Buffer.concat(chunks) }), response),
        )
      })
      expect(await post(url, 'POST', await sign(auth))).toMatchObject({ status: 200 })
    }
    const passedOver = await listen((request, response) =>
      handle(Object.assign(request, { body: {} }), response),
    )
    expect(await post(passedOver, 'POST', await sign(auth))).toMatchObject({ status: 200 })
  })

  it('goes on when a sender leaves in the middle of a body', async () => {
    const handle = nodeHandler(receiver)
    let left = (): void => undefined
    const isLeft = new Promise<void>((resolve) => {
      left = resolve
    })
    const url = await listen((request, response) => {
      request.once('close', left)
      handle(request, response)
    })
    const outgoing = httpRequest(url, { method: 'POST', headers: { 'content-length': '1000' } })
    // It has left by itself.
    outgoing.on('error', () => undefined)
    outgoing.write('{"type":', () => outgoing.destroy())
    await isLeft
    expect(await post(url, 'POST', await sign(auth))).toMatchObject({ status: 200 })
    expect((await receiver.listEvents()).events).toHaveLength(1)
  })

  it('answers before the end of a body that is too large and has no announced length', async () => {
    const url = await listen(nodeHandler(receiver))
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const outgoing = httpRequest(url, { method: 'POST' }, (response) => {
        response.resume()
        resolve(response.statusCode)
        outgoing.destroy()
      })
      outgoing.on('error', reject)
      // Never ended: the answer must come from what was read.
      outgoing.write(Buffer.alloc(BODY_BYTES_MAX + 1))
    })
    expect(status).toBe(413)
  })
})
