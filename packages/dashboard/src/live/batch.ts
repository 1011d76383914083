/** What the stream has told since it was last looked at. Bounded, however fast events come. */
import type { Schemas } from 'firma/client'
import type { FirmaEvent } from '../hooks/use-events.ts'

/** An event as the stream tells of it. */
export interface LiveEvent {
  readonly id: string
  readonly type: string
  readonly user_id: string | null
  readonly reference_id: string | null
  readonly provider: string | null
  readonly lineage_id: string | null
  readonly created_at: string
}

/** How a delivery stands now. */
export interface LiveDelivery {
  readonly id: number
  readonly event_id: string
  readonly destination_id: string
  readonly status: FirmaEvent['deliveries'][number]['status']
  readonly attempts: number
}

/** One message of the stream; `gap` says that some were left out. */
export type LiveMessage =
  | { readonly kind: 'event'; readonly data: LiveEvent }
  | { readonly kind: 'delivery'; readonly data: LiveDelivery }
  | { readonly kind: 'connection'; readonly data: Schemas['AdminUser'] }
  | { readonly kind: 'gap' }

export interface LiveBatch {
  /** Oldest first. */
  readonly events: readonly LiveEvent[]
  /** By delivery: the last that was said of it. */
  readonly deliveries: ReadonlyMap<number, LiveDelivery>
  /** By lineage: the last that was said of it. */
  readonly connections: ReadonlyMap<string, Schemas['AdminUser']>
  /** Whether something may have happened that is not in here. */
  readonly hasGap: boolean
}

/** Of each kind; what comes beyond it becomes a gap. */
export const BATCH_MAX = 500

/** Takes messages one by one, gives them away as one. */
export function createBatch() {
  let events: LiveEvent[] = []
  let deliveries = new Map<number, LiveDelivery>()
  let connections = new Map<string, Schemas['AdminUser']>()
  let hasGap = false
  return {
    add(message: LiveMessage): void {
      if (message.kind === 'gap') hasGap = true
      else if (message.kind === 'event') {
        if (events.length < BATCH_MAX) events.push(message.data)
        else hasGap = true
      } else if (message.kind === 'delivery') {
        hasGap = !put(deliveries, message.data.id, message.data) || hasGap
      } else hasGap = !put(connections, message.data.lineage_id, message.data) || hasGap
    },
    /** @returns What has come; undefined where nothing has. */
    take(): LiveBatch | undefined {
      if (!hasGap && events.length + deliveries.size + connections.size === 0) return undefined
      const taken = { events, deliveries, connections, hasGap }
      events = []
      deliveries = new Map()
      connections = new Map()
      hasGap = false
      return taken
    },
  }
}

/** @returns Whether there was a place for it. */
function put<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): boolean {
  if (map.size >= BATCH_MAX && !map.has(key)) return false
  map.set(key, value)
  return true
}
