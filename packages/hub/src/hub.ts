/** The composition root: the only place that builds the hub's parts and ties them together. */
import type { SqliteHandle } from 'firma-receiver/sqlite'
import type { RateLimits } from './core/rate-limits.ts'
import type { Clock, ClockDep, FetchDep, Ids, Log, LogDep, Random, Timer, Wake } from './deps.ts'
import { FirmaError } from './errors.ts'
import { type Courier, createCourier } from './delivery/courier.ts'
import { createCourierThreads } from './delivery/courier-threads.ts'
import { type Sender, createSender } from './delivery/send.ts'
import { type GuardedFetch, createGuardedFetch } from './delivery/guarded-fetch.ts'
import { type UrlGuard, createUrlGuard } from './delivery/url-guard.ts'
import { attemptOnce } from './delivery/attempt.ts'
import { startDeliveryWorker } from './delivery/worker.ts'
import type { AppDeps } from './http/app-deps.ts'
import { createApp, toOpenApi } from './http/app.ts'
import { clientAddress, isLocal } from './http/client-address.ts'
import { type Door, createDoor } from './http/door.ts'
import { createRateLimiter } from './http/rate-limit.ts'
import { type Loop, type TimedLoop, startLoop } from './loop.ts'
import { announce } from './operations/announce.ts'
import type { Declaration } from './operations/apply-declaration.ts'
import { createDeclared } from './operations/declared.ts'
import { createKeyAgreement } from './operations/agree-on-key.ts'
import { runJobs } from './operations/bulk-disconnect.ts'
import { createHourCounter } from './operations/count-hours.ts'
import { Metrics } from './metrics.ts'
import { createKeysets } from './oauth/keyset.ts'
import { linkAudit } from './operations/link-audit.ts'
import { createLinks } from './operations/links.ts'
import { exchangeGrants } from './operations/exchange-grants.ts'
import { createSubscriptionKeeper } from './operations/keep-subscriptions.ts'
import { createProviderRates } from './operations/provider-rates.ts'
import { doProviderTasks } from './operations/provider-tasks.ts'
import { createConnectionRecorder } from './operations/record-connections.ts'
import { pruneEvents } from './operations/prune-events.ts'
import { AUDIT_DAYS, pruneOldRows } from './operations/prune-old-rows.ts'
import { startRefreshWorker } from './operations/refresh-worker.ts'
import { runResends } from './operations/resend-events.ts'
import { revokeGrants } from './operations/revoke-grants.ts'
import { REFRESH_TIMES, type RefreshDep, type RefreshTimes } from './operations/stored-tokens.ts'
import { createResealer } from './operations/rotate-keys.ts'
import { sweepFlows } from './operations/sweep-flows.ts'
import { createBell } from './operations/watch-changes.ts'
import { BEAT_MS, type ProcessWatch, createProcessWatch } from './operations/watch-processes.ts'
import { type KeyRing, type Sealer, createSealer } from './seal.ts'
import { finishSent, inAnyCase, stopWorkers } from './shutdown.ts'
import { type Store, type StoreOptions, openPostgresStore, openSqliteStore } from './store/open.ts'
import { createIds, createLog, systemClock, systemRandom, systemTimer } from './system.ts'

export type HubOptions = HubDatabase & HubSettings

/** One process on a SQLite file, or any number of them on PostgreSQL. */
export type HubDatabase =
  /** It stays the caller's to close. */
  | { readonly sqlite: SqliteHandle }
  /** `postgres://user:password@host:5432/database`. */
  | { readonly postgresUrl: string }

