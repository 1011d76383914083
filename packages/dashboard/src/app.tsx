/** Which page an address shows. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { useState } from 'react'
import { Route, Router, Switch } from 'wouter'
import { ApiError } from './api.ts'
import { Layout, type NavItem } from './components/layout.tsx'
import { Empty, Failure, Loading } from './components/states.tsx'
import { EnvironmentProvider, useEnvironments } from './hooks/use-environment.tsx'
import { LiveProvider } from './live/live.tsx'
import { useSession, useSetup } from './hooks/use-session.ts'
import { ComparePage } from './routes/history/compare-page.tsx'
import { EventPage } from './routes/history/event-page.tsx'
import { HistoryPage } from './routes/history/history-page.tsx'
import { LoginPage } from './routes/login.tsx'
import { DestinationsPage } from './routes/destinations/destinations-page.tsx'
import { MovePage } from './routes/moves/move-page.tsx'
import { MovesPage } from './routes/moves/moves-page.tsx'
import { OverviewPage } from './routes/overview/overview-page.tsx'
import { SimulatorPage } from './routes/simulator/simulator-page.tsx'
import { ProviderPage } from './routes/providers/provider-page.tsx'
import { ProvidersPage } from './routes/providers/providers-page.tsx'
import { ResendsPage } from './routes/resends/resends-page.tsx'
import { SettingsPage } from './routes/settings/settings-page.tsx'
import { UserPage } from './routes/users/user-page.tsx'
import { UsersPage } from './routes/users/users-page.tsx'

/** Where the hub serves these pages. */
const BASE = '/dashboard'

const PAGES: readonly NavItem[] = [
  { path: '/', label: 'Overview' },
  { path: '/users', label: 'Users' },
  { path: '/history', label: 'Payload history' },
  { path: '/resends', label: 'Resends', isPart: true },
  { path: '/destinations', label: 'Destinations' },
  { path: '/providers', label: 'Providers' },
  { path: '/moves', label: 'Moves', isPart: true },
  { path: '/simulator', label: 'Simulator' },
  { path: '/settings', label: 'Settings' },
]

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

/** Nothing is shown, and nothing asked for, before somebody is logged in. */
function Gate() {
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
          <Switch>
            <Route path="/" component={OverviewPage} />
            <Route path="/destinations" component={DestinationsPage} />
            <Route path="/simulator" component={SimulatorPage} />
            <Route path="/users" component={UsersPage} />
            <Route path="/users/:id">{({ id }) => <UserPage userId={id} />}</Route>
            <Route path="/providers" component={ProvidersPage} />
            <Route path="/providers/:provider">
              {({ provider }) => <ProviderPage provider={provider} />}
            </Route>
            <Route path="/moves" component={MovesPage} />
            <Route path="/moves/:id">{({ id }) => <MovePage id={id} />}</Route>
            <Route path="/resends" component={ResendsPage} />
            <Route path="/settings" component={SettingsPage} />
            <Route path="/history" component={HistoryPage} />
            <Route path="/history/compare/:one/:other">
              {({ one, other }) => <ComparePage one={one} other={other} />}
            </Route>
            <Route path="/history/:id">{({ id }) => <EventPage id={id} />}</Route>
            <Route>
              <Empty title="There is no such page">Choose one on the left.</Empty>
            </Route>
          </Switch>
        </Layout>
      </LiveProvider>
    </EnvironmentProvider>
  )
}
