/**
 * The apps at the other end, each at a port of its own: they answer after a delay, and tell when each event arrived. A process
 * of its own.
 *
 *     sink.ts <delay in ms> <number of apps> <how many of them, the last ones, never answer>
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readClockMs } from './clock.ts'

const [delayMs = 20, apps = 1, hanging = 0] = process.argv.slice(2).map(Number)
/** When each event arrived first, by app and event. What comes to an app that never answers is not among them. */
const arrivals = new Map<string, number>()

async function startApp(app: number): Promise<number> {
  const hangs = app >= apps - hanging
  const server = createServer((request, response) => {
    request.resume()
    request.once('end', () => {
      if (hangs) return
      const key = `${app} ${String(request.headers['webhook-id'])}`
      if (!arrivals.has(key)) arrivals.set(key, readClockMs())
      setTimeout(() => response.writeHead(200).end(), delayMs)
    })
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

process.on('message', (message) => {
  if (message === 'figures') {
    process.send?.({ arrivals: [...arrivals].map(([key, atMs]) => [key.split(' ')[1], atMs]) })
  }
  if (message === 'count') process.send?.({ distinct: arrivals.size })
  if (message === 'clear') {
    arrivals.clear()
    process.send?.({ cleared: true })
  }
})
// Its parent has ended, in whatever way.
process.once('disconnect', () => process.exit())
process.send?.({
  ports: await Promise.all(Array.from({ length: apps }, (_, app) => startApp(app))),
})
