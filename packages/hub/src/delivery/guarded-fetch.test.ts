import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createGuardedFetch } from './guarded-fetch.ts'
import { createUrlGuard } from './url-guard.ts'

async function serve(): Promise<number> {
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => response.end([request.method, request.headers['x-a'], body].join(' ')))
  })
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
