/** All pages and their addresses. */
import { lazyPage } from './lazy-page.tsx'

export const OVERVIEW = lazyPage(
  '/',
  async () => (await import('./routes/overview/overview-page.tsx')).OverviewPage,
)
export const USERS = lazyPage(
  '/users',
  async () => (await import('./routes/users/users-page.tsx')).UsersPage,
)
export const USER = lazyPage(
  '/users/:id',
  async () => (await import('./routes/users/user-page.tsx')).UserPage,
)
export const HISTORY = lazyPage(
  '/history',
  async () => (await import('./routes/history/history-page.tsx')).HistoryPage,
)
export const COMPARE = lazyPage(
  '/history/compare/:one/:other',
  async () => (await import('./routes/history/compare-page.tsx')).ComparePage,
)
export const EVENT = lazyPage(
  '/history/:id',
  async () => (await import('./routes/history/event-page.tsx')).EventPage,
)
export const RESENDS = lazyPage(
  '/resends',
  async () => (await import('./routes/resends/resends-page.tsx')).ResendsPage,
)
export const DESTINATIONS = lazyPage(
  '/destinations',
  async () => (await import('./routes/destinations/destinations-page.tsx')).DestinationsPage,
)
export const PROVIDERS = lazyPage(
  '/providers',
  async () => (await import('./routes/providers/providers-page.tsx')).ProvidersPage,
)
export const PROVIDER = lazyPage(
  '/providers/:provider',
  async () => (await import('./routes/providers/provider-page.tsx')).ProviderPage,
)
export const MOVES = lazyPage(
  '/moves',
  async () => (await import('./routes/moves/moves-page.tsx')).MovesPage,
)
export const MOVE = lazyPage(
  '/moves/:id',
  async () => (await import('./routes/moves/move-page.tsx')).MovePage,
)
export const SIMULATOR = lazyPage(
  '/simulator',
  async () => (await import('./routes/simulator/simulator-page.tsx')).SimulatorPage,
)
export const SETTINGS = lazyPage(
  '/settings',
  async () => (await import('./routes/settings/settings-page.tsx')).SettingsPage,
)

export const ALL_PAGES = [
  OVERVIEW,
  USERS,
  USER,
  HISTORY,
  COMPARE,
  EVENT,
  RESENDS,
  DESTINATIONS,
  PROVIDERS,
  PROVIDER,
  MOVES,
  MOVE,
  SIMULATOR,
  SETTINGS,
]
