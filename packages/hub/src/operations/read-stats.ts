/** How an environment is doing. */
import { DAY_MS, HOUR_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import type { ConnectionFilterState } from '../store/connections.ts'
import type { Destination } from '../store/destinations.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import type { DestinationFigures, EventCount } from '../store/stats.ts'

/** How far back, and in which steps. */
export const RANGES = {
  '24h': { lengthMs: DAY_MS, bucketMs: HOUR_MS },
  '7d': { lengthMs: 7 * DAY_MS, bucketMs: DAY_MS },
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

export interface Stats {
  readonly sinceMs: number
  readonly bucketMs: number
  readonly connections: readonly {
    readonly provider: string
    readonly state: ConnectionFilterState
    readonly count: number
  }[]
  readonly events: readonly EventCount[]
  readonly destinations: readonly (DestinationFigures &
    Pick<Destination, 'id' | 'url' | 'status'>)[]
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
  const connections = await store.connections.countByState(environment.id)
  const events = await store.stats.countEvents(environment.id, { sinceMs, bucketMs })
  const destinations = []
  for (const { id, url, status } of await store.destinations.list(environment.id)) {
    const figures = await store.stats.readDestination(id, sinceMs)
    destinations.push({ id, url, status, ...figures })
  }
  const known = { sinceMs, bucketMs, connections, events, destinations }
  const failedRevocations = await store.stats.countFailedRevocations(environment.id)
  const providers = await store.providerApps.listProviders(environment.id)
  const attention = findAttention(known, failedRevocations, providers.length)
  return { ...known, attention }
}

function findAttention(
  { connections, destinations }: Omit<Stats, 'attention'>,
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
  const { id, url, status, open, failed, delivered } = destination
  if (status === 'disabled') {
    const message = `${url} is disabled and owed ${open} events; repair it and enable it`
    return [{ kind: 'destination_disabled', subject: id, count: open, message }]
  }
  // More than one in ten of what was settled.
  if (failed * 10 > failed + delivered) {
    const message = `${failed} of the newest ${failed + delivered} deliveries to ${url} failed for good; look at their attempts`
    return [{ kind: 'destination_failing', subject: id, count: failed, message }]
  }
  return []
}
