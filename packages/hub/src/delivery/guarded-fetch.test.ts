import { type RequestListener, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WHOLE_BODY, type WholeBodyInit, type WholeBodyResponse } from '../deps.ts'
import { createGuardedFetch } from './guarded-fetch.ts'
import { createUrlGuard } from './url-guard.ts'

const echo: RequestListener = (request, response) => {
  let body = ''
  request.on('data', (chunk) => (body += String(chunk)))
  request.on('end', () => response.end([request.method, request.headers['x-a'], body].join(' ')))
}

async function serve(answer = echo): Promise<number> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

function open(ranges: readonly string[]) {
  const guarded = createGuardedFetch(createUrlGuard(ranges))
  onTestFinished(async () => await guarded.close())
  return guarded
}

describe('createGuardedFetch', () => {
  it('calls where the operator allows it, with everything that Fetch takes', async () => {
    const port = await serve()
    const { fetch } = open(['127.0.0.0/8'])
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode('streamed'))
        controller.close()
      },
    })
    const streamed = { method: 'POST', headers: new Headers({ 'x-a': '1' }), body, duplex: 'half' }
    const response = await fetch(`http://127.0.0.1:${port}/`, streamed as RequestInit)
    expect(await response.text()).toBe('POST 1 streamed')
    const form = { method: 'POST', body: new URLSearchParams({ a: 'b' }) }
    const second = await fetch(new URL(`http://localhost:${port}/`), form)
    expect(await second.text()).toContain('a=b')
  })

  it.each(['http://127.0.0.1', 'http://localhost', 'http://169.254.169.254', 'http://[::1]'])(
    'refuses %s, whatever stands for it',
    async (origin) => {
      const port = await serve()
      const { fetch } = open([])
      const call = fetch(`${origin}:${port}/`, { signal: AbortSignal.timeout(60_000) })
      await expect(call).rejects.toMatchObject({
        message: 'fetch failed',
        cause: { code: 'FIRMA_ADDRESS_REFUSED' },
      })
    },
  )
})

describe('a whole body', () => {
  const BYTES_MAX = 1_000

  async function ask(answer: RequestListener, init: RequestInit = {}): Promise<WholeBodyResponse> {
    const port = await serve(answer)
    const whole: WholeBodyInit = { ...init, [WHOLE_BODY]: BYTES_MAX }
    return await open(['127.0.0.0/8']).fetch(`http://localhost:${port}/a?b=c`, whole)
  }

  it('is read as Fetch reads it, with what Fetch says of the request', async () => {
    const asked: unknown[] = []
    const response = await ask(
      (request, answer) => {
        const { method, url, headers } = request
        asked.push(method, url, headers['content-type'], headers['x-a'])
        answer.setHeader('content-type', 'application/json')
        answer.setHeader('set-cookie', 'a=b')
        request.on('data', (chunk) => asked.push(String(chunk)))
        request.on('end', () => answer.end('{"a":1}'))
      },
      { method: 'POST', headers: { 'x-a': '1' }, body: new URLSearchParams({ d: 'e f' }) },
    )
    const type = 'application/x-www-form-urlencoded;charset=UTF-8'
    expect(asked).toEqual(['POST', '/a?b=c', type, '1', 'd=e+f'])
    expect([...response.headers]).toEqual([['content-type', 'application/json']])
    expect(Buffer.from(response[WHOLE_BODY] ?? []).toString()).toBe('{"a":1}')
    expect(await response.json()).toEqual({ a: 1 })
  })

  it.each([
    ['gzip', gzipSync('plain')],
    ['br', brotliCompressSync('plain')],
  ])('is decompressed by %s although nobody asked for it', async (encoding, body) => {
    const response = await ask((_, answer) => {
      answer.setHeader('content-encoding', encoding)
      answer.end(body)
    })
    expect(await response.text()).toBe('plain')
  })

  it('is not read on when it is too long, however it is told', async () => {
    const response = await ask((_, answer) => {
      answer.on('error', () => undefined)
      const write = (): void => {
        if (!answer.destroyed) answer.write('x'.repeat(500), () => setImmediate(write))
      }
      write()
    })
    expect(response[WHOLE_BODY]?.byteLength).toBeGreaterThan(BYTES_MAX)
    const bomb = gzipSync('x'.repeat(100_000))
    const compressed = ask((_, answer) => {
      answer.setHeader('content-encoding', 'gzip')
      answer.end(bomb)
    })
    await expect(compressed).rejects.toThrow('fetch failed')
  })

  it.each([204, 302, 500])('comes with the status %i as it is', async (status) => {
    const response = await ask((_, answer) => {
      answer.writeHead(status, { location: '/elsewhere', 'retry-after': '7' })
      answer.end()
    })
    expect([response.status, response.headers.get('retry-after')]).toEqual([status, '7'])
    expect(await response.text()).toBe('')
  })

  it('ends with its signal, and fails as Fetch does', async () => {
    const limit = new AbortController()
    const hanging = ask(() => limit.abort(), { signal: limit.signal })
    await expect(hanging).rejects.toMatchObject({ message: 'fetch failed' })
    const cut = ask((request) => request.socket.destroy())
    await expect(cut).rejects.toMatchObject({
      message: 'fetch failed',
      cause: { code: 'UND_ERR_SOCKET' },
    })
  })
})
