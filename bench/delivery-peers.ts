/**
 * Firma's delivery beside job queues that do the same: events of 1 KB, durable before the emitter goes on, posted
 * with the same signatures to a sink that answers after 20 ms, 64 at once, in one process beside the sink. Firma
 * keeps order, a record of each attempt and the event; the queues keep neither order nor a record.
 *
 *     node --conditions=source --import tsx bench/delivery-peers.ts [--sides firma-sqlite,firma-postgres,pg-boss,graphile-worker,bullmq] [--events 5000] [--seconds 5]
 *
 * The queues' packages are installed into a folder under the system's temporary one, once. BullMQ needs a `redis-server`.
 */
import { parseArgs } from 'node:util'
import { PEERS } from './delivery/peers.ts'
import {
  type Emit,
  IN_FLIGHT,
  type Sink,
  addSink,
  ask,
  emit,
  emitMany,
  measureLatency,
  openWorld,
  startSink,
  untilArrived,
} from './delivery/world.ts'

const { values: flags } = parseArgs({
  options: {
    sides: {
      type: 'string',
      default: 'firma-sqlite,firma-postgres,pg-boss,graphile-worker,bullmq',
    },
    events: { type: 'string', default: '20000' },
    seconds: { type: 'string', default: '5' },
  },
})
const EVENTS = Number(flags.events)
const USERS = 1_000

/** Who delivers. */
interface Side {
  readonly sink: Sink
  readonly emitOne: Emit
  /** Begins to send. */
  start(): Promise<void> | void
  close(): Promise<void>
}

async function openFirma(engine: string): Promise<Side> {
  const world = await openWorld(engine, USERS)
  const id = await addSink(world, '', IN_FLIGHT)
  const { store, wake } = world.hub.deps
  // It would send at once what it announces; the queues begin when they are started.
  await store.destinations.disable(id, 'bench')
  return {
    sink: world.sink,
    emitOne: async (i) => await emit(world, i),
    start: async () => {
      await store.destinations.enable(id, Date.now())
      world.hub.start()
      wake.deliveries([id])
    },
    close: world.close,
  }
}

async function openPeer(name: string): Promise<Side> {
  const open = PEERS[name]
  if (open === undefined) throw new Error(`there is no side "${name}"`)
  const sink = await startSink()
  const peer = await open(sink.url)
  return {
    ...peer,
    sink,
    close: async () => {
      await peer.close()
      sink.process.kill()
    },
  }
}

/** Emit while nothing is sent, the drain of that, both at once, and latency. */
async function measure(name: string): Promise<string[]> {
  const [kind, engine = ''] = name.split('firma-')
  const side = kind === '' ? await openFirma(engine) : await openPeer(name)
  const { sink, emitOne } = side
  try {
    const emitted = await emitMany(emitOne, EVENTS)
    const drainMs = performance.now()
    await side.start()
    await untilArrived(sink, EVENTS)
    const drained = (EVENTS * 1_000) / (performance.now() - drainMs)
    await ask(sink, 'clear')
    const pathMs = performance.now()
    await emitMany(emitOne, EVENTS)
    await untilArrived(sink, EVENTS)
    const sent = (EVENTS * 1_000) / (performance.now() - pathMs)
    const late = await measureLatency({ sink, emitOne }, 200, Number(flags.seconds))
    const rates = [emitted, drained, sent].map((figure) => String(Math.round(figure)))
    return [name, ...rates, String(late.p50), String(late.p95), String(late.p99)]
  } finally {
    await side.close()
  }
}

const HEAD = ['side', 'emit/s', 'drain/s', 'path/s', 'p50 ms', 'p95 ms', 'p99 ms']
const write = (cells: readonly string[]): void =>
  void process.stdout.write(
    `| ${cells.map((cell, i) => cell.padEnd(i === 0 ? 15 : 7)).join(' | ')} |\n`,
  )
write(HEAD)
write(HEAD.map((_, i) => '-'.repeat(i === 0 ? 15 : 7)))
for (const name of flags.sides.split(',')) write(await measure(name))
