/** How an environment is doing. */
import { DAY_MS, HOUR_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import type { ConnectionFilterState } from '../store/connections.ts'
import { type DestinationLoad, OWED_COUNTED_MAX } from '../store/delivery-health.ts'
import type { Destination } from '../store/destinations.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import type { ConnectionCount, DeliveryCount, EventCount, Spans } from '../store/stats.ts'
import { countConnections } from './count-connections.ts'

/** How far back, and in which steps. */
export const RANGES = {
  '24h': { lengthMs: DAY_MS, bucketMs: HOUR_MS },
  '7d': { lengthMs: 7 * DAY_MS, bucketMs: 6 * HOUR_MS },
  '30d': { lengthMs: 30 * DAY_MS, bucketMs: DAY_MS },
} as const

/** Something that an operator should look at. */
export interface Attention {
  readonly kind:
    | 'destination_disabled'
    | 'destination_failing'
    | 'connections_degraded'
    | 'revocations_failed'
    | 'no_destination'
    | 'no_provider'
  /** Id or name of what it is about; null where it is the environment. */
  readonly subject: string | null
  readonly count: number
  /** What it means, and what to do. */
  readonly message: string
}

/** What became of the deliveries to a destination. */
export interface DestinationFigures extends Pick<Destination, 'id' | 'url' | 'status'> {
  readonly delivered: number
  readonly failed: number
  /** Owed and not delivered yet; counting stops at {@link OWED_COUNTED_MAX}. */
  readonly open: number
  /** How the newest deliveries ended. */
  readonly recent: DestinationLoad['recent']
  /** From event to delivery, in milliseconds; null where nothing was delivered. */
  readonly lagMeanMs: number | null
  readonly lagMaxMs: number | null
  /** When the oldest delivery was made that is still open; null when none is. */
  readonly oldestOpenMs: number | null
  /** It asked to be sent no data before then; null where it does not. */
  readonly quietUntilMs: number | null
  /** The same of what happened to connections. */
  readonly stateQuietUntilMs: number | null
  readonly overTime: readonly DeliveryCount[]
  /** Deliveries from then on are not counted yet; null where all are. */
  readonly countedUntilMs: number | null
}

export interface Stats {
  readonly sinceMs: number
  readonly bucketMs: number
  readonly connections: readonly {
    readonly provider: string
    readonly state: ConnectionFilterState
    readonly count: number
  }[]
  readonly connectionsOverTime: readonly ConnectionCount[]
  readonly events: readonly EventCount[]
  /** Events from then on are not counted yet; null where all are. */
  readonly eventsCountedUntilMs: number | null
  readonly destinations: readonly DestinationFigures[]
  readonly attention: readonly Attention[]
}

/** Reads everything that the dashboard's first page shows. */
export async function readStats(
  { store, clock }: ClockDep & StoreDep,
  environment: Environment,
  range: keyof typeof RANGES,
): Promise<Stats> {
  const { lengthMs, bucketMs } = RANGES[range]
  const sinceMs = Math.floor((clock.nowMs() - lengthMs) / bucketMs) * bucketMs + bucketMs
  const spans = { sinceMs, bucketMs }
  const connections = await countConnections({ store, clock }, environment.id)
  const connectionsOverTime = await store.stats.listConnections(environment.id, spans)
  const events = await store.stats.countEvents(environment.id, spans)
  const eventsCountedUntilMs = await store.stats.findEventsCountedUntil(environment.id)
  const destinations: DestinationFigures[] = []
  for (const destination of await store.destinations.list(environment.id)) {
    destinations.push(await readDestination({ store, clock }, destination, spans))
  }
  const counted = { ...spans, connections, connectionsOverTime, events, eventsCountedUntilMs }
  const known = { ...counted, destinations }
  const failedRevocations = await store.stats.countFailedRevocations(environment.id)
  const providers = await store.providerApps.listProviders(environment.id)
  const attention = findAttention(known, failedRevocations, providers.length)
  return { ...known, attention }
}

async function readDestination(
  { store, clock }: ClockDep & StoreDep,
  { id, url, status }: Destination,
  spans: Spans,
): Promise<DestinationFigures> {
  const overTime = await store.stats.countDeliveries(id, spans)
  const sum = (of: (one: DeliveryCount) => number): number =>
    overTime.reduce((all, one) => all + of(one), 0)
  const delivered = sum((one) => one.delivered)
  const [state] = await store.destinations.listStates([id])
  const future = (atMs = 0) => (atMs > clock.nowMs() ? atMs : null)
  const { owed, oldestOwedAtMs, recent } = await store.deliveryHealth.read(id)
  return {
    id,
    url,
    status,
    delivered,
    failed: sum((one) => one.failed),
    open: owed,
    recent,
    lagMeanMs: delivered === 0 ? null : Math.round(sum((one) => one.lagSumMs) / delivered),
    lagMaxMs: delivered === 0 ? null : Math.max(...overTime.map((one) => one.lagMaxMs)),
    oldestOpenMs: oldestOwedAtMs,
    quietUntilMs: future(state?.quietUntilMs ?? 0),
    stateQuietUntilMs: future(state?.stateQuietUntilMs ?? 0),
    overTime,
    countedUntilMs: await store.stats.findDeliveriesCountedUntil(id),
  }
}

function findAttention(
  { connections, destinations }: Pick<Stats, 'connections' | 'destinations'>,
  failedRevocations: number,
  providers: number,
): Attention[] {
  const degraded = connections
    .filter(({ state }) => state === 'degraded')
    .map(({ provider, count }): Attention => ({
      kind: 'connections_degraded',
      subject: provider,
      count,
      message: `${provider} refuses the access of ${count} users; ask them to connect again`,
    }))
  const found: Attention[] = [...destinations.flatMap(judgeDestination), ...degraded]
  if (failedRevocations > 0) {
    found.push({
      kind: 'revocations_failed',
      subject: null,
      count: failedRevocations,
      message: `${failedRevocations} grants could not be given back; the people can end them at the provider`,
    })
  }
  if (destinations.length === 0) {
    const message = 'events go nowhere; add a destination'
    found.push({ kind: 'no_destination', subject: null, count: 0, message })
  }
  if (providers === 0) {
    const message = 'nobody can connect; enable a provider'
    found.push({ kind: 'no_provider', subject: null, count: 0, message })
  }
  return found
}

function judgeDestination(destination: Stats['destinations'][number]): Attention[] {
  const { id, url, status, open, recent } = destination
  const { failed, delivered } = recent
  if (status === 'disabled') {
    const many = open < OWED_COUNTED_MAX ? `${open}` : `${OWED_COUNTED_MAX} or more`
    const message = `${url} is disabled and owed ${many} events; repair it and enable it`
    return [{ kind: 'destination_disabled', subject: id, count: open, message }]
  }
  // More than one in ten of what was settled.
  if (failed * 10 > failed + delivered) {
    const message = `${failed} of the newest ${failed + delivered} deliveries to ${url} failed for good; look at their attempts`
    return [{ kind: 'destination_failing', subject: id, count: failed, message }]
  }
  return []
}