export interface HubSettings {
  /** Where people and providers reach the hub, without a trailing slash. Never taken from a request. */
  readonly baseUrl: string
  /** Encrypts tokens and secrets at rest. There is no way to run without. */
  readonly keys: KeyRing
  /** CIDR ranges that may be called although they are not public, by events and for providers. Default none. */
  readonly allowedRanges?: readonly string[]
  /** How often a key and an address may ask. Null sets no limit. Default 6,000 and 300 a minute. */
  readonly rateLimits?: RateLimits | null
  /** What the configuration file declares, for those who read it in the API. Default nothing. */
  readonly declared?: readonly Declaration[]
  /** Days that the audit log is kept. Default {@link AUDIT_DAYS}. */
  readonly auditDays?: number
  /**
   * Makes an encryption key and keeps it where the next start finds it. Absent: the operator changes keys in the
   * configuration. Never where several processes share a database: they could not open what it seals.
   */
  readonly makeKey?: () => Promise<{ readonly id: string; readonly key: Uint8Array }>
  /** Who may read `/metrics`: an operator's key, or also programs on this machine. Default `operator`. */
  readonly metricsFor?: 'operator' | 'loopback'
  /** Proxies of the operator before the hub, which tell the client's address. Default 0. */
  readonly proxies?: number
  readonly clock?: Clock
  readonly timer?: Timer
  readonly random?: Random
  readonly ids?: Ids
  readonly log?: Log
  /** Calls the providers. Default over HTTP, to addresses that the guard allows. */
  readonly fetch?: FetchDep['fetch']
  /** Sends the events. Default over HTTP, to addresses that the guard allows. */
  readonly sender?: Sender
  /** Threads that sign and send the events. Default 0: this one does. */
  readonly senderThreads?: number
  /** On PostgreSQL: how often processes look after one another, in milliseconds. Default {@link BEAT_MS}. */
  readonly beatMs?: number
  /** On PostgreSQL: this process cannot work beside the others any more and has to end, for example because it slept while they changed the key. Told once, and not while it is being closed. */
  readonly onUnfit?: (reason: FirmaError) => void
  /** How long refreshing may take; see {@link REFRESH_TIMES}. */
  readonly refreshTimes?: Partial<RefreshTimes>
}

export interface Hub {
  /**
   * Answers one request.
   *
   * @param socketAddress The other end of the connection, for counting.
   */
  fetch(request: Request, socketAddress?: string): Promise<Response>
  /** For the operations of `operations/`. */
  readonly deps: AppDeps
  /** The API's description (OpenAPI 3.1). */
  openApi(): unknown
  /** Takes up the work that an earlier process has left behind. New work is taken up by itself. */
  start(): void
  /** Resolves when no worker has anything to do right now. */
  settle(): Promise<void>
  /**
   * Takes no more work and finishes what is under way, requests too. What is not finished within 10 s is cut off, does not
   * count as an attempt, and is free for another process or the next start. Refreshes that a provider has been sent are
   * waited for up to 5 minutes, because their answers cannot be had again.
   */
  close(): Promise<void>
}

