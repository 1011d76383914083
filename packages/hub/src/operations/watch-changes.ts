/** What changes in an environment, as it happens: for pages that somebody looks at. */
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep, TimerDep } from '../deps.ts'
import type { Connection } from '../store/connections.ts'
import type { Delivery } from '../store/deliveries.ts'
import type { ListedEvent } from '../store/events.ts'
import type { StoreDep } from '../store/open.ts'
import { type TopicChanges, type Topics, watchTopics } from './watch-topics.ts'

/** Events in one look. */
const EVENTS_MAX = 100
/** Looks in a row that may be full; then the watch goes on at the present. */
const FULL_LOOKS_MAX = 10
/** Events whose deliveries are looked after: the newest. */
const FOLLOWED_MAX = 100
/** Other processes' work, and what became of deliveries, is looked for so often. */
const LOOK_MS = 2 * SECOND_MS

/** What has changed between two looks. */
export interface Changes extends TopicChanges {
  readonly events: readonly ListedEvent[]
  /** Connections that the events are about, as they are now. */
  readonly connections: readonly Connection[]
  /** Deliveries of followed events whose status or attempts differ. */
  readonly deliveries: readonly Delivery[]
  /** Whether events were left out, because they came faster than they were taken. */
  readonly hasGap: boolean
  /** Whether there are more already. */
  readonly hasMore: boolean
  /** Where a later watch goes on. */
  readonly cursor: number
}

/** Somebody's watch on an environment. */
export interface Watch {
  /** The cursor that it begins at. */
  readonly from: number
  look(): Promise<Changes>
}

/** Wakes those who wait for changes. */
export interface Bell {
  /** Something was committed here. */
  ring(): void
  /** The same function, which rings when it is called. */
  after<T extends readonly unknown[]>(run: (...given: T) => void): (...given: T) => void
  /** Resolves at the next ring, or when there may be something from elsewhere; at the latest after `limitMs`. */
  wait(limitMs?: number): Promise<void>
  /** Nobody waits any more; whoever asks again is answered at once. */
  close(): void
  readonly isClosed: boolean
}

export interface BellDep {
  readonly bell: Bell
}

export function createBell({ timer }: TimerDep): Bell {
  const waiting = new Set<() => void>()
  const bell = {
    isClosed: false,
    ring: () => {
      for (const wake of waiting) wake()
    },
    after:
      <T extends readonly unknown[]>(run: (...given: T) => void) =>
      (...given: T) => {
        run(...given)
        bell.ring()
      },
    wait: async (limitMs = LOOK_MS) => {
      if (bell.isClosed) return
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          // Nobody rings where nothing happens: who has waited long enough must not stay in the list.
          waiting.delete(wake)
          cancel()
          resolve()
        }
        const cancel = timer.after(Math.min(limitMs, LOOK_MS), wake)
        waiting.add(wake)
      })
    },
    close: () => {
      bell.isClosed = true
      bell.ring()
    },
  }
  return bell
}

/**
 * Begins to watch an environment.
 *
 * @param after The cursor that an earlier watch has reached; undefined begins now.
 * @param topics What is told beside events. It has no cursor: each watch begins with how it stands.
 * @returns Where it begins, and what looks once more; nothing is in a look when nothing has changed.
 */
export async function watchChanges(
  deps: ClockDep & StoreDep,
  environmentId: string,
  { after, topics }: { readonly after: number | undefined; readonly topics: Topics },
): Promise<Watch> {
  const { store } = deps
  const from = after ?? (await findPresent({ store }, environmentId))
  const lookAtTopics = watchTopics(deps, environmentId, topics)
  const asked = await Promise.all(
    topics.eventIds.map(async (id) => await store.events.find(environmentId, id)),
  )
  const askedIds = asked.flatMap((event) => event?.id ?? [])
  let cursor = from
  let followed: readonly string[] = []
  let fullLooks = 0
  const seen = new Map<number, string>()

  const look = async (): Promise<Changes> => {
    const hasGap = fullLooks >= FULL_LOOKS_MAX
    if (hasGap) {
      cursor = Math.max(cursor, await findPresent({ store }, environmentId))
    }
    const horizon = await store.events.horizon.find()
    const page = { after: cursor, through: horizon.seq, limit: EVENTS_MAX }
    const events = await store.events.listAfter(environmentId, page)
    const hasMore = events.length === EVENTS_MAX
    fullLooks = hasMore && !hasGap ? fullLooks + 1 : 0
    cursor = events.at(-1)?.seq ?? cursor
    followed = [...followed, ...events.map(({ id }) => id)].slice(-FOLLOWED_MAX)
    const deliveries = await store.deliveries.listOfEvents([...new Set([...askedIds, ...followed])])
    const changed = deliveries.filter(({ id, status, attempts }) => {
      const state = `${status} ${attempts}`
      const isNew = seen.get(id) !== state
      seen.set(id, state)
      return isNew
    })
    const present = new Set(deliveries.map(({ id }) => id))
    for (const id of seen.keys()) if (!present.has(id)) seen.delete(id)
    const lineages = [...new Set(events.flatMap(({ lineageId }) => lineageId ?? []))]
    const connections = await store.connections.listByLineage(lineages)
    const told = { events, connections, deliveries: changed, hasGap, hasMore, cursor }
    return { ...told, ...(await lookAtTopics()) }
  }
  return { from, look }
}

/** What is committed behind something that is not yet must still come. */
async function findPresent({ store }: StoreDep, environmentId: string): Promise<number> {
  const horizon = await store.events.horizon.find()
  const [newest] = await store.events.list(environmentId, {}, { limit: 1 })
  return Math.min(newest?.seq ?? 0, horizon.seq)
}
