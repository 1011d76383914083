import express from 'express'
import Fastify, { type FastifyInstance } from 'fastify'
import type { Server } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { user } from '../test/histories.ts'
import { NOW_MS, SECRET, sign, type Sent } from '../test/send.ts'
import { expressHandler } from './express.ts'
import { fastifyReceiver } from './fastify.ts'
import { lambdaHandler, type LambdaEvent } from './lambda.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver } from './receiver-api.ts'
import { memoryStore } from './stores/memory.ts'

const BODY_BYTES_MAX = 100_000
const auth = { type: 'auth', status: 'success', user: user('ä') }

let receiver: Receiver
let closeAll: (() => Promise<unknown>)[]

beforeEach(() => {
  closeAll = []
  receiver = createReceiver({
    secrets: [SECRET],
    store: memoryStore(),
    clock: () => NOW_MS,
    bodyBytesMax: BODY_BYTES_MAX,
  })
})
afterEach(async () => {
  for (const close of closeAll) await close()
})

interface Answer {
  status: number
  body: unknown
}
type Ask = (sent: Sent, method?: string) => Promise<Answer>

async function post(url: string, { body, headers }: Sent, method = 'POST'): Promise<Answer> {
  const init = method === 'GET' ? { method, headers } : { method, headers, body }
  const response = await fetch(url, init)
  return { status: response.status, body: await response.json() }
}