/** Opens the hub on a database; see {@link Hub.start}. */
export async function openHub(options: HubOptions): Promise<Hub> {
  const guard = createUrlGuard(options.allowedRanges ?? [])
  const providers = createGuardedFetch(guard)
  const world = worldOf(options, providers)
  const { clock, random, bell } = world
  const sealer = createSealer({ random }, options.keys)
  const store = await openStore(options, { sealer, nowMs: clock.nowMs() })
  await refuseWrongKeys(store)
  const courier = openCourier(world, options, guard)
  const wake: Wake = {
    deliveries: bell.after((ids, isDataAlone) => deliveries.wake(ids, isDataAlone)),
    revocations: () => revocations.wake(),
    resends: bell.after(() => resends.wake()),
    flows: (deadlineMs) => flows.wakeBy(deadlineMs),
    jobs: bell.after(() => asked.forEach((loop) => loop.wake())),
    refreshes: (atMs) => atMs !== null && refreshes.wakeBy(atMs),
    // Until the start, providers are still being set up, and the hub does not answer when they ask whether it is there.
    providerTasks: () => told.forEach((loop) => isStarted && loop.wake()),
    keys: () => upkeep.forEach((loop) => loop.wake()),
  }
  const deps: AppDeps = {
    ...world,
    store,
    wake,
    handOver: { begin: (states) => deliveries.handOver.begin(states) },
    links: createLinks(options.baseUrl),
    limits: createRateLimiter({ clock }, options.rateLimits),
    rates: createProviderRates({ clock }, () => watch.processes),
    declared: createDeclared(options.declared ?? []),
    keysets: createKeysets(world),
    attempt: async (destination, event) =>
      await attemptOnce({ ...world, courier }, destination, event),
    metrics: new Metrics(),
    metricsFor: options.metricsFor ?? 'operator',
    addKey: createKeyAdder(sealer, store.isShared ? undefined : options.makeKey),
    refreshes: startRefreshes(options.refreshTimes),
  }
  const deliveries = startDeliveryWorker({ ...deps, courier, announce: announce.bind(null, deps) })
  const refreshes = startRefreshWorker(deps)
  const revocations: Loop = startLoop(deps, 'revocations', async () => revokeGrants(deps))
  const jobs: Loop = startLoop(deps, 'jobs', async () => runJobs(deps))
  const exchanges: Loop = startLoop(deps, 'exchanges', async () => exchangeGrants(deps))
  const flows: TimedLoop = startLoop(deps, 'flows', async () => sweepFlows(deps))
  const told = startProviderLoops(deps)
  const resends: Loop = startLoop(deps, 'resends', async () => runResends(deps))
  const asked = [jobs, exchanges]
  const upkeep = startUpkeep(deps, options.auditDays)
  // In the order in which work flows from one to the next.
  const workers = [flows, ...asked, ...told, refreshes, revocations, resends, deliveries, ...upkeep]
  const watch = createProcessWatch(deps, createKeyAgreement(deps), options.beatMs)
  let isStarted = false
  const looks = startLooks(deps, watch, options, (hasBuried) => {
    if (!isStarted) return
    // Others may have more to deliver than they can, or have left tokens that end before anybody would look again.
    for (const worker of hasBuried ? workers : [deliveries, refreshes]) worker.wake()
  })
  if (store.isShared) await joinOthers({ store, courier, watch, looks })
  const app = createApp(deps)
  const door = createDoor(serveWith(app, options.proxies ?? 0))
  let closing: Promise<void> | undefined
  return {
    fetch: door.fetch,
    deps,
    openApi: () => toOpenApi(app),
    start: () => {
      isStarted = true
      for (const worker of workers) worker.wake()
    },
    settle: async () => await settle(workers),
    close: async () =>
      await (closing ??= close(deps, { workers, door, watch, looks, courier, providers })),
  }
}

function openCourier(
  world: ClockDep & LogDep,
  { sender, senderThreads = 0, allowedRanges = [] }: HubSettings,
  guard: UrlGuard,
): Courier {
  const courier = createCourier(sender ?? createSender(guard))
  if (sender !== undefined || senderThreads === 0) return courier
  return createCourierThreads({ ...world, fallback: courier }, senderThreads, { allowedRanges })
}

async function settle(workers: readonly Loop[]): Promise<void> {
  // The last to end may have given work to one that was idle by then.
  do for (const worker of workers) await worker.idle()
  while (!workers.every(({ isIdle }) => isIdle))
}

/** One at a time: each looks at what keys there are. */
function createKeyAdder(sealer: Sealer, makeKey: HubSettings['makeKey']): AppDeps['addKey'] {
  if (makeKey === undefined) return null
  let last: Promise<unknown> = Promise.resolve()
  return async () => {
    const adding = last.then(async () => {
      const { id, key } = await makeKey()
      sealer.usePrimary(id, key)
      return id
    })
    last = adding.catch(() => undefined)
    return await adding
  }
}

/** What providers have said, and what they have to be asked for so that they say it. */
function startProviderLoops(deps: AppDeps): Loop[] {
  return [
    startLoop(deps, 'provider tasks', async () => doProviderTasks(deps)),
    startLoop(deps, 'subscriptions', createSubscriptionKeeper(deps)),
  ]
}

/** What nobody waits for. */
function startUpkeep(deps: AppDeps, auditDays = AUDIT_DAYS): Loop[] {
  return [
    startLoop(deps, 'retention', async () => pruneEvents(deps)),
    startLoop(deps, 'old rows', async () => pruneOldRows({ ...deps, auditDays })),
    startLoop(deps, 'audit chain', async () => linkAudit(deps)),
    startLoop(deps, 'keys', createResealer(deps)),
    startLoop(deps, 'connection history', createConnectionRecorder(deps)),
    startLoop(deps, 'hour counts', createHourCounter(deps)),
  ]
}

