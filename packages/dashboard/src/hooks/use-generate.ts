/** Examples of events: what an app would be told, without anything having happened. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { OperationInput } from 'firma/client'
import { api } from '../api.ts'
import { useChange } from './use-change.ts'
import { useEnvironment } from './use-environment.tsx'

export type GenerateBody = NonNullable<OperationInput<'POST /admin/v1/events/generate'>['body']>
export type ExampleName = NonNullable<GenerateBody['example']>

/** Names of all events and stories. */
export function useExamples() {
  const { environment } = useEnvironment()
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'examples'],
    queryFn: async ({ signal }) =>
      (await api.call('GET /admin/v1/events/examples', {}, { signal })).data,
    staleTime: Number.POSITIVE_INFINITY,
  })
}

/** The bodies that would be sent; undefined where the draft is not whole. */
export function usePreview(body: GenerateBody | undefined) {
  const { environment } = useEnvironment()
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'preview', body],
    queryFn: async ({ signal }) => {
      const request = { body: { ...body, preview: true } }
      return (await api.call('POST /admin/v1/events/generate', request, { signal })).events ?? []
    },
    enabled: body !== undefined,
    placeholderData: keepPreviousData,
  })
}

/** Announces an example. */
export function useGenerate() {
  return useChange(
    async (body: GenerateBody) => await api.call('POST /admin/v1/events/generate', { body }),
  )
}
