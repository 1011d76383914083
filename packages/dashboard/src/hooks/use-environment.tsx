/** The environment that all pages are about. It is in the address, so that a link leads to the same. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { Schemas } from 'firma/client'
import { type ReactNode, createContext, useContext, useEffect, useMemo } from 'react'
import { useLocation, useSearchParams } from 'wouter'
import { api, setDevId } from '../api.ts'

const STORED = 'firma-environment'
/** The API's own limit of a page. */
const ENVIRONMENTS_MAX = 100

interface Chosen {
  readonly environment: Schemas['Environment']
  readonly environments: readonly Schemas['Environment'][]
  choose(devId: string): void
}

const Context = createContext<Chosen | undefined>(undefined)

export function useEnvironments() {
  return useQuery({
    queryKey: ['environments'],
    queryFn: async () =>
      (await api.call('GET /admin/v1/environments', { query: { limit: ENVIRONMENTS_MAX } })).data,
  })
}

export function EnvironmentProvider({
  environments,
  children,
}: {
  readonly environments: readonly [Schemas['Environment'], ...Schemas['Environment'][]]
  readonly children: ReactNode
}) {
  const [search] = useSearchParams()
  const [path, navigate] = useLocation()
  const client = useQueryClient()
  const wished = search.get('env') ?? localStorage.getItem(STORED)
  const environment = environments.find(({ dev_id }) => dev_id === wished) ?? environments[0]
  // During rendering, not in an effect: the queries of the pages below start with the right one.
  setDevId(environment.dev_id)
  // Kept from the start: an environment that is added later must not take its place.
  useEffect(() => localStorage.setItem(STORED, environment.dev_id), [environment.dev_id])
  const value = useMemo<Chosen>(
    () => ({
      environment,
      environments,
      choose: (devId) => {
        setDevId(devId)
        client.removeQueries({ queryKey: ['environment'] })
        navigate(`${path}?env=${encodeURIComponent(devId)}`)
      },
    }),
    [environment, environments, client, navigate, path],
  )
  return (
    <Context.Provider value={value} key={environment.dev_id}>
      {children}
    </Context.Provider>
  )
}

export function useEnvironment(): Chosen {
  const chosen = useContext(Context)
  if (chosen === undefined) throw new Error('useEnvironment needs an EnvironmentProvider above it')
  return chosen
}
