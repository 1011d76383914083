/** The payload history. */
import { useQuery } from '@tanstack/react-query'
import type { OperationAnswer } from 'firma/client'
import { ApiError, api, apiHeaders } from '../api.ts'
import { useEnvironment } from './use-environment.tsx'
import { usePaged } from './use-paged.ts'

export type FirmaEvent = OperationAnswer<'GET /admin/v1/events'>['data'][number]
export type EventWithAttempts = OperationAnswer<'GET /admin/v1/events/{event_id}'>

/** What the history can be filtered by, as the address spells it. */
export const EVENT_FILTERS = ['type', 'user_id', 'reference_id', 'lineage_id'] as const
export type EventFilter = Partial<Record<(typeof EVENT_FILTERS)[number], string>>

/** How often it is looked whether something new has come, in milliseconds. */
const LIVE_MS = 2_000

export function useEvents(filter: EventFilter) {
  return usePaged<FirmaEvent>('events', filter, async ({ query, signal }) => {
    return await api.call('GET /admin/v1/events', { query: { ...filter, ...query } }, { signal })
  })
}

/** Newest event of the filter, looked at again and again while the page is in sight. */
export function useNewestEventId(filter: EventFilter, isLive: boolean) {
  const { environment } = useEnvironment()
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'newest-event', filter],
    queryFn: async ({ signal }) => {
      const query = { ...filter, limit: 1 }
      return (await api.call('GET /admin/v1/events', { query }, { signal })).data[0]?.id ?? null
    },
    enabled: isLive,
    refetchInterval: LIVE_MS,
  }).data
}

export function useEvent(eventId: string) {
  const { environment } = useEnvironment()
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'event', eventId],
    queryFn: async () => {
      const path = { event_id: eventId }
      return await api.call('GET /admin/v1/events/{event_id}', { path })
    },
    // Attempts are still to come.
    refetchInterval: ({ state }) =>
      state.data?.deliveries.some(({ status }) => status === 'pending') === true ? LIVE_MS : false,
  })
}

/** The bytes that were signed and sent, as they are. */
export function useEventBody(eventId: string) {
  const { environment } = useEnvironment()
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'body', eventId],
    queryFn: async () => {
      const path = `/admin/v1/events/${encodeURIComponent(eventId)}/body`
      const response = await fetch(path, { headers: apiHeaders() })
      if (response.ok) return await response.text()
      const failure = { code: 'unreadable', requestId: null, retryAfterSeconds: null }
      const message = `the body cannot be read (HTTP ${response.status})`
      throw new ApiError({ ...failure, status: response.status, message })
    },
    staleTime: Number.POSITIVE_INFINITY,
  })
}
