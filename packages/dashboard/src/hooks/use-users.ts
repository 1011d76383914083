/** The environment's users. */
import { useQuery } from '@tanstack/react-query'
import type { OperationAnswer, OperationInput, Schemas } from 'firma/client'
import { api } from '../api.ts'
import { pickChoice } from './pick-choice.ts'
import { useChange } from './use-change.ts'
import { useEnvironment } from './use-environment.tsx'
import { usePaged } from './use-paged.ts'
import { useLiveTopic } from '../live/live.tsx'
import type { LiveBatch } from '../live/batch.ts'
import type { News } from '../live/use-news.tsx'

export type AdminUser = Schemas['AdminUser']
export type UserDetail = OperationAnswer<'GET /admin/v1/users/{user_id}'>
type BulkRequest = OperationInput<'POST /admin/v1/users/disconnect'>['body']

/** What users can be filtered by, as the address spells it. */
export const USER_FILTERS = ['user_id', 'reference_id', 'provider', 'state'] as const
export type UserFilter = Partial<Record<(typeof USER_FILTERS)[number], string>>

const STATES = ['active', 'degraded', 'inactive'] as const
export const LISTED_STATES = ['unconfirmed', ...STATES] as const

export function useUsers(filter: UserFilter) {
  return usePaged<AdminUser>('users', filter, async ({ query, signal }) => {
    const wanted = { ...pickState(filter, LISTED_STATES), ...query }
    return await api.call('GET /admin/v1/users', { query: wanted }, { signal })
  })
}

/** How many of the connections that the stream tells of are not in the list and belong there. */
export function countNewUsers(
  filter: UserFilter,
  rows: readonly AdminUser[],
  { connections, hasGap }: LiveBatch,
): News {
  const { user_id: userId, ...texts } = filter
  const known = new Set(rows.map(({ lineage_id }) => lineage_id))
  const found = [...connections.values()].filter(
    (user) =>
      !known.has(user.lineage_id) &&
      user.state !== 'deleted' &&
      Object.entries(texts).every(([name, value]) => user[name as keyof UserFilter] === value),
  )
  // Which ids a connection had, the stream does not tell.
  if (userId !== undefined) return { count: 0, isMore: hasGap || found.length > 0 }
  return { count: found.length, isMore: hasGap }
}

/**
 * What a bulk change is asked for: exactly what the page shows. What is unconfirmed is no connection yet.
 *
 * @throws ApiError where the address names a state that there is not: without it, the filter would name everybody.
 */
export function toBulkRequest(filter: UserFilter, isDryRun: boolean): BulkRequest {
  return {
    filter: pickState(filter, STATES),
    dry_run: isDryRun,
    // The page has shown that nothing is filtered, and asked.
    all: Object.keys(filter).length === 0,
  }
}

function pickState<State extends string>(
  { state, ...rest }: UserFilter,
  states: readonly State[],
): Omit<UserFilter, 'state'> & { state?: State } {
  return state === undefined ? rest : { ...rest, state: pickChoice('state', state, states) }
}

/** By any id that the connection has or had. */
export function useUser(userId: string) {
  const { environment } = useEnvironment()
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'user', userId],
    queryFn: async () => {
      const path = { user_id: userId }
      return await api.call('GET /admin/v1/users/{user_id}', { path })
    },
  })
}

/** Why it is as it is, and what to do about it. */
export function useExplanation(userId: string) {
  const { environment } = useEnvironment()
  useLiveTopic(`user/${userId}`)
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'explain', userId],
    queryFn: async () => {
      const path = { user_id: userId }
      return await api.call('GET /admin/v1/users/{user_id}/explain', { path })
    },
  })
}

export function useDisconnect() {
  return useChange(
    async (userId: string) =>
      await api.call('DELETE /admin/v1/users/{user_id}', { path: { user_id: userId } }),
  )
}

/** Disconnects all that a filter names, or says who that would be. */
export function useBulkDisconnect() {
  return useChange(
    async ({ filter, isDryRun }: { readonly filter: UserFilter; readonly isDryRun: boolean }) =>
      await api.call('POST /admin/v1/users/disconnect', { body: toBulkRequest(filter, isDryRun) }),
  )
}
