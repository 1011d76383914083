/** The whole demo for a test: what `firma start` starts, on free ports and in a folder of its own. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Demo, startDemo } from '../../../src/cli/demo.ts'
import { DEMO_REFERENCE_ID } from '../../../src/cli/demo-app.ts'
import type { Log } from '../../../src/deps.ts'
import { type Decision, type Person, createPerson } from '../../../src/simulator/person.ts'

/** Longest that a condition is waited for, in milliseconds; everything here takes a few of them. */
const CONDITION_MS_MAX = 120_000

/** A log that keeps what was warned of. */
export function createRecordingLog(): { log: Log; messages: string[] } {
  const messages: string[] = []
  const record: Log['warn'] = (_fields, message) => void messages.push(message)
  return { log: { info: () => undefined, warn: record, error: record }, messages }
}

/** An empty folder, and what removes it. */
export async function makeDataFolder(): Promise<{ folder: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'firma-e2e-'))
  return { folder, remove: async () => await rm(folder, { recursive: true, force: true }) }
}

/** An empty folder that goes with the test. */
export async function createDataFolder(): Promise<string> {
  const { folder, remove } = await makeDataFolder()
  onTestFinished(remove)
  return folder
}

/** Starts the demo; it is closed when the test has finished, if it was not before. */
export async function startTestDemo(dataFolder: string, port = 0): Promise<Demo> {
  const { log } = createRecordingLog()
  const demo = await startDemo({ dataFolder, port, host: '127.0.0.1', log })
  onTestFinished(async () => await demo.close())
  return demo
}

/** Link → connect page → provider → callback. @returns The app's address that the browser is sent to. */
export async function connect(
  demo: Demo,
  provider: string,
  {
    person = createPerson({ login: 'tony' }),
    referenceId = DEMO_REFERENCE_ID,
    ...decision
  }: Decision & { person?: Person; referenceId?: string } = {},
): Promise<URL> {
  const link = await demo.client.createLink(referenceId, 'all')
  await person.request(link)
  const choice = await person.request(`${link}/connect`, new URLSearchParams({ provider }))
  const callback = await person.authorize(choice.headers.get('location') ?? '', decision)
  const arrival = await person.request(callback)
  return new URL(arrival.headers.get('location') ?? 'about:blank')
}

/** Types of all events that the demo app has accepted, in order, once there are so many. */
export async function acceptedTypes(demo: Demo, count: number): Promise<string[]> {
  return await until(async () => {
    const { events } = await demo.receiver.listEvents({ limit: 1_000 })
    return events.length >= count ? events.map(({ type }) => type) : undefined
  }, `${count} events`)
}

/** Asks again until there is an answer. */
export async function until<T>(ask: () => Promise<T | undefined>, what: string): Promise<T> {
  const deadlineMs = Date.now() + CONDITION_MS_MAX
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > deadlineMs) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Somebody else uses this port until the test has finished. */
export async function occupyPort(port: number): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  onTestFinished(async () => {
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })
}
