/** Users as the API shows them. */
import type { User } from '../core/connection.ts'
import { type WireUser, toWireUser } from '../core/event-body.ts'
import { toTimestampOrNull } from '../core/time.ts'
import { FirmaError } from '../errors.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep } from '../store/open.ts'
import { findReservation, getUser } from './find-user.ts'

/** Connections of one person that are shown at most. */
const USERS_OF_PERSON_MAX = 1_000
/** Users read from the store at a time. */
const CHUNK = 1_000
/** Users that the list without pages gives at most; with more, pages are needed. */
export const USERS_UNPAGED_MAX = 100_000

export interface WireUserInfo extends WireUser {
  readonly last_polled_at: string | null
  readonly most_recent_data_at: string | null
}

/**
 * One user, also one that is only reserved: its flow has started and not ended.
 *
 * @throws FirmaError `user_not_found`.
 */
export async function findUserInfo(
  deps: StoreDep,
  environment: Environment,
  userId: string,
): Promise<{ isAuthenticated: boolean; user: WireUserInfo }> {
  const reservation = await findReservation(deps, environment, userId)
  if (reservation !== undefined) {
    return { isAuthenticated: false, user: toInfo(toReservedUser(reservation), false) }
  }
  const { state } = await getUser(deps, environment, userId)
  return { isAuthenticated: true, user: toInfo(state.user, state.status === 'active') }
}

function toReservedUser(flow: Flow): User {
  return {
    userId: flow.reservedUserId,
    referenceId: flow.referenceId,
    provider: flow.provider,
    scopes: [],
    createdAtMs: flow.createdAtMs,
    lastWebhookUpdateMs: null,
  }
}

/** The users of one person; empty when there is none. */
export async function listUsersOf(
  { store }: StoreDep,
  environment: Environment,
  referenceId: string,
): Promise<WireUser[]> {
  const connections = await store.connections.listByReference(
    environment.id,
    referenceId,
    USERS_OF_PERSON_MAX,
  )
  return connections.map(toWire)
}

/** The users with these ids, in their order, without those that are nobody's (any more). */
export async function listUsersById(
  { store }: StoreDep,
  environment: Environment,
  userIds: readonly string[],
): Promise<WireUser[]> {
  const connections = await store.connections.listByUser(environment.id, userIds)
  const byId = new Map(connections.map((connection) => [connection.state.user.userId, connection]))
  return [...new Set(userIds)].flatMap((id) => {
    const connection = byId.get(id)
    return connection === undefined ? [] : [toWire(connection)]
  })
}

/** @param page From 0. */
export async function listUsersPage(
  { store }: StoreDep,
  environment: Environment,
  page: number,
  perPage: number,
): Promise<{ users: WireUser[]; pages: number }> {
  const users = await store.connections.list(environment.id, {
    limit: perPage,
    offset: page * perPage,
  })
  const count = await store.connections.countBy(environment.id, {})
  return { users: users.map(toWire), pages: Math.ceil(count / perPage) }
}

/** @throws FirmaError `bad_request` when there are more than {@link USERS_UNPAGED_MAX}. */
export async function listAllUsers(
  { store }: StoreDep,
  environment: Environment,
): Promise<WireUser[]> {
  const users: WireUser[] = []
  for (let offset = 0; ; offset += CHUNK) {
    if (offset >= USERS_UNPAGED_MAX) {
      throw new FirmaError(
        'bad_request',
        `this environment has more than ${USERS_UNPAGED_MAX} users; read them in pages, starting with ?page=0`,
      )
    }
    const chunk = await store.connections.list(environment.id, { limit: CHUNK, offset })
    users.push(...chunk.map(toWire))
    if (chunk.length < CHUNK) return users
  }
}

/** A connection's user as the API shows it. */
export function toWire({ state }: Connection): WireUser {
  return toWireUser(state.user, state.status === 'active')
}

function toInfo(user: User, isActive: boolean): WireUserInfo {
  return {
    ...toWireUser(user, isActive),
    last_polled_at: null,
    most_recent_data_at: toTimestampOrNull(user.lastWebhookUpdateMs),
  }
}
