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
  /** What it is about, where it is about where events go. */
  readonly destination_id: string | null
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
  | { readonly kind: 'move'; readonly data: Schemas['ProviderMove'] }
  | { readonly kind: 'resend'; readonly data: Schemas['Resend'] }
  | { readonly kind: 'revocation'; readonly data: Schemas['Revocation'] }
  | { readonly kind: 'gap' }

export interface LiveBatch {
  /** Oldest first. */
  readonly events: readonly LiveEvent[]
  /** By delivery: the last that was said of it. */
  readonly deliveries: ReadonlyMap<number, LiveDelivery>
  /** By lineage: the last that was said of it. */
  readonly connections: ReadonlyMap<string, Schemas['AdminUser']>
  /** By id: how a move or resend that a page asks for stands now. */
  readonly moves: ReadonlyMap<string, Schemas['ProviderMove']>
  readonly resends: ReadonlyMap<string, Schemas['Resend']>
  /** By id: what became so far of the access of a user that a page asks for. */
  readonly revocations: ReadonlyMap<string, Schemas['Revocation']>
  /** Whether something may have happened that is not in here. */
  readonly hasGap: boolean
}

/** Of each kind; what comes beyond it becomes a gap. */
export const BATCH_MAX = 500

/** Takes messages one by one, gives them away as one. */
export function createBatch() {
  let batch = createEmpty()
  return {
    add(message: LiveMessage): void {
      batch.hasGap = !put(batch, message) || batch.hasGap
    },
    /** @returns What has come; undefined where nothing has. */
    take(): LiveBatch | undefined {
      const { hasGap, events, deliveries, connections, moves, resends, revocations } = batch
      const sizes = [deliveries, connections, moves, resends, revocations].map(({ size }) => size)
      if (!hasGap && events.length + Math.max(...sizes) === 0) return undefined
      const taken = batch
      batch = createEmpty()
      return taken
    },
  }
}

function createEmpty() {
  return {
    events: [] as LiveEvent[],
    deliveries: new Map<number, LiveDelivery>(),
    connections: new Map<string, Schemas['AdminUser']>(),
    moves: new Map<string, Schemas['ProviderMove']>(),
    resends: new Map<string, Schemas['Resend']>(),
    revocations: new Map<string, Schemas['Revocation']>(),
    hasGap: false,
  }
}

/** @returns Whether there was a place for it, and it does not say itself that something is left out. */
function put(batch: ReturnType<typeof createEmpty>, message: LiveMessage): boolean {
  switch (message.kind) {
    case 'gap':
      return false
    case 'event':
      return batch.events.length < BATCH_MAX && batch.events.push(message.data) > 0
    case 'delivery':
      return keep(batch.deliveries, message.data.id, message.data)
    case 'connection':
      return keep(batch.connections, message.data.lineage_id, message.data)
    case 'move':
      return keep(batch.moves, message.data.id, message.data)
    case 'resend':
      return keep(batch.resends, message.data.id, message.data)
    case 'revocation':
      return keep(batch.revocations, message.data.id, message.data)
  }
}

function keep<Key, Value>(map: Map<Key, Value>, key: Key, value: Value): boolean {
  if (map.size >= BATCH_MAX && !map.has(key)) return false
  map.set(key, value)
  return true
}
