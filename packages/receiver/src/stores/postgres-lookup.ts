import type { AliasEdge } from '../core/facts.ts'
import type { GroupFilter, GroupMember, StoredUser } from '../store.ts'
import { queryOften, type PostgresClient } from './postgres-pool.ts'
import { toKey } from './postgres-rows.ts'
import { ENVIRONMENTS_MAX, PostgresTransaction } from './postgres-transaction.ts'
import { findText, readText, toStoredUser, type Row } from './rows.ts'

/** Something was asked that a {@link PostgresLookup} has not read. */
export class UnforeseenReadError extends Error {
  override readonly name = 'UnforeseenReadError'
}

/** What a lookup has instead of a connection: to ask more would be to ask another state of the database. */
const UNCONNECTED: PostgresClient = {
  query: () => Promise.reject(new UnforeseenReadError('this was not read in advance')),
  release: () => undefined,
}

const nameOf = (...parts: readonly string[]): string => JSON.stringify(parts)

/**
 * Everything that is asked to find one user's connection, read by one statement, which sees one state of everything without a transaction: one
 * round trip instead of six. Where a re-authentication without an old user searches further, it rejects with {@link UnforeseenReadError}.
 */
export class PostgresLookup extends PostgresTransaction {
  readonly #userId: string
  readonly #components = new Map<string, StoredUser[]>()
  readonly #users = new Map<string, StoredUser>()
  readonly #edges = new Map<string, AliasEdge[]>()
  readonly #environments = new Set<string>()
  /** Groups of provider and reference_id that were looked at, and whether somebody searches in them. */
  readonly #searched = new Map<string, boolean>()

  private constructor(prefix: string, userId: string) {
    super(UNCONNECTED, prefix)
    this.#userId = userId
  }

  /** Reads what there is about a user, in any environment. */
  static async load(
    client: PostgresClient,
    prefix: string,
    userId: string,
  ): Promise<PostgresLookup> {
    const lookup = new PostgresLookup(prefix, userId)
    const users = `${prefix}users`
    const { rows } = await queryOften(
      client,
      `WITH start AS (
         SELECT environment, component_id FROM ${users} WHERE user_id = $1 ORDER BY environment LIMIT ${ENVIRONMENTS_MAX}
       ), members AS (
         SELECT u.* FROM start s JOIN ${users} u ON u.component_id = s.component_id AND u.environment = s.environment
       )
       SELECT 'user' AS kind, m.environment, component_id, provider AS a, reference_id AS b, record, EXISTS (
           SELECT 1 FROM ${users} o WHERE o.reference_id = m.reference_id AND o.provider = m.provider
             AND o.environment = m.environment AND o.is_orphan = 1)::int AS is_searched
         FROM members m
       UNION ALL SELECT 'edge', m.environment, component_id, old_user_id, new_user_id, NULL, 0
         FROM members m JOIN ${prefix}aliases l ON l.old_user_id = m.user_id AND l.environment = m.environment`,
      [toKey(userId)],
    )
    const idByKey = new Map<string, string>()
    for (const row of rows) if (row['kind'] === 'user') lookup.#addUser(row, idByKey)
    for (const row of rows) if (row['kind'] === 'edge') lookup.#addEdge(row, idByKey)
    return lookup
  }

  #addUser(row: Row, idByKey: Map<string, string>): void {
    const environment = readText(row, 'environment')
    const user = toStoredUser(row)
    const { userId } = user.record
    const component = nameOf(environment, user.componentId)
    this.#environments.add(environment)
    this.#users.set(nameOf(environment, userId), user)
    const [members, isFirst] = [
      this.#components.get(component) ?? [],
      !this.#components.has(component),
    ]
    members.push(user)
    if (isFirst) this.#components.set(component, members)
    idByKey.set(nameOf(environment, toKey(userId)), userId)
    const [provider, referenceId] = [findText(row, 'a'), findText(row, 'b')]
    if (provider === undefined || referenceId === undefined) return
    this.#searched.set(nameOf(environment, provider, referenceId), row['is_searched'] === 1)
  }

  #addEdge(row: Row, idByKey: ReadonlyMap<string, string>): void {
    const environment = readText(row, 'environment')
    // Both ends are users of the component, which have the whole names.
    const oldUserId = idByKey.get(nameOf(environment, readText(row, 'a')))
    const newUserId = idByKey.get(nameOf(environment, readText(row, 'b')))
    if (oldUserId === undefined || newUserId === undefined) return
    const component = nameOf(environment, readText(row, 'component_id'))
    const edges = this.#edges.get(component) ?? []
    edges.push({ oldUserId, newUserId })
    this.#edges.set(component, edges)
  }

  override async findUser(environment: string, userId: string): Promise<StoredUser | undefined> {
    const user = this.#users.get(nameOf(environment, userId))
    return user !== undefined || userId === this.#userId
      ? user
      : super.findUser(environment, userId)
  }

  override async listEnvironments(userId: string): Promise<string[]> {
    return userId === this.#userId ? [...this.#environments].sort() : super.listEnvironments(userId)
  }

  override async listComponent(environment: string, componentId: string): Promise<StoredUser[]> {
    return (
      this.#components.get(nameOf(environment, toKey(componentId))) ??
      super.listComponent(environment, componentId)
    )
  }

  override async listEdges(environment: string, componentId: string): Promise<AliasEdge[]> {
    const component = nameOf(environment, toKey(componentId))
    if (!this.#components.has(component)) return super.listEdges(environment, componentId)
    return this.#edges.get(component) ?? []
  }

  override async listGroup(filter: GroupFilter): Promise<GroupMember[]> {
    const { environment = '', provider = '', referenceId } = filter
    const group = nameOf(environment, toKey(provider), toKey(referenceId))
    const isEmpty = filter.isOrphan === true && this.#searched.get(group) === false
    return isEmpty ? [] : super.listGroup(filter)
  }
}
