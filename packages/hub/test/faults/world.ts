/** Everything around the hub processes: database, providers, people, and the app that records. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { onTestFinished } from 'vitest'
import type { TestPostgres } from '../../../../scripts/postgres.ts'
import {
  addDestination,
  createEnvironment,
  enableProvider,
  providerAddresses,
} from '../../src/operations/set-up.ts'
import { type Person, createPerson } from '../../src/simulator/person.ts'
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts'
import { systemRandom } from '../../src/system.ts'
import { openTestSchema } from '../support/postgres.ts'
import { type Chance, createChance } from '../support/seeded.ts'
import { type TestDatabase, wrapPostgres, wrapSqlite } from '../support/test-database.ts'
import { openUnder } from '../support/watched-hub.ts'
import { HubProcesses } from './hub-processes.ts'
import { type Recorder, type StoredEventFacts, startRecorder } from './recorder.ts'
import { TEST_KEYS } from './settings.ts'

const DEV_ID = 'faults'
const PROVIDERS = ['FITBIT', 'GARMIN', 'OURA']

/** What the API has confirmed: it must be true ever after. */
interface Confirmed {
  /** `user_id`s of people who were sent back as connected. */
  readonly connected: string[]
  readonly disconnected: string[]
  /** Ids of events. */
  readonly announced: string[]
}

export interface World {
  readonly database: TestDatabase
  readonly processes: HubProcesses
  readonly recorder: Recorder
  readonly confirmed: Confirmed
  /** Answers of the API and of the connect pages that were not 2xx or 3xx, each as often as it came. */
  readonly refusals: ReadonlyMap<string, number>
  /** Connects, reconnects, disconnects and announces data, one thing after the other, until it is told to stop. */
  live(name: string): { stop(): Promise<void> }
  /** All events of the database, in the order of their lineages. */
  events(): Promise<StoredEventFacts[]>
  /** What was confirmed and is not in the database, one sentence each. */
  broken(): Promise<string[]>
  /** What the hub's own ledger finds wrong, asked over the API. */
  discrepancies(): Promise<unknown>
}

/**
 * Opens a world that ends with the test.
 *
 * @param engine Where the hubs keep what they know: also a server of the test's own.
 */
export async function openWorld(
  engine: 'sqlite' | 'postgres' | TestPostgres,
  seed: number,
): Promise<World> {
  const closers: (() => Promise<unknown>)[] = []
  onTestFinished(async () => {
    for (const close of closers.toReversed()) await close()
  })
  const { database, settings } =
    engine === 'sqlite' ? await openFile(closers) : await openPostgres(closers, engine)
  const processes = await HubProcesses.open(settings)
  closers.push(async () => await processes.close())
  const recorder = await startRecorder()
  closers.push(async () => await recorder.close())
  const simulator = await startSimulator({
    noticeDelaysMs: [],
    random: processes.watch.canaries.watch(systemRandom),
  })
  closers.push(async () => await simulator.close())
  const apiKey = await setUp(database, processes, simulator, recorder.url)
  const confirmed: Confirmed = { connected: [], disconnected: [], announced: [] }
  const refusals = new Map<string, number>()
  const count = ({ status, headers }: Response): void => {
    if (status < 400) return
    const name = `${status}${headers.has('retry-after') ? ' retry-after' : ''}`
    refusals.set(name, (refusals.get(name) ?? 0) + 1)
  }
  const chance = createChance(seed)
  return {
    database,
    processes,
    recorder,
    confirmed,
    refusals,
    live: (name) => live(new Client(processes.url, apiKey, name, count), chance, confirmed),
    events: async () => {
      const rows = await database.rows('SELECT id, type, order_key, ordering_ms, body FROM event')
      return rows.map((row) => ({
        id: String(row['id']),
        type: String(row['type']),
        orderKey: String(row['order_key']),
        orderingMs: Number(row['ordering_ms']),
        body: String(row['body']),
      }))
    },
    broken: async () => await findBroken(database, confirmed),
    discrepancies: async () => {
      const headers = { 'dev-id': DEV_ID, 'x-api-key': apiKey }
      const response = await fetch(`${processes.url}/admin/v1/ledger`, { headers })
      return ((await response.json()) as Record<string, unknown>)['discrepancies']
    },
  }
}

type Settings = Parameters<typeof HubProcesses.open>[0]

async function openPostgres(
  closers: (() => Promise<unknown>)[],
  engine: 'postgres' | TestPostgres,
) {
  const schema = await openTestSchema(engine === 'postgres' ? undefined : engine)
  closers.push(async () => await schema.drop())
  const database = wrapPostgres(schema)
  closers.push(async () => await database.close())
  const settings: Settings = { postgresUrl: schema.url }
  return { database, settings }
}

async function openFile(closers: (() => Promise<unknown>)[]) {
  const folder = await mkdtemp(path.join(tmpdir(), 'firma-faults-'))
  closers.push(async () => await rm(folder, { recursive: true }))
  const settings: Settings = { sqlitePath: path.join(folder, 'firma.sqlite') }
  const handle = await openSqlite(settings.sqlitePath ?? '')
  closers.push(async () => await handle.close())
  return { database: wrapSqlite(handle), settings }
}

