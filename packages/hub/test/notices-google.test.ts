/** Notices of Google Health: proved by a signature under its published keys, or by a shared secret. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { MINUTE_MS, SECOND_MS } from '../src/core/time.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

async function post(
  hub: TestHub,
  body: string,
  headers: Record<string, string>,
): Promise<Response> {
  return await fetch(hub.noticeUrls['GOOGLE'] ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  })
}

const KEYSET = '/www.gstatic.com/googlehealthapi/webhooks/webhooks_public_keyset.json'
const DATA = JSON.stringify({ data: { healthUserId: 'anybody', dataType: 'steps' } })

async function openGoogle() {
  const hub = await createTestHub({ providers: ['GOOGLE'] })
  const app = await hub.hub.deps.store.providerApps.find(DEV_ID, 'GOOGLE')
  const authorization = app?.secrets?.reveal().named['subscriberAuthorization'] ?? ''
  const statusOf = async (body: string, headers: Record<string, string> = {}) =>
    (await post(hub, body, headers)).status
  return { hub, authorization, statusOf }
}

/** Takes a notice on its way, to change something about it. */
async function seize(hub: TestHub, body: unknown): Promise<{ body: string; signature: string }> {
  const seized: { body: string; signature: string }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const signature = String(request.headers['x-healthapi-signature'])
      seized.push({ body: Buffer.concat(chunks).toString(), signature })
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const noticeUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const { clientId } = hub.simulator.registerApp({
    resource: 'GOOGLE',
    redirectUris: [],
    noticeUrl,
  })
  await hub.simulator.sendNotice('GOOGLE', { clientId, body })
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  return seized[0]!
}

function keysetReads(hub: TestHub): number {
  return hub.simulator.requests.filter(({ path }) => path === KEYSET).length
}

it('arrives as Google sends it, signed, and the keys are asked for once', async () => {
  const { hub } = await openGoogle()
  const clientId = hub.clientIds['GOOGLE'] ?? ''
  for (let i = 0; i < 3; i += 1) {
    await hub.simulator.sendNotice('GOOGLE', { clientId, body: JSON.parse(DATA) })
  }
  await hub.simulator.sendNotice('GOOGLE', { clientId, body: { type: 'verification' } })
  expect(hub.simulator.notices.map(({ status }) => status)).toEqual([204, 204, 204, 201])
  expect(keysetReads(hub)).toBe(1)
})

it('verifies the address with the secret alone', async () => {
  const { hub, authorization, statusOf } = await openGoogle()
  const verification = JSON.stringify({ type: 'verification' })
  expect(await statusOf(verification, { authorization })).toBe(201)
  expect(await statusOf(verification)).toBe(401)
  expect(await statusOf(verification, { authorization: 'Bearer another' })).toBe(401)
  const { body, signature } = await seize(hub, { type: 'verification' })
  expect(await statusOf(body, { 'x-healthapi-signature': signature })).toBe(401)
})

it('is proved by either, and refused for whatever does not hold', async () => {
  const { hub, authorization, statusOf } = await openGoogle()
  const { body, signature } = await seize(hub, JSON.parse(DATA))
  expect(await statusOf(DATA, { authorization })).toBe(204)
  for (const name of ['x-healthapi-signature', 'google-health-api-signature']) {
    expect(await statusOf(body, { [name]: signature })).toBe(204)
    expect(await statusOf(body, { [name]: signature, authorization })).toBe(204)
    const wrong = { [name]: signature, authorization: 'Bearer another' }
    expect(await statusOf(body, wrong)).toBe(401)
    expect(await statusOf(`${body} `, { [name]: signature, authorization })).toBe(401)
    // A key of this id may have been published since the keyset was read.
    expect(await statusOf(body, { [name]: 'AQAAAAEwRQ', authorization })).toBe(503)
    hub.clock.moveTo(hub.clock.nowMs() + MINUTE_MS)
    expect(await statusOf(body, { [name]: 'AQAAAAEwRQ', authorization })).toBe(401)
    expect(await statusOf(body, { [name]: '', authorization })).toBe(401)
  }
  expect(await statusOf(DATA)).toBe(401)
})

it('under a new key is put off until the keyset may be read again, and never refused', async () => {
  const { hub, statusOf } = await openGoogle()
  const first = await seize(hub, JSON.parse(DATA))
  expect(await statusOf(DATA, { 'x-healthapi-signature': first.signature })).toBe(204)
  hub.simulator.rotateKeyset('GOOGLE')
  const second = await seize(hub, JSON.parse(DATA))
  const headers = { 'x-healthapi-signature': second.signature }
  hub.clock.moveTo(hub.clock.nowMs() + 20 * SECOND_MS)
  const answer = await post(hub, DATA, headers)
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '40'])
  expect(keysetReads(hub)).toBe(1)
  hub.clock.moveTo(hub.clock.nowMs() + MINUTE_MS)
  expect(await statusOf(DATA, headers)).toBe(204)
  expect(keysetReads(hub)).toBe(2)
})

it('comes again when the keys cannot be had', async () => {
  const hub = await createTestHub({
    providers: ['GOOGLE'],
    fetch: intercept((url) =>
      url.endsWith(KEYSET) ? Promise.resolve(new Response('', { status: 503 })) : undefined,
    ),
  })
  const { body, signature } = await seize(hub, JSON.parse(DATA))
  const answer = await post(hub, body, { 'x-healthapi-signature': signature })
  expect(answer.status).toBe(503)
  expect(hub.logged).toContain('notice put off')
})
