import {
  type Event,
  ReceiverError,
  type ReceiveOutcome,
  type ReceiverStore,
  type StoreTransaction,
  VerificationError,
  type WaitingState,
} from 'firma-receiver'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { VERSION } from '../version.ts'

export type HandlerResult = 'done' | 'failed' | 'dead'

export interface Metrics {
  /** An event that was taken in. */
  received(outcome: Pick<ReceiveOutcome, 'status'> & { event: Pick<Event, 'type'> }): void
  /** A request that was not. */
  refused(error: unknown): void
  /** An answer to a sender. */
  answered(httpStatus: number): void
  /** A call of the app. */
  handled(result: HandlerResult, seconds: number): void
  /** The text that Prometheus reads. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>
}

/** Types that get a label of their own; a sender may invent any number. */
const TYPES_MAX = 64
/** Waiting events are counted so far and no further: a scrape must stay cheap when millions wait. */
const WAITING_MAX = 10_000
const WAITING_STATES: readonly WaitingState[] = ['pending', 'parked', 'failed', 'dead']
const SECONDS_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

export function createMetrics(store: ReceiverStore): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const events = new Counter({
    name: 'firma_receive_events_total',
    help: 'Genuine events by type and outcome (accepted, duplicate).',
    labelNames: ['type', 'outcome'],
    registers,
  })
  const refusals = new Counter({
    name: 'firma_receive_verification_failures_total',
    help: 'Requests that were not proved to be genuine, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const answers = new Counter({
    name: 'firma_receive_webhook_answers_total',
    help: 'Answers to senders by HTTP status.',
    labelNames: ['status'],
    registers,
  })
  const { results, seconds } = createForwardMetrics(registers)
  const askStore = addStoreGauges(store, registers)
  addBuildInfo(registers)
  const types = new Set<string>()
  return {
    received({ status, event }) {
      if (types.size < TYPES_MAX) types.add(event.type)
      events.inc({ type: types.has(event.type) ? event.type : 'other', outcome: status })
    },
    refused(error) {
      if (error instanceof VerificationError) refusals.inc({ reason: error.reason })
      else if (error instanceof ReceiverError) refusals.inc({ reason: error.reason })
    },
    answered: (httpStatus) => answers.inc({ status: String(httpStatus) }),
    handled(result, took) {
      results.inc({ result })
      seconds.observe({ result }, took)
    },
    async render() {
      await askStore()
      return { contentType: registry.contentType, text: await registry.metrics() }
    },
  }
}

function createForwardMetrics(registers: Registry[]) {
  const results = new Counter({
    name: 'firma_receive_handler_results_total',
    help: 'Calls of the app by result; dead: failed for the last time.',
    labelNames: ['result'],
    registers,
  })
  const seconds = new Histogram({
    name: 'firma_receive_forward_duration_seconds',
    help: 'Time that a call of the app took, by result.',
    labelNames: ['result'],
    buckets: SECONDS_BUCKETS,
    registers,
  })
  return { results, seconds }
}

/** @returns Asks the store; before each rendering, because the gauges of one scrape are read side by side. */
function addStoreGauges(store: ReceiverStore, registers: Registry[]): () => Promise<void> {
  const up = new Gauge({
    name: 'firma_receive_store_up',
    help: 'Whether the store answered this scrape.',
    registers,
  })
  const waiting = new Gauge({
    name: 'firma_receive_events_waiting',
    help: `Events that were not handled, by state, counted up to ${WAITING_MAX}.`,
    labelNames: ['state'],
    registers,
  })
  return async () => {
    try {
      const counts = await store.transaction(countWaiting, { kind: 'read' })
      for (const [state, count] of counts) waiting.set({ state }, count)
      up.set(1)
    } catch {
      // A number that is not known must not look like one that is; the other gauge says why.
      waiting.reset()
      up.set(0)
    }
  }
}

async function countWaiting(tx: StoreTransaction): Promise<[WaitingState, number][]> {
  const counts: [WaitingState, number][] = []
  for (const state of WAITING_STATES) {
    counts.push([state, await tx.countEvents(state, WAITING_MAX)])
  }
  return counts
}

function addBuildInfo(registers: Registry[]): void {
  const info = new Gauge({
    name: 'firma_receive_build_info',
    help: 'Always 1; its labels say what runs.',
    labelNames: ['version', 'node_version'],
    registers,
  })
  info.set({ version: VERSION, node_version: process.versions.node }, 1)
}
