/** Hub, simulated providers and demo app in one process, on one SQLite file. */
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { createReceiver, type Receiver } from 'firma-receiver'
import { sqliteStore } from 'firma-receiver/sqlite'
import type { RateLimits } from '../core/rate-limits.ts'
import type { Log } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { type Hub, openHub } from '../hub.ts'
import { createApiKey } from '../operations/api-keys.ts'
import {
  addDestination,
  createEnvironment,
  enableProvider,
  providerAddresses,
} from '../operations/set-up.ts'
import type { Redacted } from '../secret.ts'
import { CATALOG, givenBy } from '../providers/catalog.ts'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'
import { createDemoApp } from './demo-app.ts'
import {
  type DemoCredentials,
  addKeyToFile,
  announceRunning,
  findCredentials,
  openDatabase,
  openFolder,
  openKeyFile,
  saveCredentials,
} from './demo-files.ts'
import { lockFolder } from './folder-lock.ts'
import { type HubClient, createHubClient } from './hub-client.ts'
import { checkBrowsable, listen, toListenError } from './serve.ts'
import { type Closers, serveHub, startAll } from './serve-hub.ts'

/** The demo's environment. */
const DEV_ID = 'demo-testing'

export interface DemoOptions {
  /** Holds the database, the key file and the credentials; made when it is not there. */
  readonly dataFolder: string
  /** Of the hub; the demo app and the simulated providers take the next two. 0 takes any free ones. */
  readonly port: number
  readonly host: string
  /** The hub's database; undefined for SQLite in the data folder. */
  readonly databaseUrl?: Redacted<string> | undefined
  /** Default those of the hub. */
  readonly rateLimits?: RateLimits | null
  readonly metrics?: 'operator' | 'loopback'
  readonly log: Log
}

export interface Demo {
  readonly hubUrl: string
  readonly appUrl: string
  readonly simulatorUrl: string
  readonly credentials: DemoCredentials
  readonly hub: Hub
  /** Calls the hub as the demo app does. */
  readonly client: HubClient
  readonly simulator: Simulator
  readonly receiver: Receiver
  /** Client ids at the simulated providers, by resource. */
  readonly clientIds: ReadonlyMap<string, string>
  close(): Promise<void>
}

