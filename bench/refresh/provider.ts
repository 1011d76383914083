/** A token endpoint that takes its time and rotates, in a process of its own: `node provider.ts <delay ms>`. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const delayMs = Number(process.argv[2])
const counts = { answered: 0 }

const server = createServer((request, response) => {
  request.resume()
  setTimeout(() => {
    counts.answered += 1
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        access_token: `access-${counts.answered}`,
        refresh_token: `refresh-${counts.answered}`,
        token_type: 'bearer',
        expires_in: 86_400,
      }),
    )
  }, delayMs)
})
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())
