import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import { nodeHandler } from './node.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver, ReceiverOptions } from './receiver-api.ts'
import type { Refusal } from './report-refusal.ts'
import { memoryStore } from './stores/memory.ts'

let nowMs = NOW_MS
const create = (change: Partial<ReceiverOptions> = {}): Receiver =>
  createReceiver({ secrets: [SECRET], store: memoryStore(), clock: () => nowMs, ...change })

async function post(receiver: Receiver, event: object | string, secret = SECRET): Promise<number> {
  const { body, headers } = await sign(event, {}, secret)
  const request = new Request('http://app.test/', { method: 'POST', body, headers })
  return (await receiver.fetch(request)).status
}

afterEach(() => {
  nowMs = NOW_MS
  vi.restoreAllMocks()
})

describe('onRefused', () => {
  it('is told of what is answered with 4xx, and of nothing else', async () => {
    const told: Refusal[] = []
    const receiver = create({ bodyBytesMax: 50, onRefused: (refusal) => told.push(refusal) })
    expect(await post(receiver, { type: 'auth' })).toBe(200)
    expect(await post(receiver, { type: 'auth' }, 'another')).toBe(401)
    expect(await post(receiver, 'hi')).toBe(400)
    expect(await post(receiver, { type: 'x'.repeat(60) })).toBe(413)
    expect(told.map(({ reason }) => reason)).toEqual([
      'signature_mismatch',
      'not_json',
      'body_too_large',
    ])
    expect(told[0]?.message).toMatch(/another environment/)
  })

  it('is told of a body that was parsed before, on any server', async () => {
    const told: Refusal[] = []
    const handle = nodeHandler(create({ onRefused: (refusal) => told.push(refusal) }))
    const server = createServer((request, response) => {
      // What express.json does.
      request.resume().once('end', () => handle(request, response))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: '{}' })
    expect(response.status).toBe(401)
    expect(told).toMatchObject([
      { reason: 'body_not_raw', message: expect.stringContaining('express.json') },
    ])
    server.close()
  })

  it('changes no answer when it throws', async () => {
    const receiver = create({
      onRefused: () => {
        throw new TypeError('no')
      },
    })
    expect(await post(receiver, 'hi')).toBe(400)
  })

  it('writes a line by default, once a minute for each reason', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const receiver = create({ tolerance: 'off' })
    for (let n = 0; n < 5; n += 1) await post(receiver, { type: 'auth' }, 'another')
    await post(receiver, 'hi')
    nowMs += 60_000
    await post(receiver, { type: 'auth' }, 'another')
    const lines = warn.mock.calls.map(([line]) => String(line))
    expect(lines).toHaveLength(3)
    expect(lines[0]).toMatch(
      /^firma-receiver: refused a request, signature_mismatch: the signature/,
    )
    expect(lines[1]).toMatch(/not_json/)
    expect(lines[2]).toMatch(/\(4 more since then\)$/)
  })
})
