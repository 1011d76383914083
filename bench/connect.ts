import { type ChildProcess, fork } from 'node:child_process'
import { loadavg } from 'node:os'
import { type Person, createPerson } from '../packages/hub/src/simulator/person.ts'
import {
  DEV_ID,
  PROVIDER,
  type ServerAsked,
  type ServerTold,
  type SimulatorAsked,
  type SimulatorTold,
  hear,
} from './connect/messages.ts'
import { readCount, readFlags } from './flags.ts'

const HELP = `node --conditions=source --import tsx bench/connect.ts [options]

Complete connect flows beside what apps use for them: the app asks for the link, a browser opens it, the person logs in and consents
at a simulated provider, the browser comes back, the code is exchanged, the account asked for, the browser sent on to the app. Server, provider
and people are three processes. Firma commits the flow's steps, the connection, its sealed tokens, the event and its delivery, durably
(synchronous=FULL), and delivers it; grant and better-auth (generic OAuth) keep what they keep in memory.

  --sides <list>   firma,grant,better-auth (all of them)
  --flows <n>      flows of each turn (1000)
  --at-once <n>    people at once (16)
  --rounds <n>     rounds (3)
  --help`

const flags = readFlags(HELP, {
  sides: { type: 'string', default: 'firma,grant,better-auth' },
  flows: { type: 'string', default: '1000' },
  'at-once': { type: 'string', default: '16' },
  rounds: { type: 'string', default: '3' },
})
const FLOWS = readCount('flows', flags.flows)
const AT_ONCE = readCount('at-once', flags['at-once'])
/** Before the clock runs, so that code is compiled and connections are open; Node compiles for several seconds. */
const WARM_UP = { flows: 1_000, secondsMax: 5 }

interface Server {
  readonly url: string
  readonly apiKey: string
}

/** A flow from the app's request to the last redirect, whose address it returns. */
type Flow = (server: Server, person: Person) => Promise<string>

const FLOWS_OF: Readonly<Record<string, Flow>> = {
  firma: async ({ url, apiKey }, person) => {
    const headers = { 'dev-id': DEV_ID, 'x-api-key': apiKey, 'content-type': 'application/json' }
    const body = JSON.stringify({
      reference_id: person.login,
      auth_success_redirect_url: 'https://app.example/done',
    })
    const address = `${url}/v2/auth/authenticateUser?resource=${PROVIDER}`
    const answer = await fetch(address, { method: 'POST', headers, body })
    const { auth_url: link } = (await answer.json()) as { auth_url: string }
    const departure = await readRedirect(await person.request(link))
    return await readRedirect(await person.request(await person.authorize(departure)))
  },
  grant: async ({ url }, person) => {
    const departure = await readRedirect(await person.request(`${url}/connect/oura`))
    return await readRedirect(await person.request(await person.authorize(departure)))
  },
  'better-auth': async ({ url }, person) => {
    const answer = await fetch(`${url}/api/auth/sign-in/social`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url },
      body: JSON.stringify({ provider: 'oura', callbackURL: '/done', errorCallbackURL: '/failed' }),
    })
    const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(';')[0])
    const { url: departure } = (await answer.json()) as { url: string }
    const back = await person.authorize(departure)
    const headers = { cookie: cookies.join('; ') }
    return await readRedirect(await fetch(back, { redirect: 'manual', headers }))
  },
}

/** Where an answer leads. */
async function readRedirect(response: Response): Promise<string> {
  const page = await response.text()
  const location = response.headers.get('location')
  if (location === null) throw new Error(`expected a redirect, found ${response.status} ${page}`)
  return location
}

const sides = flags.sides.split(',')
const paces = new Map<string, number[]>(sides.map((side) => [side, []]))
for (let round = 1; round <= Number(flags.rounds); round += 1) {
  for (const side of sides) paces.get(side)?.push(await measure(side, round))
}
for (const [side, all] of paces) console.log(`${side}: ${all.join(', ')} flows/s`)

