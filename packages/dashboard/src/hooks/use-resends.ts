/** Jobs that send events again. */
import type { Schemas } from 'firma/client'
import { api } from '../api.ts'
import { useChange } from './use-change.ts'
import { usePaged } from './use-paged.ts'
import { useLiveTopic } from '../live/live.tsx'

export type Resend = Schemas['Resend']
export type ResendAction = 'pause' | 'resume' | 'cancel'

export function useResends() {
  useLiveTopic('resends')
  return usePaged<Resend>(
    'resends',
    {},
    async ({ query, signal }) => await api.call('GET /admin/v1/resends', { query }, { signal }),
  )
}

export function useResendAction(id: string) {
  return useChange(
    async (action: ResendAction) =>
      await api.call(`POST /admin/v1/resends/{resend_id}/${action}`, { path: { resend_id: id } }),
  )
}