/** Looks after the other processes, at every beat. */
function startLooks(
  deps: AppDeps,
  watch: ProcessWatch,
  { beatMs = BEAT_MS, onUnfit }: HubSettings,
  afterLook: (hasBuried: boolean) => void,
): Loop {
  let isOver = false
  const look = async (): Promise<number | undefined> => {
    if (isOver) return undefined
    try {
      afterLook(await watch.look())
    } catch (error) {
      const isUnfit = error instanceof FirmaError && error.code === 'configuration_invalid'
      if (!isUnfit || onUnfit === undefined) throw error
      // The process ends now, or does already, and asking again would cut off what it finishes.
      isOver = true
      if (!deps.bell.isClosed) onUnfit(error)
      return undefined
    }
    return deps.clock.nowMs() + beatMs
  }
  // Two beats that are missing in a row would be half of what the others wait for.
  return startLoop(deps, 'processes', look, Math.min(beatMs, BEAT_MS))
}

/** @throws FirmaError `configuration_invalid` when the others seal with a key that this process does not have. */
async function joinOthers(parts: {
  readonly store: Store
  readonly courier: Courier
  readonly watch: ProcessWatch
  readonly looks: Loop
}): Promise<void> {
  const { store, courier, watch, looks } = parts
  // A thread that still ran would keep the refused process alive.
  await closeUnless([courier, store], watch.join)
  looks.wake()
}

/** Answers requests, and tells the routes where each comes from. */
function serveWith(app: ReturnType<typeof createApp>, proxies: number): Hub['fetch'] {
  return async (request, socketAddress) =>
    await app.fetch(request, {
      address: clientAddress(request, socketAddress, proxies),
      isLocal: isLocal(request, socketAddress),
    })
}

/** Secrets are opened when they are needed; wrong keys must not wait for the first of them. */
export async function refuseWrongKeys(store: Store): Promise<void> {
  const [environment] = await store.environments.list({ limit: 1, after: undefined })
  await closeUnless([store], async () => environment?.redirectSecret.reveal())
}

async function closeUnless(
  parts: readonly { close(): Promise<void> }[],
  succeed: () => Promise<unknown>,
): Promise<void> {
  try {
    await succeed()
  } catch (error) {
    for (const part of parts) await part.close()
    throw error
  }
}

/** Opens the store of a hub, and brings it to the newest schema. */
export async function openStore(database: HubDatabase, options: StoreOptions): Promise<Store> {
  return 'sqlite' in database
    ? await openSqliteStore(database.sqlite, options)
    : await openPostgresStore(database.postgresUrl, options)
}

async function close(
  deps: AppDeps,
  parts: {
    readonly workers: readonly Pick<Loop, 'stop'>[]
    readonly door: Door
    readonly watch: ProcessWatch
    readonly looks: Loop
    readonly courier: Courier
    readonly providers: GuardedFetch
  },
): Promise<void> {
  const { workers, door, watch, looks, courier, providers } = parts
  deps.bell.close()
  await stopWorkers(deps, [...workers, requestsOf(door, deps)], async () => {
    deps.refreshes.ending.abort()
    await inAnyCase(deps, watch.leave)
    await courier.close()
  })
  await finishSent(deps, deps.refreshes.running)
  // Until here the others must see that this process lives.
  await looks.stop()
  await inAnyCase(deps, watch.leave)
  await inAnyCase(deps, async () => await courier.close())
  await inAnyCase(deps, providers.close)
  await deps.store.close()
}

/** A code or a refresh token that was sent is spent: its answer must be stored before the process ends. */
function requestsOf(door: Door, { refreshes }: RefreshDep): { stop(): Promise<void> } {
  return {
    stop: async () => {
      await door.stop()
      await Promise.allSettled(refreshes.running.values())
    },
  }
}

function startRefreshes(times: Partial<RefreshTimes> = {}): RefreshDep['refreshes'] {
  return {
    running: new Map(),
    times: { ...REFRESH_TIMES, ...times },
    ending: new AbortController(),
  }
}

/** The outside world as the options have it, else the real one. */
function worldOf(options: HubSettings, providers: FetchDep) {
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom
  const timer = options.timer ?? systemTimer
  return {
    clock,
    random,
    timer,
    bell: createBell({ timer }),
    ids: options.ids ?? createIds(clock, random),
    log: options.log ?? createLog('info'),
    fetch: options.fetch ?? providers.fetch,
  }
}
