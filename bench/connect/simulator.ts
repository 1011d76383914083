/** A simulated provider and an app's webhook, in a process of their own. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PROFILES } from '../../packages/hub/src/simulator/profile.ts'
import { startSimulator } from '../../packages/hub/src/simulator/simulator.ts'
import { type SimulatorAsked, type SimulatorTold, PROVIDER } from './messages.ts'

const profile = PROFILES.get(PROVIDER)
if (profile === undefined) throw new Error(`no profile for ${PROVIDER}`)
const simulator = await startSimulator({ profiles: [profile] })
let events = 0
const webhook = createServer((request, response) => {
  events += 1
  request.resume()
  response.end()
})
webhook.listen(0, '127.0.0.1', () => {
  const { port } = webhook.address() as AddressInfo
  const { originOverrides } = simulator
  tell({ type: 'ready', webhookUrl: `http://127.0.0.1:${port}/`, originOverrides })
})

process.on('message', (asked: SimulatorAsked) => {
  switch (asked.type) {
    case 'register': {
      const { redirectUris } = asked
      tell({ type: 'app', ...simulator.registerApp({ resource: PROVIDER, redirectUris }) })
      break
    }
    case 'count': {
      const { user, system } = process.cpuUsage()
      tell({ type: 'counts', cpuUs: user + system, events })
    }
  }
})
process.on('disconnect', () => process.exit())

function tell(told: SimulatorTold): void {
  process.send?.(told)
}
