/**
 * A whole hub for a test: a real database, real HTTP on loopback, simulated providers, an app that records
 * what it gets. Only time is in the test's hands.
 */
import type { SqliteHandle, SqliteValue } from 'firma-receiver/sqlite'
import { expect, onTestFinished } from 'vitest'
import { listen } from '../../src/cli/serve.ts'
import type { FetchDep, Log } from '../../src/deps.ts'
import type { RateLimits } from '../../src/core/rate-limits.ts'
import { type Hub, openHub } from '../../src/hub.ts'
import {
  addDestination,
  createEnvironment,
  enableProvider,
  providerAddresses,
} from '../../src/operations/set-up.ts'
import { type ProviderOverrides, findEntry } from '../../src/providers/catalog.ts'
import { type Decision, type Person, createPerson } from '../../src/simulator/person.ts'
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts'
import type { EnvironmentSettings } from '../../src/store/environments.ts'
import { createIds, systemRandom } from '../../src/system.ts'
import { Canaries } from './canaries.ts'
import { patiently } from './intercept.ts'
import { judgeAnswer } from './judge-answer.ts'
import { type TestApp, startTestApp } from './test-app.ts'
import { TestClock } from './test-clock.ts'
import { type TestDatabase, openTestDatabase, wrapSqlite } from './test-database.ts'

export const DEV_ID = 'acme-testing'
export const SUCCESS_URL = 'https://app.example/connected?tab=devices#top'
export const FAILURE_URL = 'https://app.example/failed'

export interface TestHubOptions {
  /** Default 0: a thread loads the sources anew. */
  readonly senderThreads?: number
  readonly settings?: Partial<EnvironmentSettings>
  readonly wantsExtensions?: boolean
  /** A database that outlives this hub, for tests that start it again. */
  readonly sqlite?: SqliteHandle
  /** Likewise, on either engine. */
  readonly database?: TestDatabase
  /** Calls the providers in place of the global one, which waits for as long as it takes. */
  readonly fetch?: FetchDep['fetch']
  /** None by default: tests ask more often than people do. */
  readonly rateLimits?: RateLimits
  /** Who may read `/metrics`. Default operators alone. */
  readonly metricsFor?: 'operator' | 'loopback'
  /** Proxies of the operator before the hub. Default none. */
  readonly proxies?: number
  /** Whether the hub subscribes to notices at providers where an app does that. Default false: most tests are about something else. */
  readonly subscribes?: boolean
  /** Whether what is traced is looked through for secrets. Default true; false for tests of how it is without traces. */
  readonly isTraced?: boolean
  /** Which providers every environment has. Default Fitbit, Garmin and Oura. */
  readonly providers?: readonly string[]
}

/** One `dev_id` with its credentials. */
export interface TestEnvironment {
  readonly devId: string
  readonly apiKey: string
  readonly redirectSecret: string
  /** Calls the API with the environment's credentials. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; json: any }>
}

export interface TestHub {
  readonly url: string
  readonly hub: Hub
  readonly clock: TestClock
  readonly app: TestApp
  readonly simulator: Simulator
  readonly database: TestDatabase
  readonly apiKey: string
  readonly redirectSecret: string
  readonly destinationId: string
  readonly destinationSecret: string
  readonly clientIds: Readonly<Record<string, string>>
  /** Where each provider sends its notices. */
  readonly noticeUrls: Readonly<Record<string, string>>
  /** Every secret that has been made: none may be in the database, the log or a trace when the test has finished. */
  readonly canaries: Canaries
  /** Messages that were logged as warnings or errors. */
  readonly logged: string[]
  /** Everything that was logged, at every level, as JSON. */
  readonly logLines: string[]
  /** Adds an environment with its own credentials at every provider, and no destination. */
  addEnvironment(
    devId: string,
    settings?: Partial<EnvironmentSettings>,
    /** `sharesApp`: with the first environment's credentials instead. */
    options?: { sharesApp?: boolean },
  ): Promise<TestEnvironment>
  /** As {@link TestHub.connect}, in another environment. */
  connectIn(environment: TestEnvironment, provider: string): Promise<URL>
  /** Rows of the database, to see what was written and what was not. */
  rows(sql: string, ...values: SqliteValue[]): Promise<Record<string, unknown>[]>
  /** Calls the API with the environment's credentials. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; json: any }>
  /** Makes a widget session; returns its link. */
  createLink(body?: Record<string, unknown>): Promise<string>
  /** Opens a link and chooses a provider. @returns The provider's address. */
  choose(person: Person, link: string, provider: string): Promise<URL>
  /** Link → page → provider → callback. @returns Where the app's browser lands. */
  connect(provider: string, options?: ConnectOptions): Promise<URL>
  /** Moves time in steps, so that every worker acts when it is due. */
  advanceByMs(ms: number): Promise<void>
}

