/** What a session's pages show, read from the store. */
import type { Context } from 'hono'
import { dataKindsOf } from '../../core/data-kind.ts'
import { listOffered } from '../../operations/depart-to-provider.ts'
import { disconnectUser } from '../../operations/disconnect-user.ts'
import type { Visit } from '../../operations/visit-link.ts'
import { findEntry, findProvider } from '../../providers/catalog.ts'
import type { Connection } from '../../store/connections.ts'
import type { Environment } from '../../store/environments.ts'
import type { WidgetSession } from '../../store/widget-sessions.ts'
import type { AppDeps } from '../app-deps.ts'
import { type ProviderChoice, choosePage } from './choose-page.ts'
import { connectionsPage } from './connections-page.ts'
import { toCookie } from './cookie.ts'
import { viewOf } from './layout.ts'

/** Connections of one person that a page shows. */
const CONNECTIONS_MAX = 200

type OpenVisit = Extract<Visit<WidgetSession>, { verdict: 'open' }>

export function displayNameOf(resource: string): string {
  return findEntry(resource)?.displayName ?? resource
}

export async function showSession(
  c: Context,
  deps: AppDeps,
  token: string,
  visit: OpenVisit,
): Promise<Response> {
  const { environment, link: session } = visit
  const offered = await listOffered(deps, session)
  const own = await listOwn(deps, environment, session)
  return await choosePage(viewOf(c, { environment, wishedLanguage: session.language }), {
    appName: environment.name,
    token,
    providers: offered.map((resource) => toChoice(resource, own)),
    connectionCount: own.length,
    accountLabel: session.accountLabel,
    search: (c.req.query('q') ?? '').slice(0, 100),
    cookie: toCookie(deps.links, session.id, visit.newSecret),
  })
}

export async function showConnections(
  c: Context,
  deps: AppDeps,
  token: string,
  visit: OpenVisit,
): Promise<Response> {
  const { environment, link: session } = visit
  const offered = await listOffered(deps, session)
  const own = await listOwn(deps, environment, session)
  const gone = findProvider(c.req.query('gone') ?? '')
  return await connectionsPage(viewOf(c, { environment, wishedLanguage: session.language }), {
    appName: environment.name,
    token,
    connections: own.map((connection) => ({
      userId: connection.state.user.userId,
      resource: connection.state.user.provider,
      displayName: displayNameOf(connection.state.user.provider),
      accountLabel: connection.accountLabel,
      sinceMs: connection.state.user.createdAtMs,
      isWorking: isWorking(connection),
      isOffered: offered.includes(connection.state.user.provider),
    })),
    gone: gone?.displayName ?? null,
    cookie: toCookie(deps.links, session.id, visit.newSecret),
  })
}

/**
 * A page can disconnect what it shows, and nothing else.
 *
 * @returns The provider; null when there was nothing to disconnect any more, after a second click.
 */
export async function disconnectOwn(
  deps: AppDeps,
  environment: Environment,
  session: WidgetSession,
  userId: string,
): Promise<string | null> {
  const own = await listOwn(deps, environment, session)
  const wanted = own.find(({ state }) => state.user.userId === userId)
  if (wanted === undefined) return null
  await disconnectUser(deps, environment, userId)
  return wanted.state.user.provider
}

/** Only where the app asked for it: a link that was passed on must not show what its owner has. */
async function listOwn(
  { store }: AppDeps,
  environment: Environment,
  { showDisconnect, referenceId }: WidgetSession,
): Promise<Connection[]> {
  if (!showDisconnect || referenceId === null) return []
  return await store.connections.listByReference(environment.id, referenceId, CONNECTIONS_MAX)
}

function toChoice(resource: string, own: readonly Connection[]): ProviderChoice {
  const provider = findProvider(resource)
  // What is asked for; where the provider asks by itself, what it knows.
  const asked = provider?.authorization.scopes ?? []
  const kinds = dataKindsOf(asked.length > 0 ? asked : (provider?.scopes.known ?? []))
  const connections = own.filter(({ state }) => state.user.provider === resource)
  const state = connections.every(isWorking) ? 'working' : 'broken'
  const connection = connections.length === 0 ? 'none' : state
  return { resource, displayName: displayNameOf(resource), kinds, connection }
}

function isWorking({ state }: Connection): boolean {
  return state.status === 'active' && state.degradedAtMs === null
}