async function listenExpress(app: express.Express): Promise<string> {
  const server = await new Promise<Server>((resolve) => {
    const listening = app.listen(0, '127.0.0.1', () => resolve(listening))
  })
  closeAll.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  )
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/terra`
}

async function listenFastify(app: FastifyInstance): Promise<string> {
  closeAll.push(() => app.close())
  return `${await app.listen({ port: 0, host: '127.0.0.1' })}/terra`
}

const askExpress: Ask = async (sent, method) => {
  const app = express().all('/terra', expressHandler(receiver))
  return post(await listenExpress(app), sent, method)
}

const askFastify: Ask = async (sent, method) => {
  const app = Fastify()
  await app.register(fastifyReceiver(receiver, { path: '/terra' }))
  return post(await listenFastify(app), sent, method)
}

const askLambda =
  (toEvent: (sent: Sent, method: string) => LambdaEvent): Ask =>
  async (sent, method = 'POST') => {
    const result = await lambdaHandler(receiver)(toEvent(sent, method))
    return { status: result.statusCode, body: JSON.parse(result.body) }
  }

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

/** As documented for payload format 1.0, REST APIs. */
const toFormat1 = ({ body, headers }: Sent, httpMethod: string): LambdaEvent => ({
  httpMethod,
  headers,
  multiValueHeaders: Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [value]]),
  ),
  body: httpMethod === 'GET' ? null : text(body),
  isBase64Encoded: false,
})
/** As documented for payload format 2.0, HTTP APIs and function URLs: header names in lower case. */
const toFormat2 = ({ body, headers }: Sent, method: string): LambdaEvent => ({
  requestContext: { http: { method } },
  headers: Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  ),
  ...(method === 'GET' ? {} : { body: text(body) }),
  isBase64Encoded: false,
})
const inBase64 = (sent: Sent, method: string): LambdaEvent => ({
  ...toFormat2(sent, method),
  body: Buffer.from(sent.body).toString('base64'),
  isBase64Encoded: true,
})

describe.each([
  ['express', askExpress],
  ['fastify', askFastify],
  ['lambda, format 1.0', askLambda(toFormat1)],
  ['lambda, format 2.0', askLambda(toFormat2)],
  ['lambda, in base64', askLambda(inBase64)],
] as [string, Ask][])('%s', (_, ask) => {
  it('accepts an event, whatever content type it claims, and knows it when it is repeated', async () => {
    for (const contentType of ['application/json', 'text/plain', 'application/x-odd', '']) {
      const sent = await sign(auth, contentType === '' ? {} : { 'Content-Type': contentType })
      expect(await ask(sent)).toEqual({ status: 200, body: { status: 'accepted' } })
      expect(await ask(sent)).toEqual({ status: 200, body: { status: 'duplicate' } })
    }
    expect(await receiver.resolve('ä')).toMatchObject({ status: 'active' })
  })

  it('answers 401 to what is not genuine, 400 to no event, 405 to other methods, 413 to too much', async () => {
    const forged = await sign('no json', {}, 'wrong')
    expect(await ask(forged)).toMatchObject({ status: 401, body: { reason: 'signature_mismatch' } })
    expect(await ask(await sign('[]'))).toMatchObject({ status: 400 })
    expect(await ask(await sign(auth), 'GET')).toMatchObject({ status: 405 })
    const large = await sign('x'.repeat(BODY_BYTES_MAX + 1))
    expect(await ask(large)).toMatchObject({ status: 413, body: { reason: 'body_too_large' } })
  })
})

describe('expressHandler', () => {
  it('says what is wrong behind express.json()', async () => {
    const app = express().use(express.json()).post('/terra', expressHandler(receiver))
    const sent = await sign(auth, { 'Content-Type': 'application/json' })
    expect(await post(await listenExpress(app), sent)).toMatchObject({
      status: 401,
      body: { reason: 'body_not_raw', detail: expect.stringContaining('express.json') },
    })
  })

  it('takes the bytes that express.raw() or a verify function keeps', async () => {
    const handler = expressHandler(receiver)
    const raw = express().post('/terra', express.raw({ type: '*/*' }), handler)
    const keeping = express().use(
      express.json({
        verify: (request, _, bytes) => void Object.assign(request, { rawBody: bytes }),
      }),
    )
    keeping.post('/terra', handler)
    for (const app of [raw, keeping]) {
      const sent = await sign(auth, { 'Content-Type': 'application/json' })
      expect(await post(await listenExpress(app), sent)).toMatchObject({ status: 200 })
    }
  })
})

describe('fastifyReceiver', () => {
  it('leaves the parsers of the rest of the app alone', async () => {
    const app = Fastify()
    await app.register(fastifyReceiver(receiver), { prefix: '/terra' })
    app.post('/own', (request, reply) => reply.send({ parsed: request.body }))
    const url = await listenFastify(app)
    expect(await post(url, await sign(auth))).toMatchObject({ status: 200 })
    const headers = { 'content-type': 'application/json' }
    const own = { body: new TextEncoder().encode('{"a":1}'), headers }
    expect(await post(url.replace('/terra', '/own'), own)).toEqual({
      status: 200,
      body: { parsed: { a: 1 } },
    })
  })

  it('says what is wrong when a hook has read the stream', async () => {
    const app = Fastify()
    app.addHook('preParsing', async (request) => {
      for await (const _ of request.raw) continue
    })
    await app.register(fastifyReceiver(receiver, { path: '/terra' }))
    expect(await post(await listenFastify(app), await sign(auth))).toMatchObject({
      status: 401,
      body: { reason: 'body_not_raw' },
    })
  })
})

describe('lambdaHandler', () => {
  it('says what is wrong with a body that was parsed', async () => {
    const event = { ...toFormat2(await sign(auth), 'POST'), body: auth }
    const { statusCode, body, headers } = await lambdaHandler(receiver)(event)
    expect({ statusCode, reason: JSON.parse(body).reason }).toEqual({
      statusCode: 401,
      reason: 'body_not_raw',
    })
    expect(headers['content-type']).toBe('application/problem+json')
  })

  it('is a handler to TypeScript, whatever kind of event the function is declared for', async () => {
    // As in @types/aws-lambda: interfaces without an index, whose contexts have nothing in common but being objects.
    interface RestEvent {
      httpMethod: string
      headers: { [name: string]: string | undefined }
      multiValueHeaders: { [name: string]: string[] | undefined }
      body: string | null
      isBase64Encoded: boolean
      requestContext: { accountId: string; stage: string }
    }
    interface HttpEvent {
      headers: { [name: string]: string | undefined }
      body?: string
      isBase64Encoded: boolean
      requestContext: { accountId: string; http: { method: string; path: string } }
    }
    interface Result {
      statusCode: number
      headers?: { [name: string]: boolean | number | string }
      body: string
    }
    const rest: (event: RestEvent) => Promise<Result> = lambdaHandler(receiver)
    const http: (event: HttpEvent) => Promise<Result> = lambdaHandler(receiver)
    const { headers, body } = await sign(auth)
    const shared = { headers, body: text(body), isBase64Encoded: false }
    const context = { accountId: '1', stage: 'prod' }
    const asked = { ...shared, httpMethod: 'POST', multiValueHeaders: {}, requestContext: context }
    expect(await rest(asked)).toMatchObject({ statusCode: 200 })
    const requestContext = { accountId: '1', http: { method: 'POST', path: '/terra' } }
    expect(await http({ ...shared, requestContext })).toMatchObject({ statusCode: 200 })
  })

  it('answers to an event that is no request at all', async () => {
    expect(await lambdaHandler(receiver)({})).toMatchObject({ statusCode: 405 })
  })
})
