/** The payload history. */
import { useQuery } from '@tanstack/react-query'
import type { OperationAnswer, Schemas } from 'firma/client'
import { ApiError, api, apiHeaders } from '../api.ts'
import { pickChoice } from './pick-choice.ts'
import { useChange } from './use-change.ts'
import { useEnvironment } from './use-environment.tsx'
import { usePaged } from './use-paged.ts'
import type { LiveBatch, LiveEvent } from '../live/batch.ts'
import type { News } from '../live/use-news.tsx'
import { useLiveTopic } from '../live/live.tsx'

export type FirmaEvent = OperationAnswer<'GET /admin/v1/events'>['data'][number]
export type EventWithAttempts = OperationAnswer<'GET /admin/v1/events/{event_id}'>

/** What the history can be filtered by, as the address spells it. */
export const EVENT_FILTERS = [
  'type',
  'provider',
  'user_id',
  'reference_id',
  'lineage_id',
  'destination_id',
  'outcome',
  'since',
  'until',
] as const
export const OUTCOMES = ['owed', 'delivered', 'failed', 'suppressed'] as const
export type EventFilter = Partial<Record<(typeof EVENT_FILTERS)[number], string>>

export function useEvents(filter: EventFilter) {
  return usePaged<FirmaEvent>('events', filter, async ({ query, signal }) => {
    return await api.call(
      'GET /admin/v1/events',
      { query: { ...toQuery(filter), ...query } },
      { signal },
    )
  })
}

/** The API wants whole times. */
function toQuery({ outcome, ...rest }: EventFilter) {
  if (outcome === undefined) return toTimes(rest)
  return { ...toTimes(rest), outcome: pickChoice('outcome', outcome, OUTCOMES) }
}

/** @throws ApiError for an outcome that cannot be sent again: without it, the filter would name more. */
export function toResendRequest({ outcome, ...rest }: EventFilter) {
  if (outcome === undefined) return toTimes(rest)
  return { ...toTimes(rest), status: pickChoice('outcome', outcome, RESENT_OUTCOMES) }
}

function toTimes({ since, until, ...rest }: Omit<EventFilter, 'outcome'>) {
  return {
    ...rest,
    ...(since !== undefined && { since: toTime(since) }),
    ...(until !== undefined && { until: toTime(until) }),
  }
}

/** A field for local times gives one without a zone; all times of these pages are UTC. */
function toTime(text: string): string {
  return /Z$|[+-]\d\d:\d\d$/.test(text) ? text : `${text.length === 16 ? `${text}:00` : text}Z`
}

/** Sends events again: one, or all that a filter names. */
export function useResend() {
  return useChange(
    async (wanted: { readonly eventIds: readonly string[] } | { readonly filter: EventFilter }) => {
      if ('filter' in wanted) {
        const body = toResendRequest(wanted.filter)
        return [await api.call('POST /admin/v1/resends', { body })]
      }
      const resends: Schemas['Resend'][] = []
      for (const id of wanted.eventIds) {
        const path = { event_id: id }
        resends.push(await api.call('POST /admin/v1/events/{event_id}/resend', { path, body: {} }))
      }
      return resends
    },
  )
}

/** What has come to an end can be sent again. */
export const RESENT_OUTCOMES = ['delivered', 'failed'] as const

/**
 * How many of the events that the stream tells of belong to the list. The stream does not say what becomes
 * of an event at a destination, so where that is filtered there may be others.
 */
export function countNew(filter: EventFilter, { events, deliveries, hasGap }: LiveBatch): News {
  const { since, until, outcome, destination_id: destinationId, ...texts } = filter
  const isInTime = (event: LiveEvent): boolean =>
    (since === undefined || Date.parse(event.created_at) >= Date.parse(toTime(since))) &&
    (until === undefined || Date.parse(event.created_at) < Date.parse(toTime(until)))
  const found = events.filter(
    (event) =>
      isInTime(event) &&
      Object.entries(texts).every(([name, value]) => event[name as keyof LiveEvent] === value),
  )
  if (outcome === undefined && destinationId === undefined) {
    return { count: found.length, isMore: hasGap }
  }
  return { count: 0, isMore: hasGap || found.length > 0 || deliveries.size > 0 }
}

export function useEvent(eventId: string) {
  const { environment } = useEnvironment()
  useLiveTopic(`event/${eventId}`)
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'event', eventId],
    queryFn: async () => {
      const path = { event_id: eventId }
      return await api.call('GET /admin/v1/events/{event_id}', { path })
    },
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
