/** Builds the service of `firma receive` and ties it together. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { createReceiver, type Receiver, type ReceiverOptions, type Timers } from 'firma-receiver'
import { nodeHandler } from 'firma-receiver/node'
import { createSender, type Sender } from '../../delivery/send.ts'
import { createUrlGuard } from '../../delivery/url-guard.ts'
import type { Log } from '../../deps.ts'
import { createReadinessCheck } from '../../operations/check-readiness.ts'
import { type Listening, open } from '../serve.ts'
import type { ReceiveConfig } from './config.ts'
import { toErrorText } from './error-text.ts'
import { ATTEMPTS_MAX, createForward } from './forward.ts'
import { createLookupApi } from './lookup-api.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { openStore, type OpenedStore, probeWrite } from './open-store.ts'
import { startPruning } from './prune-run.ts'
import { createReconcileRun, startSchedule } from './reconcile-run.ts'
import { Slots } from './slots.ts'
import { addStatusRoutes } from './status-routes.ts'

/** The outside world; the real one where something is left out. */
export interface ServiceWorld {
  readonly log: Log
  readonly clock?: () => number
  readonly random?: () => number
  readonly timers?: Timers
}

export interface ReceiveService {
  /** Where it listens. */
  readonly url: string
  /** Where events are kept, without a password. */
  readonly database: string
  /** Takes no more requests, finishes what is under way, closes the store. */
  close(): Promise<void>
}

/** Calls of the app that may be under way or waiting; with more, senders wait for their answers. */
const HANDING_OVER_MAX = 1_000
/** Between two lines about the same reason to refuse. */
const REFUSAL_PAUSE_MS = 60_000
/** The operator names the app's address, so a private one is meant. */
const ALL_ADDRESSES = ['0.0.0.0/0', '::/0']
const LISTEN_NAMES = { port: 'FIRMA_RECEIVE_PORT', host: 'FIRMA_RECEIVE_HOST', portNote: '' }

/** @throws FirmaError `configuration_invalid` when the store does not answer or the port is taken. */
export async function startReceiveService(
  config: ReceiveConfig,
  world: ServiceWorld,
): Promise<ReceiveService> {
  const opened = await openStore(config.database, {
    tablePrefix: config.tablePrefix,
    log: world.log,
  })
  const metrics = createMetrics(opened.store)
  const sender = createSender(createUrlGuard(ALL_ADDRESSES))
  const slots = new Slots(config.forward?.callsMax ?? 1)
  const calls = new Set<Promise<unknown>>()
  const receiver = createServiceReceiver(config, world, { opened, metrics, sender, slots, calls })
  let listening: Listening
  try {
    const server = createServer(createListener(config, world, { receiver, opened, metrics, calls }))
    listening = await open(server, { host: config.host, port: config.port, names: LISTEN_NAMES })
  } catch (error) {
    await sender.close()
    await opened.close()
    throw error
  }
  receiver.start()
  const schedule =
    config.reconcile === undefined ? undefined : startSchedule(receiver, config.reconcile, world)
  const { log, timers } = world
  const pruning = startPruning(receiver, { retentionMs: config.retentionMs, timers, log })
  return {
    url: listening.url,
    database: opened.says,
    async close() {
      await listening.close()
      // What waits for its turn is left to the next process; what was sent gets its answer stored.
      slots.close()
      await schedule?.stop()
      await pruning.stop()
      await receiver.stop()
      while (calls.size > 0) await Promise.all(calls)
      await sender.close()
      await opened.close()
    },
  }
}

interface Parts {
  readonly opened: OpenedStore
  readonly metrics: Metrics
  readonly calls: Set<Promise<unknown>>
}

function createServiceReceiver(
  config: ReceiveConfig,
  world: ServiceWorld,
  { opened, metrics, sender, slots, calls }: Parts & { sender: Sender; slots: Slots },
): Receiver {
  const { forward, signingSecrets, tolerance } = config
  const { log, clock = Date.now, random, timers } = world
  const options: ReceiverOptions = {
    secrets: signingSecrets.reveal(),
    store: opened.store,
    tolerance,
    order: 'lineage',
    retry: { attemptsMax: ATTEMPTS_MAX },
    clock,
    onError(error, { during, seq, type, traceId }) {
      // What the app did not take is counted, kept with the event, and logged once per change.
      if (during === 'handler') return
      log.error({ during, seq, type, traceId, reason: toErrorText(error) }, 'the store failed')
    },
    onRefused: createRefusalLog(log, clock),
    // The sender's answer means that the event is stored; it does not wait for the app.
    waitUntil(call) {
      calls.add(call)
      void call.then(() => calls.delete(call))
    },
    ...(random === undefined ? {} : { random }),
    ...(timers === undefined ? {} : { timers }),
  }
  if (forward === undefined) return createReceiver(options)
  const onEvent = createForward(forward, { sender, slots, metrics, log, clock })
  return createReceiver({ ...options, onEvent })
}

/** Once a minute for each reason: anybody can send what is refused, as often as they like. */
function createRefusalLog(
  log: Log,
  clock: () => number,
): NonNullable<ReceiverOptions['onRefused']> {
  const saidAtMs = new Map<string, number>()
  return ({ reason, message }) => {
    const nowMs = clock()
    if (nowMs - (saidAtMs.get(reason) ?? -Infinity) < REFUSAL_PAUSE_MS) return
    saidAtMs.set(reason, nowMs)
    log.warn({ reason, detail: message }, 'a request was refused')
  }
}

function createListener(
  config: ReceiveConfig,
  { log, clock = Date.now }: ServiceWorld,
  { receiver, opened, metrics, calls }: Parts & { receiver: Receiver },
): (request: IncomingMessage, response: ServerResponse) => void {
  const reconcile = createReconcileRun(receiver, config.reconcile)
  const app = createLookupApi({ receiver, apiKey: config.apiKey, reconcile, log })
  const probe = createReadinessCheck({
    clock: { nowMs: clock },
    store: { probe: async () => await probeWrite(opened.store, clock()) },
  })
  addStatusRoutes(app, { probe, metrics })
  const serveRest = getRequestListener(app.fetch)
  const serveWebhook = nodeHandler(countReceived(receiver, metrics, calls))
  return (request, response) => {
    const { url = '' } = request
    // Events take the short way: no framework on it.
    if (url === '/webhook' || url.startsWith('/webhook?')) {
      response.once('finish', () => metrics.answered(response.statusCode))
      serveWebhook(request, response)
      return
    }
    void serveRest(request, response)
  }
}

function countReceived(
  receiver: Receiver,
  metrics: Metrics,
  calls: ReadonlySet<Promise<unknown>>,
): Pick<Receiver, 'receive' | 'noteRefused' | 'bodyBytesMax'> {
  return {
    bodyBytesMax: receiver.bodyBytesMax,
    async receive(input) {
      const outcome = await receiver.receive(input)
      metrics.received(outcome)
      while (calls.size > HANDING_OVER_MAX) await Promise.race(calls)
      return outcome
    },
    noteRefused(error) {
      metrics.refused(error)
      receiver.noteRefused(error)
    },
  }
}
