/** What happens in the environment, as it happens: one stream for all pages, while somebody looks. */
import { useQueryClient } from '@tanstack/react-query'
import {
  type ReactNode,
  createContext,
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
  const devId = environment.dev_id
  useEffect(() => {
    if (isPaused || !isVisible) return undefined
    const batch = createBatch()
    const update = createCacheUpdate(client, devId)
    const timer = setInterval(() => {
      const taken = batch.take()
      if (taken === undefined) return
      update(taken)
      for (const listener of listeners) listener(taken)
    }, FLUSH_MS)
    const close = openStream({
      devId,
      after: cursor.current,
      createSource: (url) => new EventSource(url),
      onState: setStream,
      onMessage: batch.add,
      onCursor: (next) => {
        cursor.current = next
      },
      onRefused: () => void client.invalidateQueries({ queryKey: ['session'] }),
    })
    return () => {
      clearInterval(timer)
      close()
    }
  }, [client, devId, isPaused, isVisible, listeners])
  const state = isPaused ? 'paused' : stream
  const value = useMemo<Live>(
    () => ({
      state,
      setPaused,
      subscribe: (listener) => {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    }),
    [state, listeners],
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
