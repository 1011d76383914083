/** Jobs that send events again. */
import type { Schemas } from 'firma/client'
import { api } from '../api.ts'
import { useChange } from './use-change.ts'
import { usePaged } from './use-paged.ts'

export type Resend = Schemas['Resend']
export type ResendAction = 'pause' | 'resume' | 'cancel'

/** How often resends that run are read anew, in milliseconds. */
const RUNNING_MS = 2_000

export function useResends() {
  return usePaged<Resend>(
    'resends',
    {},
    async ({ query, signal }) => await api.call('GET /admin/v1/resends', { query }, { signal }),
    (resends) => (resends.some(({ status }) => status === 'running') ? RUNNING_MS : false),
  )
}

export function useResendAction(id: string) {
  return useChange(
    async (action: ResendAction) =>
      await api.call(`POST /admin/v1/resends/{resend_id}/${action}`, { path: { resend_id: id } }),
  )
}
