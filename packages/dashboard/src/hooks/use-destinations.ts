/** Where events go, and how that does. */
import { useQuery } from '@tanstack/react-query'
import type { OperationInput, Schemas } from 'firma/client'
import { api } from '../api.ts'
import { useChange } from './use-change.ts'
import { useEnvironment } from './use-environment.tsx'
import { usePaged } from './use-paged.ts'

export type Destination = Schemas['Destination']
export type Stats = Schemas['Stats']
export type Range = NonNullable<
  NonNullable<OperationInput<'GET /admin/v1/stats'>['query']>['range']
>

/** How often figures are read anew where nothing happens: spans of time begin and end, in milliseconds. */
const STATS_MS = 60_000
/** How often where some of what has happened is still being counted. */
const COUNTING_MS = 3_000

export function useDestinations() {
  return usePaged<Destination>(
    'destinations',
    {},
    async ({ query, signal }) =>
      await api.call('GET /admin/v1/destinations', { query }, { signal }),
  )
}

export function useStats(range: Range) {
  const { environment } = useEnvironment()
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'stats', range],
    queryFn: async ({ signal }) =>
      await api.call('GET /admin/v1/stats', { query: { range } }, { signal }),
    refetchInterval: ({ state: { data } }) => (isWhole(data) ? STATS_MS : COUNTING_MS),
  })
}

function isWhole(stats: Stats | undefined): boolean {
  const isCounted = (one: Stats['destinations'][number]): boolean => one.counted_until === null
  return (
    stats === undefined ||
    (stats.events_counted_until === null && stats.destinations.every(isCounted))
  )
}

export function useCreateDestination() {
  return useChange(
    async (body: OperationInput<'POST /admin/v1/destinations'>['body']) =>
      await api.call('POST /admin/v1/destinations', { body }),
  )
}

export function useChangeDestination(id: string) {
  return useChange(
    async (
      body: NonNullable<OperationInput<'PATCH /admin/v1/destinations/{destination_id}'>['body']>,
    ) =>
      await api.call('PATCH /admin/v1/destinations/{destination_id}', {
        path: { destination_id: id },
        body,
      }),
  )
}

export function useSwitchDestination(id: string) {
  const path = { destination_id: id }
  return useChange(async (isOn: boolean) =>
    isOn
      ? await api.call('POST /admin/v1/destinations/{destination_id}/enable', { path })
      : await api.call('POST /admin/v1/destinations/{destination_id}/disable', { path }),
  )
}

export function useTestDestination(id: string) {
  return useChange(
    async () =>
      await api.call('POST /admin/v1/destinations/{destination_id}/test', {
        path: { destination_id: id },
      }),
  )
}

export function useRotateSecret(id: string) {
  return useChange(
    async (kind: 'hmac' | 'ed25519') =>
      await api.call('POST /admin/v1/destinations/{destination_id}/secrets', {
        path: { destination_id: id },
        body: { kind },
      }),
  )
}

export function useDeleteDestination(id: string) {
  return useChange(
    async () =>
      await api.call('DELETE /admin/v1/destinations/{destination_id}', {
        path: { destination_id: id },
      }),
  )
}
