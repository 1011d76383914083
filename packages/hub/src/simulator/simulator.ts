/**
 * Simulated providers: real HTTP OAuth servers on loopback, with the addresses, shapes, lifetimes and
 * deviations of the providers they stand for, taken from the same data that the hub works with.
 *
 * Each real address `https://<host>/<path>` is at `<simulator>/<host>/<path>`. The pages need no
 * JavaScript; every form is `application/x-www-form-urlencoded` and posts to the address it was shown
 * at, so that they can be driven with a cookie jar alone (see `person.ts`):
 *
 * | page | fields |
 * |---|---|
 * | login (also before the settings page) | `login` |
 * | consent | `scope` (repeated), `decision` = `allow` or `deny` |
 * | `/<host>/settings/apps` | `action` = `remove` or `permissions`, `client_id`, `scope` (repeated) |
 * | each, when logged in | `action` = `logout` |
 *
 * State is in memory and ends with the process unless `stateFile` names a file. Account ids depend on the
 * login alone. What tests make happen is also to be had over HTTP: `admin-routes.ts`.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type { Clock, FetchDep, Ids, Random } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { providerOrigins } from '../providers/endpoints.ts'
import { addAdminRoutes } from './admin-routes.ts'
import { addApiRoutes } from './api-routes.ts'
import { addAuthorizeRoutes } from './authorize-routes.ts'
import {
  type AppSubscription,
  type SimulatedProvider,
  changePermissions,
  removeApp,
  sendNotice,
  subscriptionsOf,
} from './context.ts'
import { addExchangeRoutes } from './exchange-routes.ts'
import { FaultBox, type Faults } from './faults.ts'
import { addKeysetRoute, keysetOf } from './keyset.ts'
import { NOTICE_DELAYS_MS, type NoticeRecord, NoticeSender } from './notice-sender.ts'
import { addOAuth1Routes } from './oauth1-routes.ts'
import { indexPage } from './pages.ts'
import { PROFILES, type Profile } from './profile.ts'
import { Sessions } from './session.ts'
import { addSettingsRoutes } from './settings-routes.ts'
import { openStateFile } from './state-file.ts'
import { addTokenRoutes } from './token-routes.ts'
import { addSubscriptionRoutes } from './subscription-routes.ts'
import { World } from './world.ts'

/** Bytes of a request body that are read at most. */
const BODY_BYTES_MAX = 65_536

/** Requests that are remembered; the oldest go first. */
const REQUESTS_MAX = 10_000

/** Settings of {@link startSimulator}. */
export interface SimulatorOptions {
  /** Default 0: any free port. */
  readonly port?: number
  /** Address to listen at. Default `127.0.0.1`. */
  readonly host?: string
  /** Where browsers and the hub find it, without a path; default the address it listens at. */
  readonly publicUrl?: string
  /** Default the real time. */
  readonly clock?: Clock
  /** Default real randomness. */
  readonly random?: Pick<Random, 'bytes'>
  /** Default random UUIDs. */
  readonly ids?: Pick<Ids, 'uuid'>
  /** Sends the notices; default the global one. */
  readonly fetch?: FetchDep['fetch']
  /** Which providers to simulate; default the whole catalog. */
  readonly profiles?: Iterable<Profile>
  /** Keeps accounts, grants and tokens over a restart; default only in memory. */
  readonly stateFile?: string
  /** Milliseconds before each attempt of a notice. Default {@link NOTICE_DELAYS_MS}. */
  readonly noticeDelaysMs?: readonly number[]
}

/** An app to register with a simulated provider. */
export interface AppRegistration {
  readonly resource: string
  /** Compared character by character. */
  readonly redirectUris: readonly string[]
  /** Where notices go; default nowhere. */
  readonly noticeUrl?: string
  /** For people, on the consent page. Default `Your app`. */
  readonly name?: string
  /** Default new ones. Given ones replace the registration with the same client id. */
  readonly clientId?: string
  readonly clientSecret?: string
}

/** An account at a simulated provider with what it has connected. */
export interface SimulatedAccount {
  readonly accountId: string
  readonly login: string
  readonly appsConnected: readonly {
    readonly clientId: string
    readonly name: string
    readonly scopes: readonly string[]
    readonly grantedAtMs: number
  }[]
}

/** A request that reached the simulator; holds nothing secret. */
export interface RequestRecord {
  readonly method: string
  /** `/<real host>/<real path>`, without the query. */
  readonly path: string
  readonly status: number
}