export interface ConnectOptions extends Decision {
  readonly person?: Person
  readonly referenceId?: string | null
}

const PROVIDERS: readonly string[] = ['FITBIT', 'GARMIN', 'OURA']

/** Closes itself when the test has finished. */
export async function createTestHub(options: TestHubOptions = {}): Promise<TestHub> {
  const clock = new TestClock()
  const logged: string[] = []
  const logLines: string[] = []
  const write: Log['info'] = (fields, message) =>
    void logLines.push(JSON.stringify({ ...fields, message }, showErrors))
  const record: Log['warn'] = (fields, message) => {
    write(fields, message)
    logged.push(message)
  }
  const log: Log = { info: write, warn: record, error: record }
  const database = await databaseOf(options)
  const app = await startTestApp({ order: 'made' })
  const port = await listen('127.0.0.1', 0)
  const canaries = new Canaries({ isTraced: options.isTraced ?? true })
  const simulator = await startWatched(clock, canaries)
  const ids = createIds(clock, systemRandom)
  const random = canaries.watch({ ...systemRandom, fraction: () => 0.5 })
  const allowedRanges = ['127.0.0.0/8']
  const hub = await openHub({
    ...database.options,
    baseUrl: port.url,
    keys: { primaryId: 'test', keys: new Map([['test', new Uint8Array(32).fill(7)]]) },
    allowedRanges,
    // Hours of the tests' time pass in steps from one timer to the next.
    beatMs: 3_600_000,
    clock,
    timer: clock,
    random,
    ids,
    log,
    rateLimits: options.rateLimits ?? null,
    metricsFor: options.metricsFor ?? 'operator',
    fetch: options.fetch ?? patiently,
    senderThreads: options.senderThreads ?? 0,
    proxies: options.proxies ?? 0,
  })
  const misdescribed: string[] = []
  port.serve(async (request, address) => {
    const response = await hub.fetch(request, address)
    // A stream is not read to its end, nor twice.
    if (response.headers.get('content-type') !== 'text/event-stream') {
      misdescribed.push(...(await judgeAnswer(hub, request, response.clone())))
    }
    return response
  })
  onTestFinished(async () => {
    expect(misdescribed).toEqual([])
    await hub.close()
    await simulator.close()
    await port.close()
    await app.close()
    const leaks = await canaries.findIn(database, logLines).catch((error: unknown) => {
      if (options.database === undefined && options.sqlite === undefined) throw error
      // The test's own, which it has closed by now.
      return []
    })
    if (options.database === undefined) await database.close()
    expect(leaks).toEqual([])
  })
  const overrides = options.subscribes === true ? {} : { appSubscriptions: null }
  const set = await setUp({ hub, simulator, overrides }, app, options)
  hub.start()
  return {
    url: port.url,
    hub,
    clock,
    app,
    simulator,
    database,
    canaries,
    logged,
    logLines,
    ...set,
    ...drive(hub, clock, createCall(port.url, DEV_ID, set.apiKey)),
    connectIn: async ({ call }, provider) => await drive(hub, clock, call).connect(provider),
    addEnvironment: async (devId, settings = {}, { sharesApp = false } = {}) => {
      const made = await createEnvironment(hub.deps, { id: devId, name: devId, settings })
      if (sharesApp) await shareApps({ hub, simulator, overrides }, devId, set.noticeUrls)
      else await enableProviders({ hub, simulator, overrides }, devId, options.providers)
      return { devId, ...made, call: createCall(port.url, devId, made.apiKey) }
    },
    rows: database.rows,
  }
}

/** Providers that simulate, and what they issue is remembered. */
async function startWatched(clock: TestClock, canaries: Canaries): Promise<Simulator> {
  const random = canaries.watch(systemRandom)
  const simulator = await startSimulator({ clock, noticeDelaysMs: [0], random })
  return {
    ...simulator,
    registerApp: (registration) => {
      const app = simulator.registerApp(registration)
      for (const secret of [app.clientSecret, ...Object.values(app.secrets)]) canaries.add(secret)
      return app
    },
  }
}

async function databaseOf({ database, sqlite }: TestHubOptions): Promise<TestDatabase> {
  return database ?? (sqlite === undefined ? await openTestDatabase() : wrapSqlite(sqlite))
}

/** Errors have no enumerable fields; what a real log would print of them counts too. */
function showErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? `${value.stack} ${String(value.cause)}` : value
}

interface Place {
  readonly hub: Hub
  readonly simulator: Simulator
  readonly overrides: ProviderOverrides
}

