/** Who delivers: Firma on either store, or a job queue; each with a sink of its own. */
import { type Peer, CONCURRENCY, PEERS } from './peers.ts'
import { type Sink, addDestinations, emit, openWorld, startSink } from './world.ts'

const USERS = 1_000

export const SIDES = ['firma-sqlite', 'firma-postgres', ...Object.keys(PEERS)]

export interface Side extends Peer {
  readonly name: string
  readonly sink: Sink
}

export const isFirma = (name: string): boolean => name.startsWith('firma-')

/** @param name One of {@link SIDES}. */
export async function openSide(name: string): Promise<Side> {
  const open = PEERS[name]
  if (open === undefined) return await openFirma(name)
  const sink = await startSink()
  const peer = await open(sink.urls[0] ?? '')
  return {
    ...peer,
    name,
    sink,
    close: async () => {
      await peer.close()
      sink.process.kill()
    },
  }
}

async function openFirma(name: string): Promise<Side> {
  const world = await openWorld(name.replace('firma-', ''), USERS)
  const [id = ''] = await addDestinations(world, () => CONCURRENCY)
  const { store, wake } = world.hub.deps
  const { destinations } = store
  // It would send at once what it announces; the queues begin when they are started.
  await destinations.disable(id, 'bench')
  world.hub.start()
  return {
    name,
    sink: world.sink,
    emitOne: async (i) => await emit(world, i),
    start: async () => {
      await destinations.enable(id, Date.now())
      wake.deliveries([id])
    },
    stop: async () => {
      await destinations.disable(id, 'bench')
      await world.hub.settle()
    },
    close: world.close,
  }
}