async function setUp(
  database: TestDatabase,
  { url: baseUrl, watch }: HubProcesses,
  simulator: Simulator,
  webhookUrl: string,
): Promise<string> {
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const hub = await openUnder(watch, { ...database.options, baseUrl, keys: TEST_KEYS, log })
  const { apiKey } = await createEnvironment(hub.deps, { id: DEV_ID, name: 'Faults' })
  // Longer than a hub may take to close: what hangs has to be cut off.
  await addDestination(hub.deps, { environmentId: DEV_ID, url: webhookUrl, timeoutMs: 30_000 })
  for (const provider of PROVIDERS) {
    const { redirectUri, noticeKey } = providerAddresses(hub.deps, DEV_ID, provider)
    const app = simulator.registerApp({ resource: provider, redirectUris: [redirectUri] })
    await enableProvider(hub.deps, {
      environmentId: DEV_ID,
      provider,
      ...app,
      noticeKey,
      originOverrides: simulator.originOverrides,
    })
  }
  await hub.close()
  return apiKey
}

/** One person and the app's back end. */
class Client {
  readonly #url: string
  readonly #apiKey: string
  readonly #name: string
  readonly #count: (response: Response) => void

  // eslint-disable-next-line max-params
  constructor(url: string, apiKey: string, name: string, count: (response: Response) => void) {
    this.#url = url
    this.#apiKey = apiKey
    this.#name = name
    this.#count = count
  }

  /** @returns The `user_id` that the app's browser was sent back with; undefined when something broke. */
  async connect(provider: string): Promise<string | undefined> {
    const started = await this.#call('POST', `/v2/auth/authenticateUser?resource=${provider}`, {
      reference_id: this.#name,
      auth_success_redirect_url: 'https://app.example/connected',
      auth_failure_redirect_url: 'https://app.example/failed',
    })
    const authUrl = started?.['auth_url']
    if (typeof authUrl !== 'string') return undefined
    const person = createPerson({ login: this.#name })
    const departure = await this.#visit(person, authUrl)
    const location = departure.headers.get('location')
    if (location === null) return undefined
    const callback = await person.authorize(location)
    const arrival = (await this.#visit(person, callback)).headers.get('location')
    return arrival === null
      ? undefined
      : (new URL(arrival).searchParams.get('user_id') ?? undefined)
  }

  async disconnect(userId: string): Promise<boolean> {
    const path = `/v2/auth/deauthenticateUser?user_id=${userId}`
    return (await this.#call('DELETE', path)) !== undefined
  }

  /** @returns The event's id; undefined when something broke. */
  async announce(userId: string): Promise<string | undefined> {
    const body = { type: 'daily', user_id: userId, data: [{ steps: 1 }] }
    const eventId = (await this.#call('POST', '/admin/v1/events/generate', body))?.['event_id']
    return typeof eventId === 'string' ? eventId : undefined
  }

  async #visit(person: Person, url: string | URL): Promise<Response> {
    const response = await person.request(url)
    this.#count(response)
    return response
  }

  /** @returns The answer's body, undefined for any failure. */
  async #call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Record<string, unknown> | undefined> {
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        'dev-id': DEV_ID,
        'x-api-key': this.#apiKey,
        'content-type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    this.#count(response)
    const text = await response.text()
    return response.ok ? (JSON.parse(text) as Record<string, unknown>) : undefined
  }
}

function live(client: Client, chance: Chance, confirmed: Confirmed): { stop(): Promise<void> } {
  const stopping = new AbortController()
  let userId: string | undefined
  const step = async (): Promise<void> => {
    const choice = chance.fraction()
    if (userId === undefined || choice < 0.2) {
      userId = await client.connect(chance.pick(PROVIDERS))
      if (userId !== undefined) confirmed.connected.push(userId)
    } else if (choice < 0.3) {
      if (await client.disconnect(userId)) confirmed.disconnected.push(userId)
      userId = undefined
    } else {
      const eventId = await client.announce(userId)
      if (eventId !== undefined) confirmed.announced.push(eventId)
    }
  }
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await step()
      } catch {
        // A server died under the request, or refused it: people try something else.
      }
    }
  }
  const running = run()
  return {
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}

async function findBroken(database: TestDatabase, confirmed: Confirmed): Promise<string[]> {
  const rows = await database.rows('SELECT id, type, user_id FROM event')
  const ids = new Set(rows.map((row) => row['id']))
  const usersOf = (type: string): ReadonlySet<unknown> =>
    new Set(rows.filter((row) => row['type'] === type).map((row) => row['user_id']))
  const [connected, disconnected] = [usersOf('auth'), usersOf('deauth')]
  return [
    ...confirmed.announced.filter((id) => !ids.has(id)).map((id) => `event ${id} is gone`),
    ...confirmed.connected
      .filter((id) => !connected.has(id))
      .map((id) => `user ${id} was told to be connected`),
    ...confirmed.disconnected
      .filter((id) => !disconnected.has(id))
      .map((id) => `user ${id} was told to be disconnected`),
  ]
}
