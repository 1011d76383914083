import { createServer } from 'node:net'

/**
 * Ports that no system gives out by itself: whoever asks for port 0, and every connection that goes out, gets one from
 * 32,768 on (Linux) or 49,152 on (others). One from there may be gone again before it is bound.
 */
const FIRST = 20_000
const LAST = 32_000
const TRIES_MAX = 100
/** Vitest's workers look for ports at the same time: each has a part of them for itself. */
const PARTS = 40
const PART = Number(process.env['VITEST_POOL_ID'] ?? 0) % PARTS
const SIZE = Math.floor((LAST - FIRST) / PARTS)

/**
 * The first of several neighbouring ports of the loopback address that nobody uses.
 *
 * @throws When so many looks have found none.
 */
export async function findFreePorts(count: number): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const first = FIRST + PART * SIZE + Math.floor(Math.random() * (SIZE - count))
    const ports = Array.from({ length: count }, (_, index) => first + index)
    const areFree = await Promise.all(ports.map(isPortFree))
    if (areFree.every(Boolean)) return first
  }
  throw new Error(`expected ${count} free neighbouring ports from ${FIRST} to ${LAST}, found none`)
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer()
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
