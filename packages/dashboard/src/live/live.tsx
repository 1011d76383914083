/** What happens in the environment, as it happens: one stream for all pages, while somebody looks. */
import { useQueryClient } from '@tanstack/react-query'
import {
  type ReactNode,
  createContext,
  useCallback,
  useContext,
  useEffect,
  useEffectEvent,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from 'react'
import { useEnvironment } from '../hooks/use-environment.tsx'
import { type LiveBatch, createBatch } from './batch.ts'
import { createCacheUpdate } from './cache.ts'
import { type StreamState, openStream } from './stream.ts'

export type LiveState = StreamState | 'paused'

interface Live {
  readonly state: LiveState
  readonly setPaused: (isPaused: boolean) => void
  /** @returns Ends it. */
  readonly subscribe: (listener: (batch: LiveBatch) => void) => () => void
  /** Asks for a topic of the stream for as long as somebody needs it. @returns Ends it. */
  readonly follow: (topic: string) => () => void
}

/** Pages change no more often than that, in milliseconds, however many messages come. */
const FLUSH_MS = 300

const Context = createContext<Live | undefined>(undefined)

export function LiveProvider({ children }: { readonly children: ReactNode }) {
  const { environment } = useEnvironment()
  const client = useQueryClient()
  const [isPaused, setPaused] = useState(false)
  const [stream, setStream] = useState<StreamState>('connecting')
  // A browser has six connections to one server: pages that nobody sees must not take them all.
  const isVisible = useSyncExternalStore(onVisibility, () => document.visibilityState === 'visible')
  const cursor = useRef<string | undefined>(undefined)
  const [listeners] = useState(() => new Set<(batch: LiveBatch) => void>())
  const [followed, setFollowed] = useState<readonly string[]>([])
  // A text, so that the stream is not opened anew when a page asks for what another has asked for.
  const topics = [...new Set(followed)].toSorted().join(',')
  const devId = environment.dev_id
  useEffect(() => {
    if (isPaused || !isVisible) return undefined
    const batch = createBatch()
    const update = createCacheUpdate(client, devId)
    const timer = setInterval(() => {
      const taken = batch.take()
      update(taken)
      if (taken === undefined) return
      for (const listener of listeners) listener(taken)
    }, FLUSH_MS)
    const open = () =>
      openStream({
        devId,
        after: cursor.current,
        topics: topics === '' ? [] : topics.split(','),
        createSource: (url) => new EventSource(url),
        onState: (next) => {
          // Another page asks for other topics: nothing is missed meanwhile, so nobody needs to see it.
          setStream((now) => (next === 'connecting' && now === 'live' ? now : next))
        },
        onMessage: batch.add,
        onCursor: (next) => {
          cursor.current = next
        },
        onRefused: () => void client.invalidateQueries({ queryKey: ['session'] }),
      })
    // Not before the pages below have said what they follow.
    let close: (() => void) | undefined
    const opening = setTimeout(() => {
      close = open()
    })
    return () => {
      clearInterval(timer)
      clearTimeout(opening)
      close?.()
    }
  }, [client, devId, isPaused, isVisible, listeners, topics])
  const state = isPaused ? 'paused' : stream
  const follow = useCallback((topic: string) => {
    setFollowed((topics) => [...topics, topic])
    return () => setFollowed((topics) => topics.toSpliced(topics.indexOf(topic), 1))
  }, [])
  const value = useMemo<Live>(
    () => ({
      state,
      setPaused,
      subscribe: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
      follow,
    }),
    [state, listeners, follow],
  )
  return <Context.Provider value={value}>{children}</Context.Provider>
}

function onVisibility(changed: () => void): () => void {
  document.addEventListener('visibilitychange', changed)
  return () => document.removeEventListener('visibilitychange', changed)
}

export function useLive(): Live {
  const live = useContext(Context)
  if (live === undefined) throw new Error('useLive needs a LiveProvider above it')
  return live
}

/** Calls with everything that has come, a few times a second at most. */
export function useLiveBatches(listener: (batch: LiveBatch) => void): void {
  const { subscribe } = useLive()
  const hear = useEffectEvent(listener)
  useEffect(() => subscribe((batch) => hear(batch)), [subscribe])
}

/** Lets the stream tell of a topic too, while the page is there: `moves`, `resends`, `move/<id>`, `event/<id>`, `user/<id>`. */
export function useLiveTopic(topic: string): void {
  const { follow } = useLive()
  useEffect(() => follow(topic), [follow, topic])
}
