/** The app at the other end: answers after a delay, and says when each event arrived. A process of its own. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const delayMs = Number(process.argv[2] ?? 20)
const arrivals = new Map<string, number>()
let requests = 0

const server = createServer((request, response) => {
  request.resume()
  request.once('end', () => {
    requests += 1
    // The wall clock, which the sender's process shares.
    arrivals.set(String(request.headers['webhook-id']), Date.now())
    if (request.url === '/hang') return
    setTimeout(() => response.writeHead(200).end(), delayMs)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
process.on('message', (message) => {
  if (message === 'figures') process.send?.({ requests, arrivals: [...arrivals] })
  if (message === 'count') process.send?.({ distinct: arrivals.size })
  if (message === 'clear') {
    arrivals.clear()
    requests = 0
    process.send?.({ cleared: true })
  }
})
// Its parent has ended, in whatever way.
process.once('disconnect', () => process.exit())