/** A running simulator. Methods throw FirmaError `resource_unknown` for providers it does not simulate. */
export interface Simulator {
  /** Without a slash at the end. */
  readonly url: string
  /** For `withEndpoints`: every real origin of each simulated provider → its place here. */
  readonly originOverrides: Readonly<Record<string, string>>
  /** Registers an app, as a developer portal does. */
  registerApp(registration: AppRegistration): {
    clientId: string
    clientSecret: string
    /** What the provider issues beside them, by the names in its `secrets`. */
    secrets: Readonly<Record<string, string>>
  }
  /** Every account that has logged in. */
  accounts(resource: string): SimulatedAccount[]
  /** What removing the app in the account's settings does; resolves when the notice is delivered or given up. */
  removeApp(resource: string, target: { clientId: string; accountId: string }): Promise<void>
  /** What the account's permission switches do; `scopes` are those left on. */
  changePermissions(
    resource: string,
    target: { clientId: string; accountId: string; scopes: readonly string[] },
  ): Promise<void>
  /** Sends an app any notice, signed as the provider signs; resolves as {@link Simulator.removeApp} does. */
  sendNotice(resource: string, notice: { clientId: string; body: unknown }): Promise<void>
  /** What an app has subscribed to, where that is an app's to do. */
  subscriptions(resource: string, clientId: string): AppSubscription[]
  /** Forgets all subscriptions of an app, as a provider does that could not reach it for days. */
  dropSubscriptions(resource: string, clientId: string): void
  /** Signs notices with a new key from now on, where the provider publishes its keys. */
  rotateKeyset(resource: string): void
  /** Makes endpoints fail, until used up or healed. */
  fail(resource: string, faults: Faults): void
  /** Ends every fault of a provider; hanging requests go on. */
  heal(resource: string): void
  /** Whether the app can still use the account. */
  isGrantActive(resource: string, accountId: string, clientId: string): boolean
  /** Newest last, bounded. */
  readonly requests: readonly RequestRecord[]
  /** What became of the notices, newest last, bounded. */
  readonly notices: readonly NoticeRecord[]
  /** Resolves when no notice is on its way. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** As the hub's: a server that closes idle connections early closes some just when they are used. */
const IDLE_MS_MAX = 75_000

/** An address for everybody to listen at is none to send a browser to. */
const LOOPBACK_OF: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Starts the simulated providers. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const deps = {
    clock: options.clock ?? { nowMs: () => Date.now() },
    random: { bytes: randomBytes, fraction: Math.random, ...options.random },
  }
  const sender = new NoticeSender(
    { fetch: options.fetch ?? fetch, clock: deps.clock },
    options.noticeDelaysMs ?? NOTICE_DELAYS_MS,
  )
  const simulated = new Map<string, SimulatedProvider>()
  for (const profile of options.profiles ?? PROFILES.values()) {
    const world = new World(deps, profile)
    const sessions = new Sessions(deps, world)
    simulated.set(profile.provider.resource, {
      deps,
      profile,
      world,
      sessions,
      faults: new FaultBox(deps),
      notices: sender,
      steps: new Set(),
      keyset: keysetOf(deps, profile.provider),
      subscriptions: new Map(),
    })
  }
  const worlds = new Map([...simulated].map(([resource, { world }]) => [resource, world]))
  const state =
    options.stateFile === undefined ? undefined : openStateFile(options.stateFile, worlds)
  const requests: RequestRecord[] = []
  const running: { controls?: Omit<Simulator, 'requests' | 'close'> } = {}
  const app = createApp(simulated, requests, {
    afterChange: () => state?.save(),
    fetch: options.fetch ?? fetch,
    // Nobody asks before it listens.
    controls: () => running.controls as Omit<Simulator, 'requests' | 'close'>,
  })
  const server = createAdaptorServer({ fetch: app.fetch })
  if ('keepAliveTimeout' in server) server.keepAliveTimeout = IDLE_MS_MAX
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve)
  })
  const close = async (): Promise<void> => {
    for (const { faults } of simulated.values()) faults.clear()
    await sender.close()
    state?.save()
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve()
      })
      if ('closeAllConnections' in server) server.closeAllConnections()
    })
  }
  const address = server.address() as AddressInfo
  const reached = LOOPBACK_OF[address.address] ?? address.address
  const host = address.family === 'IPv6' ? `[${reached}]` : reached
  const url = options.publicUrl ?? `http://${host}:${address.port}`
  const ids = options.ids ?? { uuid: randomUUID }
  running.controls = createControls({ simulated, sender, ids, url })
  return { ...running.controls, requests, close }
}

