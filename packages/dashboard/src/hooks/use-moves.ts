/** Moves of people from a provider that ends to its successor. */
import { useQuery } from '@tanstack/react-query'
import type { OperationAnswer, Schemas } from 'firma/client'
import { api } from '../api.ts'
import { useChange } from './use-change.ts'
import { useEnvironment } from './use-environment.tsx'
import { usePaged } from './use-paged.ts'
import { useLiveTopic } from '../live/live.tsx'

export type Move = Schemas['ProviderMove']
export type MoveUser = Schemas['ProviderMoveUser']
export type MoveLink = OperationAnswer<'POST /admin/v1/moves/{move_id}/links'>['data'][number]

export const MOVE_STATES = ['to_do', 'linked', 'failed', 'connected', 'gone'] as const
export type MoveState = (typeof MOVE_STATES)[number]

export const MOVE_USER_FILTERS = ['state'] as const
export type MoveUserFilter = Partial<Record<(typeof MOVE_USER_FILTERS)[number], string>>

export function useMoves() {
  useLiveTopic('moves')
  return usePaged<Move>(
    'moves',
    {},
    async ({ query, signal }) => await api.call('GET /admin/v1/moves', { query }, { signal }),
  )
}

export function useMove(id: string) {
  const { environment } = useEnvironment()
  useLiveTopic(`move/${id}`)
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'move', id],
    queryFn: async () => await api.call('GET /admin/v1/moves/{move_id}', { path: { move_id: id } }),
  })
}

export function useMoveUsers({ id }: Move, filter: MoveUserFilter) {
  const state = MOVE_STATES.find((one) => one === filter.state)
  return usePaged<MoveUser>('move-users', { id, state }, async ({ query, signal }) => {
    const wanted = { ...query, ...(state !== undefined && { state }) }
    const request = { path: { move_id: id }, query: wanted }
    return await api.call('GET /admin/v1/moves/{move_id}/users', request, { signal })
  })
}

/** Says what a move would do, starts it, or takes up in the running one whoever has connected since. */
export function useStartMove() {
  return useChange(
    async (wanted: { readonly from: string; readonly perMinute?: number; isDryRun: boolean }) =>
      await api.call('POST /admin/v1/moves', {
        body: { from: wanted.from, per_minute: wanted.perMinute, dry_run: wanted.isDryRun },
      }),
  )
}

export type MoveAction = 'pause' | 'resume' | 'end' | 'retry'

export function useMoveAction(id: string) {
  return useChange(
    async (action: MoveAction) =>
      await api.call(`POST /admin/v1/moves/{move_id}/${action}`, { path: { move_id: id } }),
  )
}

/** Makes links: for one person a new one, else for everybody who has none that is still good. */
export function useMoveLinks(id: string) {
  return useChange(
    async ({ days, userId }: { readonly days: number; readonly userId?: string }) => {
      const wanted = { days, ...(userId !== undefined && { user_id: userId, renew: true }) }
      const links: MoveLink[] = []
      let after: string | undefined
      do {
        const body = { ...wanted, after }
        const request = { path: { move_id: id }, body }
        const page = await api.call('POST /admin/v1/moves/{move_id}/links', request)
        links.push(...page.data)
        after = page.next ?? undefined
      } while (after !== undefined)
      return links
    },
  )
}
