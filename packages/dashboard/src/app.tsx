/** Which page an address shows. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { Suspense, useEffect, useState } from 'react'
import { Route, Router, Switch, matchRoute, useLocation, useRouter } from 'wouter'
import { ApiError } from './api.ts'
import { Layout, type NavItem } from './components/layout.tsx'
import { Empty, Failure, Loading } from './components/states.tsx'
import { EnvironmentProvider, useEnvironments } from './hooks/use-environment.tsx'
import { LiveProvider } from './live/live.tsx'
import { useSession, useSetup } from './hooks/use-session.ts'
import { LoginPage } from './routes/login.tsx'
import {
  ALL_PAGES,
  COMPARE,
  DESTINATIONS,
  EVENT,
  HISTORY,
  MOVE,
  MOVES,
  OVERVIEW,
  PROVIDER,
  PROVIDERS,
  RESENDS,
  SETTINGS,
  SIMULATOR,
  USER,
  USERS,
} from './pages.ts'

/** Where the hub serves these pages. */
const BASE = '/dashboard'

const PAGES: readonly NavItem[] = [
  { path: '/', label: 'Overview', icon: 'M2 13.5h12M4 11V8M8 11V3M12 11V5.5' },
  {
    path: '/users',
    label: 'Users',
    icon: 'M8 2.5a2.75 2.75 0 1 1 0 5.5a2.75 2.75 0 0 1 0-5.5M2.75 13.5c.5-2.3 2.6-3.5 5.25-3.5s4.75 1.2 5.25 3.5',
  },
  {
    path: '/history',
    label: 'Payload history',
    icon: 'M2.5 4h.01M5.5 4h8M2.5 8h.01M5.5 8h8M2.5 12h.01M5.5 12h8',
  },
  { path: '/resends', label: 'Resends', isPart: true },
  { path: '/destinations', label: 'Destinations', icon: 'M2 8h8.5M7 4.5L10.5 8L7 11.5M13.5 3v10' },
  {
    path: '/providers',
    label: 'Providers',
    icon: 'M6 4.5h4a1.5 1.5 0 0 1 1.5 1.5v4a1.5 1.5 0 0 1-1.5 1.5h-4a1.5 1.5 0 0 1-1.5-1.5v-4a1.5 1.5 0 0 1 1.5-1.5M6.2 4.5l.5-2.5h2.6l.5 2.5M6.2 11.5l.5 2.5h2.6l.5-2.5',
  },
  { path: '/moves', label: 'Moves', isPart: true },
  { path: '/simulator', label: 'Simulator', icon: 'M5 3v10l8-5z' },
  {
    path: '/settings',
    label: 'Settings',
    icon: 'M2 5h6.5M12.5 5h1.5M10.5 3.2a1.8 1.8 0 1 1 0 3.6a1.8 1.8 0 0 1 0-3.6M14 11h-6.5M3.5 11h-1.5M5.5 9.2a1.8 1.8 0 1 1 0 3.6a1.8 1.8 0 0 1 0-3.6',
  },
]

/** By then the first page is there, in milliseconds; others are fetched before somebody waits for them. */
const QUIET_MS = 3_000

export function App() {
  const [client] = useState(createQueryClient)
  return (
    <QueryClientProvider client={client}>
      <Router base={BASE}>
        <Gate />
      </Router>
    </QueryClientProvider>
  )
}

export function createQueryClient(): QueryClient {
  const client = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        // What the hub refuses, it refuses again.
        retry: (failures, error) =>
          failures < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      },
    },
  })
  client.getQueryCache().subscribe(({ type, query }) => {
    const isOver =
      type === 'updated' &&
      query.queryKey[0] !== 'session' &&
      query.state.error instanceof ApiError &&
      query.state.error.code === 'unauthorized'
    // The session has ended meanwhile.
    if (isOver) void client.invalidateQueries({ queryKey: ['session'] })
  })
  return client
}

/** Fetches the file of the page while the hub is asked who is logged in, and the others when all is quiet. */
function useEarlyPage(): void {
  const { parser } = useRouter()
  const [path] = useLocation()
  const [first] = useState(path)
  useEffect(() => {
    const isHere = (pattern: string): boolean => matchRoute(parser, pattern, first)[0]
    void ALL_PAGES.find((page) => isHere(page.path))?.load()
    const timer = setTimeout(() => {
      for (const page of ALL_PAGES) void page.load()
    }, QUIET_MS)
    return () => clearTimeout(timer)
  }, [parser, first])
}

/** Nothing is shown, and nothing asked for, before somebody is logged in. */
function Gate() {
  useEarlyPage()
  const session = useSession()
  const setup = useSetup()
  const error = session.error ?? setup.error
  if (error !== null) return <Failure error={error} onRetry={() => void session.refetch()} />
  if (session.data === undefined || setup.data === undefined) return <Loading />
  if (session.data === null) return <LoginPage needsSetup={setup.data.needs_setup} />
  return <Pages />
}

function Pages() {
  const { data, error, refetch } = useEnvironments()
  if (error !== null) return <Failure error={error} onRetry={() => void refetch()} />
  if (data === undefined) return <Loading />
  const [first, ...rest] = data
  if (first === undefined) {
    return (
      <Empty title="There is no environment yet">
        Declare one in the configuration of the hub, and start it again.
      </Empty>
    )
  }
  return (
    <EnvironmentProvider environments={[first, ...rest]}>
      <LiveProvider>
        <Layout items={PAGES}>
          <Suspense fallback={<Loading />}>
            <Switch>
              <Route path={OVERVIEW.path} component={OVERVIEW.Page} />
              <Route path={DESTINATIONS.path} component={DESTINATIONS.Page} />
              <Route path={SIMULATOR.path} component={SIMULATOR.Page} />
              <Route path={USERS.path} component={USERS.Page} />
              <Route path={USER.path}>{({ id }) => <USER.Page userId={id} />}</Route>
              <Route path={PROVIDERS.path} component={PROVIDERS.Page} />
              <Route path={PROVIDER.path}>
                {({ provider }) => <PROVIDER.Page provider={provider} />}
              </Route>
              <Route path={MOVES.path} component={MOVES.Page} />
              <Route path={MOVE.path}>{({ id }) => <MOVE.Page id={id} />}</Route>
              <Route path={RESENDS.path} component={RESENDS.Page} />
              <Route path={SETTINGS.path} component={SETTINGS.Page} />
              <Route path={HISTORY.path} component={HISTORY.Page} />
              <Route path={COMPARE.path}>
                {({ one, other }) => <COMPARE.Page one={one} other={other} />}
              </Route>
              <Route path={EVENT.path}>{({ id }) => <EVENT.Page id={id} />}</Route>
              <Route>
                <Empty title="There is no such page">Choose one in the menu.</Empty>
              </Route>
            </Switch>
          </Suspense>
        </Layout>
      </LiveProvider>
    </EnvironmentProvider>
  )
}