function createApp(
  simulated: ReadonlyMap<string, SimulatedProvider>,
  requests: RequestRecord[],
  hooks: FetchDep & {
    afterChange(): void
    controls(): Omit<Simulator, 'requests' | 'close'>
  },
): Hono {
  const app = new Hono()
  app.use(async (context, next) => {
    await next()
    const { method, path } = context.req
    requests.push({ method, path, status: context.res.status })
    if (requests.length > REQUESTS_MAX) requests.shift()
    hooks.afterChange()
    const { headers } = context.res
    headers.set('cache-control', 'no-store')
    headers.set('referrer-policy', 'no-referrer')
    headers.set('x-content-type-options', 'nosniff')
    headers.set(
      'content-security-policy',
      "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    )
  })
  app.use(bodyLimit({ maxSize: BODY_BYTES_MAX }))
  app.get('/', async (context) =>
    context.html(
      await indexPage(
        [...simulated.values()].map(({ profile, world }) => ({
          profile,
          apps: [...world.apps.values()],
        })),
      ),
    ),
  )
  addAdminRoutes(app, hooks.controls)
  for (const one of simulated.values()) {
    addAuthorizeRoutes(app, one)
    addTokenRoutes(app, one)
    addOAuth1Routes(app, one)
    addExchangeRoutes(app, one, (resource) => simulated.get(resource))
    addApiRoutes(app, one)
    addSettingsRoutes(app, one)
    addKeysetRoute(app, one.profile.provider, one.keyset)
    addSubscriptionRoutes(app, one, hooks)
  }
  return app
}

function createControls(parts: {
  simulated: ReadonlyMap<string, SimulatedProvider>
  sender: NoticeSender
  ids: Pick<Ids, 'uuid'>
  url: string
}): Omit<Simulator, 'requests' | 'close'> {
  const { simulated, sender, ids, url } = parts
  const get = (resource: string): SimulatedProvider => {
    const one = simulated.get(resource)
    if (one === undefined) throw unknownResource(resource, [...simulated.keys()])
    return one
  }
  const origins = [...simulated.values()].flatMap(({ profile }) =>
    providerOrigins(profile.provider),
  )
  return {
    url,
    originOverrides: Object.fromEntries(
      origins.map((origin) => [origin, `${url}/${new URL(origin).host}`]),
    ),
    registerApp: (registration) => {
      const credentials = {
        clientId: registration.clientId ?? ids.uuid(),
        clientSecret: registration.clientSecret ?? ids.uuid(),
        secrets: Object.fromEntries(
          Object.keys(get(registration.resource).profile.provider.secrets).map((name) => [
            name,
            ids.uuid(),
          ]),
        ),
      }
      const { name = 'Your app', redirectUris, noticeUrl } = registration
      const app = { ...credentials, name, redirectUris, noticeUrl }
      get(registration.resource).world.apps.set(app.clientId, app)
      return credentials
    },
    accounts: (resource) => listAccounts(get(resource).world),
    removeApp: async (resource, target) => {
      await removeApp(get(resource), target)
    },
    changePermissions: async (resource, target) => {
      await changePermissions(get(resource), target)
    },
    sendNotice: async (resource, notice) => {
      await sendNotice(get(resource), notice)
    },
    subscriptions: (resource, clientId) => subscriptionsOf(get(resource), clientId),
    dropSubscriptions: (resource, clientId) => {
      const one = get(resource)
      for (const { id } of subscriptionsOf(one, clientId)) one.subscriptions.delete(id)
    },
    rotateKeyset: (resource) => {
      get(resource).keyset?.rotate()
    },
    fail: (resource, faults) => {
      get(resource).faults.set(faults)
    },
    heal: (resource) => {
      get(resource).faults.clear()
    },
    isGrantActive: (resource, accountId, clientId) =>
      get(resource).world.findGrant(clientId, accountId) !== undefined,
    notices: sender.records,
    settled: async () => {
      await sender.settled()
    },
  }
}

function listAccounts(world: World): SimulatedAccount[] {
  return world.listAccounts().map(({ accountId, login }) => ({
    accountId,
    login,
    appsConnected: world.listGrants(accountId).map(({ app, scopes, grantedAtMs }) => ({
      clientId: app.clientId,
      name: app.name,
      scopes,
      grantedAtMs,
    })),
  }))
}

function unknownResource(resource: string, known: readonly string[]): FirmaError {
  const names = known.join(', ')
  return new FirmaError('resource_unknown', `no simulated provider ${resource}; there are ${names}`)
}