/** Runs the flows of one side with a server and a provider of its own. */
async function measure(side: string, round: number): Promise<number> {
  const flow = FLOWS_OF[side]
  if (flow === undefined)
    throw new Error(`no side "${side}"; there are ${Object.keys(FLOWS_OF).join()}`)
  const { simulator, serving, server } = await start(side)
  try {
    const warm = { count: WARM_UP.flows, secondsMax: WARM_UP.secondsMax, name: `${side}-warm` }
    const { length: warmed } = await runFlows(warm, flow, server)
    const before = await count(side, simulator, serving, warmed)
    const loadBefore = loadavg()[0]
    const startMs = performance.now()
    const latenciesMs = await runFlows({ count: FLOWS, name: side }, flow, server)
    const seconds = (performance.now() - startMs) / 1_000
    const after = await count(side, simulator, serving, warmed + FLOWS)
    const perFlow = (key: keyof typeof after) => Math.round((after[key] - before[key]) / FLOWS)
    const pace = Math.round(FLOWS / seconds)
    console.log(
      JSON.stringify({
        round,
        side,
        flows_per_second: pace,
        p50_ms: latenciesMs[Math.floor(FLOWS * 0.5)],
        p99_ms: latenciesMs[Math.floor(FLOWS * 0.99)],
        server_cpu_us_per_flow: perFlow('serverUs'),
        // Its main thread, with its waits for the disk.
        server_loop_us_per_flow: perFlow('loopUs'),
        provider_cpu_us_per_flow: perFlow('providerUs'),
        people_cpu_us_per_flow: perFlow('peopleUs'),
        load: [loadBefore, loadavg()[0]],
      }),
    )
    return pace
  } finally {
    serving.disconnect()
    simulator.disconnect()
  }
}

async function start(side: string) {
  const simulator = fork(new URL('./connect/simulator.ts', import.meta.url))
  const ready = await hear<SimulatorTold, 'ready'>(simulator, 'ready')
  const args = [side, JSON.stringify(ready)]
  const env = { ...process.env, NODE_ENV: 'production' }
  const serving = fork(new URL('./connect/server.ts', import.meta.url), args, { env })
  const { redirectUris } = await hear<ServerTold, 'redirects'>(serving, 'redirects')
  simulator.send({ type: 'register', redirectUris } satisfies SimulatorAsked)
  const app = await hear<SimulatorTold, 'app'>(simulator, 'app')
  serving.send({ type: 'app', app } satisfies ServerAsked)
  return { simulator, serving, server: await hear<ServerTold, 'listening'>(serving, 'listening') }
}

/** @returns How long each took, in milliseconds, ascending. */
async function runFlows(
  flows: { readonly count: number; readonly secondsMax?: number; readonly name: string },
  flow: Flow,
  server: Server,
): Promise<number[]> {
  const { count: flowsMax, secondsMax = Infinity, name } = flows
  const endMs = performance.now() + secondsMax * 1_000
  const latenciesMs: number[] = []
  let next = 0
  const connectInTurn = async (): Promise<void> => {
    while (next < flowsMax && performance.now() < endMs) {
      const person = createPerson({ login: `${name}-${(next += 1)}` })
      const startMs = performance.now()
      const end = await flow(server, person)
      if (!/\/done(?:$|\?user_id=)/.test(end)) throw new Error(`a flow ended at ${end}`)
      latenciesMs.push(Math.round(performance.now() - startMs))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, connectInTurn))
  return latenciesMs.toSorted((a, b) => a - b)
}

/** Processor time so far, when all work that the flows have caused is done. */
async function count(
  side: string,
  simulator: ChildProcess,
  serving: ChildProcess,
  flows: number,
): Promise<{ serverUs: number; loopUs: number; providerUs: number; peopleUs: number }> {
  const { user, system } = process.cpuUsage()
  serving.send({ type: 'count' } satisfies ServerAsked)
  const { cpuUs: serverUs, loopUs } = await hear<ServerTold, 'counts'>(serving, 'counts')
  simulator.send({ type: 'count' } satisfies SimulatorAsked)
  const { cpuUs: providerUs, events } = await hear<SimulatorTold, 'counts'>(simulator, 'counts')
  const expected = side === 'firma' ? flows : 0
  if (events !== expected) throw new Error(`expected ${expected} events, ${events} have arrived`)
  return { serverUs, loopUs, providerUs, peopleUs: user + system }
}
