/** Rows for tests of the store: everything that a test does not care about has a value already. */
import { isDataType } from '../../src/core/event-body.ts'
import { Redacted } from '../../src/secret.ts'
import { DEFAULT_SCOPES } from '../../src/core/scope.ts'
import type { ApiKey } from '../../src/store/api-keys.ts'
import type { Connection, StoredState } from '../../src/store/connections.ts'
import type { Destination } from '../../src/store/destinations.ts'
import { DEFAULT_SETTINGS, type Environment } from '../../src/store/environments.ts'
import type { StoredEvent } from '../../src/store/events.ts'
import type { Flow } from '../../src/store/flows.ts'
import type { Store } from '../../src/store/open.ts'
import type { TokenSetContent } from '../../src/store/token-sets.ts'
import type { WidgetSession } from '../../src/store/widget-sessions.ts'
import { EPOCH_MS } from './test-clock.ts'

export const ENVIRONMENT_ID = 'acme-testing'
export const OTHER_ENVIRONMENT_ID = 'acme-production'

export function environmentRow(change: Partial<Environment> = {}): Environment {
  return {
    id: ENVIRONMENT_ID,
    name: 'Acme',
    settings: DEFAULT_SETTINGS,
    redirectSecret: new Redacted('redirect-secret'),
    createdAtMs: EPOCH_MS,
    archivedAtMs: null,
    ...change,
  }
}

export function apiKeyRow(
  change: Partial<ApiKey & { keyHash: string }> = {},
): ApiKey & { keyHash: string } {
  return {
    id: 'key-1',
    environmentId: ENVIRONMENT_ID,
    keyHash: 'hash-1',
    hint: 'abcd',
    name: 'back end',
    scopes: DEFAULT_SCOPES,
    createdAtMs: EPOCH_MS,
    expiresAtMs: null,
    revokedAtMs: null,
    lastUsedAtMs: null,
    ...change,
  }
}

export function destinationRow(change: Partial<Destination> = {}): Destination {
  return {
    id: 'destination-1',
    environmentId: ENVIRONMENT_ID,
    url: 'http://127.0.0.1:9/hook',
    secret: new Redacted('destination-secret'),
    eventTypes: null,
    wantsExtensions: false,
    status: 'enabled',
    disabledReason: null,
    timeoutMs: 8_000,
    concurrency: 8,
    resumedAtMs: null,
    retries: null,
    headers: null,
    signingKeys: [],
    createdAtMs: EPOCH_MS,
    ...change,
  }
}

export function eventRow(change: Partial<StoredEvent> = {}): StoredEvent {
  return {
    id: 'event-1',
    environmentId: ENVIRONMENT_ID,
    type: 'auth',
    lineageId: 'lineage-1',
    orderKey: 'lineage-1',
    userId: 'user-1',
    referenceId: 'tony_stark',
    provider: 'GARMIN',
    body: '{"type":"auth"}',
    orderingMs: EPOCH_MS,
    createdAtMs: EPOCH_MS,
    fanOut: 1,
    traceParent: null,
    ...change,
  }
}

export function flowRow(change: Partial<Flow> = {}): Flow {
  return {
    id: 'flow-1',
    environmentId: ENVIRONMENT_ID,
    widgetSessionId: null,
    provider: 'GARMIN',
    referenceId: 'tony_stark',
    reservedUserId: `user-of-${change.id ?? 'flow-1'}`,
    language: null,
    successUrl: null,
    failureUrl: null,
    browserHash: null,
    stateExpiresAtMs: null,
    codeVerifier: null,
    status: 'created',
    deadlineMs: EPOCH_MS + 900_000,
    reason: null,
    createdAtMs: EPOCH_MS,
    endedAtMs: null,
    ...change,
  }
}

export function sessionRow(change: Partial<WidgetSession> = {}): WidgetSession {
  return {
    id: 'session-1',
    environmentId: ENVIRONMENT_ID,
    referenceId: 'tony_stark',
    accountLabel: null,
    providers: null,
    language: null,
    showDisconnect: false,
    successUrl: null,
    failureUrl: null,
    browserHash: null,
    usedAtMs: null,
    createdAtMs: EPOCH_MS,
    expiresAtMs: EPOCH_MS + 900_000,
    ...change,
  }
}

export type ConnectionChange = Partial<Omit<Connection, 'state'>> & {
  readonly userId?: string
  readonly referenceId?: string | null
  readonly provider?: string
  readonly account?: string
  readonly state?: Connection['state']
  readonly createdAtMs?: number
}

/** An active connection, named after its lineage. */
export function connectionRow(change: ConnectionChange = {}): Connection {
  const lineageId = change.lineageId ?? 'lineage-1'
  return {
    lineageId,
    environmentId: change.environmentId ?? ENVIRONMENT_ID,
    matchKey: change.matchKey ?? `key of ${lineageId}`,
    lastOrderingMs: change.lastOrderingMs ?? EPOCH_MS,
    accountLabel: change.accountLabel ?? null,
    state: change.state ?? {
      status: 'active',
      user: {
        userId: change.userId ?? `user-of-${lineageId}`,
        referenceId: change.referenceId === undefined ? 'tony_stark' : change.referenceId,
        provider: change.provider ?? 'GARMIN',
        scopes: ['ACTIVITY_EXPORT'],
        createdAtMs: change.createdAtMs ?? EPOCH_MS,
        lastWebhookUpdateMs: null,
      },
      providerAccountId: change.account ?? `account-of-${lineageId}`,
      tokenVersion: 1,
      degradedAtMs: null,
      degradedBy: null,
      errorAnnouncedAtMs: null,
    },
  }
}

/** The same connection, no longer active. */
export function ended(connection: Connection, status: 'inactive' | 'deleted'): Connection {
  const { user, providerAccountId, tokenVersion } = connection.state
  const known = { user, providerAccountId, tokenVersion }
  const state: StoredState =
    status === 'deleted' ? { ...known, status, endedBy: 'disconnect' } : { ...known, status }
  return { ...connection, state }
}

/** What a provider issued, as it is stored. */
export function tokenContent(
  json: Redacted<string>,
  change: Partial<TokenSetContent> = {},
): TokenSetContent {
  const times = { obtainedAtMs: EPOCH_MS, expiresAtMs: null, refreshExpiresAtMs: null }
  return { json, times, refreshAtMs: null, ...change }
}

/** Two environments, so that what belongs to the other one can be seen to stay out. */
export async function addEnvironments(store: Store): Promise<void> {
  await store.environments.add(environmentRow())
  await store.environments.add(environmentRow({ id: OTHER_ENVIRONMENT_ID }))
}

/** An event owed to destinations, in one transaction, as it is announced. */
export async function addOwedEvent(
  store: Store,
  event: Partial<StoredEvent> & { readonly id: string },
  destinationIds: readonly string[],
): Promise<void> {
  const row = eventRow({ fanOut: destinationIds.length, ...event })
  await store.transaction(async (tx) => {
    await tx.events.add(row)
    await tx.deliveries.addMany(
      destinationIds.map((destinationId) => ({
        eventId: row.id,
        destinationId,
        orderKey: row.orderKey,
        isData: isDataType(row.type),
        suppressed: null,
        resendId: null,
        atMs: row.createdAtMs,
      })),
    )
  })
}