async function setUp(place: Place, app: TestApp, options: TestHubOptions) {
  const { hub } = place
  const { settings = {}, wantsExtensions = false } = options
  const { apiKey, redirectSecret } = await createEnvironment(hub.deps, {
    id: DEV_ID,
    name: 'Acme',
    settings,
  })
  const destination = await addDestination(hub.deps, {
    environmentId: DEV_ID,
    url: app.url,
    wantsExtensions,
  })
  const { clientIds, noticeUrls } = await enableProviders(place, DEV_ID, options.providers)
  return {
    apiKey,
    redirectSecret,
    destinationId: destination.id,
    destinationSecret: destination.secret,
    clientIds,
    noticeUrls,
  }
}

/** One app at each provider for two environments, as operators do who have but one. */
async function shareApps(
  { hub, simulator, overrides }: Place,
  devId: string,
  noticeUrls: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [provider, noticeUrl] of Object.entries(noticeUrls)) {
    const app = await hub.deps.store.providerApps.find(DEV_ID, provider)
    const environments = [DEV_ID, devId]
    const addresses = environments.map((id) => providerAddresses(hub.deps, id, provider))
    const shared = simulator.registerApp({
      resource: provider,
      redirectUris: addresses.map(({ redirectUri }) => redirectUri),
      noticeUrl,
      clientId: app?.clientId ?? '',
      clientSecret: app?.clientSecret.reveal() ?? '',
    })
    await enableProvider(hub.deps, {
      environmentId: devId,
      provider,
      ...shared,
      noticeKey: addresses[1]?.noticeKey ?? '',
      originOverrides: simulator.originOverrides,
      overrides: findEntry(provider)?.facts['appSubscriptions'] === undefined ? {} : overrides,
    })
  }
}

async function enableProviders(
  { hub, simulator, overrides }: Place,
  devId: string,
  providers = PROVIDERS,
) {
  const clientIds: Record<string, string> = {}
  const noticeUrls: Record<string, string> = {}
  for (const provider of providers) {
    const { redirectUri, noticeKey, noticeUrl } = providerAddresses(hub.deps, devId, provider)
    const registered = simulator.registerApp({
      resource: provider,
      redirectUris: [redirectUri],
      noticeUrl,
    })
    await enableProvider(hub.deps, {
      environmentId: devId,
      provider,
      ...registered,
      noticeKey,
      originOverrides: simulator.originOverrides,
      overrides: findEntry(provider)?.facts['appSubscriptions'] === undefined ? {} : overrides,
    })
    clientIds[provider] = registered.clientId
    noticeUrls[provider] = noticeUrl
  }
  return { clientIds, noticeUrls }
}

function createCall(url: string, devId: string, apiKey: string): TestHub['call'] {
  return async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers: { 'dev-id': devId, 'x-api-key': apiKey, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: await response.json() }
  }
}

function drive(hub: Hub, clock: TestClock, call: TestHub['call']) {
  const createLink: TestHub['createLink'] = async (body = {}) => {
    const { status, json } = await call('POST', '/v2/auth/generateWidgetSession', {
      reference_id: 'tony_stark',
      auth_success_redirect_url: SUCCESS_URL,
      auth_failure_redirect_url: FAILURE_URL,
      ...body,
    })
    if (status >= 500) throw new TypeError(`no link, but ${status}: ${JSON.stringify(json)}`)
    return json.url
  }
  const choose: TestHub['choose'] = async (person, link, provider) => {
    await person.request(link)
    const departure = await person.request(`${link}/connect`, new URLSearchParams({ provider }))
    return new URL(departure.headers.get('location') ?? 'about:blank')
  }
  const connect: TestHub['connect'] = async (provider, options = {}) => {
    const { person = createPerson({ login: 'tony' }), referenceId = 'tony_stark' } = options
    const link = await createLink({ reference_id: referenceId })
    const callback = await person.authorize(await choose(person, link, provider), options)
    const arrival = await person.request(callback)
    await hub.settle()
    return new URL(arrival.headers.get('location') ?? 'about:blank')
  }
  return {
    call,
    createLink,
    choose,
    connect,
    advanceByMs: async (ms: number) => await advanceByMs(hub, clock, ms),
  }
}

/** As {@link TestHub.advanceByMs}, for a hub that a test has opened itself. */
export async function advanceByMs(hub: Hub, clock: TestClock, ms: number): Promise<void> {
  const endMs = clock.nowMs() + ms
  for (;;) {
    await hub.settle()
    const nextMs = clock.nextTimerMs
    if (nextMs === undefined || nextMs > endMs) break
    clock.moveTo(nextMs)
  }
  clock.moveTo(endMs)
  await hub.settle()
}

/** The types of what the app has received, in the order of making. */
export function types(hub: TestHub): string[] {
  return hub.app.received.map(({ event }) => event.type)
}