/** Starts everything; what has started is closed again when something later fails. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  return await startAll(async (closers) => await start(options, closers))
}

async function start(
  { dataFolder, port, host, databaseUrl, log, ...settings }: DemoOptions,
  closers: Closers,
): Promise<Omit<Demo, 'close'>> {
  await openFolder(dataFolder)
  closers.push(await lockFolder(dataFolder))
  const keys = await openKeyFile(dataFolder)
  const sqlite = await openDatabase(dataFolder)
  closers.push(async () => await sqlite.close())
  const hubPort = await listen(host, port)
  closers.push(async () => await hubPort.close())
  const appPort = await listen(host, port === 0 ? 0 : port + 1)
  closers.push(async () => await appPort.close())
  const stateFile = join(dataFolder, 'simulated-providers.json')
  const simulator = await startProviders(host, port === 0 ? 0 : port + 2, stateFile)
  closers.push(async () => await simulator.close())
  const urls = { hubUrl: hubPort.url, appUrl: appPort.url, simulatorUrl: simulator.url }
  for (const url of Object.values(urls)) await checkBrowsable(url)
  // Events go to the demo app, which is on this machine, as are apps that listen for the first time.
  const appRange = `${appPort.address}/${isIPv6(appPort.address) ? 128 : 32}`
  const allowedRanges = ['127.0.0.0/8', '::1/128', appRange]
  const database = databaseUrl === undefined ? { sqlite } : { postgresUrl: databaseUrl.reveal() }
  const { rateLimits, metrics: metricsFor } = settings
  const hub = await openHub({
    ...database,
    baseUrl: urls.hubUrl,
    keys,
    allowedRanges,
    log,
    makeKey: async () => await addKeyToFile(dataFolder),
    ...(rateLimits !== undefined && { rateLimits }),
    ...(metricsFor !== undefined && { metricsFor }),
  })
  closers.push(async () => await hub.close())

  const credentials = await setUp(hub, dataFolder, `${urls.appUrl}/webhook`)
  const clientIds = await connectProviders(hub, simulator, credentials)
  const store = sqliteStore({ handle: sqlite, tablePrefix: 'demo_app_' })
  const receiver = createReceiver({ secrets: [credentials.destinationSecret], store })
  const client = createHubClient({ ...urls, ...credentials })
  const { simulatorUrl } = urls
  const { redirectSecret } = credentials
  const app = createDemoApp({ client, receiver, simulatorUrl, redirectSecret })
  appPort.serve(async (request) => await app.fetch(request))
  // Not before the destination is where the app listens now, and answers.
  await serveHub(hubPort, hub)
  closers.push(await announceRunning(dataFolder, urls.hubUrl))
  return { ...urls, credentials, hub, client, simulator, receiver, clientIds }
}

async function startProviders(host: string, port: number, stateFile: string): Promise<Simulator> {
  try {
    return await startSimulator({ host, port, stateFile })
  } catch (error) {
    throw toListenError(error, host, port)
  }
}

/** The first start makes environment and destination; later ones find them and follow the ports. */
async function setUp(hub: Hub, dataFolder: string, webhookUrl: string): Promise<DemoCredentials> {
  const { deps } = hub
  const known = await findCredentials(dataFolder)
  if (known !== undefined && (await deps.store.environments.find(known.devId)) !== undefined) {
    await deps.store.destinations.moveTo(known.destinationId, webhookUrl)
    if (known.operatorKey !== undefined) return known
    const complete = { ...known, operatorKey: await createOperatorKey(hub) }
    await saveCredentials(dataFolder, complete)
    return complete
  }
  if ((await deps.store.environments.find(DEV_ID)) !== undefined) {
    throw new FirmaError(
      'configuration_invalid',
      `${join(dataFolder, 'demo.json')} is gone, and with it the credentials of the demo; restore it, or start afresh with another folder (--data)`,
    )
  }
  const { apiKey, redirectSecret } = await createEnvironment(deps, { id: DEV_ID, name: 'Demo app' })
  const destination = await addDestination(deps, { environmentId: DEV_ID, url: webhookUrl })
  const credentials = {
    devId: DEV_ID,
    apiKey,
    redirectSecret,
    destinationId: destination.id,
    destinationSecret: destination.secret,
    operatorKey: await createOperatorKey(hub),
  }
  await saveCredentials(dataFolder, credentials)
  return credentials
}

/** For commands on this machine: `firma` finds it in the data folder. */
async function createOperatorKey({ deps }: Hub): Promise<string> {
  const request = { environmentId: null, name: 'commands on this machine' }
  return (await createApiKey(deps, 'demo', request)).secret
}

/** Registers the hub as an app at each simulated provider, as an operator does by hand at a real one. */
async function connectProviders(
  hub: Hub,
  simulator: Simulator,
  { devId }: DemoCredentials,
): Promise<Map<string, string>> {
  const clientIds = new Map<string, string>()
  for (const [provider, entry] of CATALOG) {
    const { redirectUri, noticeKey, noticeUrl } = providerAddresses(hub.deps, devId, provider)
    // The same client id after a restart, so that what the providers remember stays ours.
    const app = simulator.registerApp({
      resource: provider,
      name: 'Demo app',
      clientId: `demo-app-${provider.toLowerCase()}`,
      redirectUris: [redirectUri],
      noticeUrl,
    })
    const { originOverrides } = simulator
    await enableProvider(hub.deps, {
      environmentId: devId,
      provider,
      ...app,
      noticeKey,
      originOverrides,
      // What only an operator can know is made up, as the simulated provider's is.
      overrides: givenBy(entry),
    })
    clientIds.set(provider, app.clientId)
  }
  return clientIds
}
