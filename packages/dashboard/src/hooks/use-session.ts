/** Who is logged in. One query; everything else asks it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { OperationAnswer } from 'firma/client'
import { ApiError, api, setCsrfToken } from '../api.ts'

type Session = OperationAnswer<'GET /admin/v1/session'>

const KEY = ['session']
const SETUP_KEY = ['setup']
/** What does not belong to who is logged in. */
const KEPT = new Set<unknown>([...KEY, ...SETUP_KEY])

/** @returns The session; null while nobody is logged in. */
export function useSession() {
  return useQuery({
    queryKey: KEY,
    queryFn: async (): Promise<Session | null> => {
      try {
        const session = await api.call('GET /admin/v1/session')
        setCsrfToken(session.csrf_token)
        return session
      } catch (error) {
        if (error instanceof ApiError && error.code === 'unauthorized') return null
        throw error
      }
    },
    staleTime: 60_000,
  })
}

/** Whether the password still has to be chosen. */
export function useSetup() {
  return useQuery({
    queryKey: SETUP_KEY,
    queryFn: async () => await api.call('GET /admin/v1/setup'),
  })
}

function useOpening<Input>(open: (input: Input) => Promise<Session>) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: open,
    onSuccess: (session) => {
      setCsrfToken(session.csrf_token)
      client.setQueryData(KEY, session)
      void client.invalidateQueries({ queryKey: SETUP_KEY })
    },
  })
}

export function useLogIn() {
  return useOpening(
    async (password: string) => await api.call('POST /admin/v1/session', { body: { password } }),
  )
}

export function useChoosePassword() {
  return useOpening(
    async (choice: { setupToken: string; password: string }) =>
      await api.call('POST /admin/v1/setup', {
        body: { setup_token: choice.setupToken, password: choice.password },
      }),
  )
}

export function useLogOut() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async () => await api.call('DELETE /admin/v1/session'),
    onSuccess: () => {
      setCsrfToken('')
      client.setQueryData(KEY, null)
      // What was shown belongs to who was logged in.
      client.removeQueries({ predicate: ({ queryKey }) => !KEPT.has(queryKey[0]) })
    },
  })
}
