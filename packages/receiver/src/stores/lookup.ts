import type { AliasEdge } from '../core/facts.ts'
import type { StoredUser, StoreTransaction } from '../store.ts'
import { findText, readNumber, readText, toStoredUser, type Row } from './rows.ts'

/** Most environments that are told of for one `user_id`. */
export const ENVIRONMENTS_MAX = 16

/** Something was asked that a lookup has not read. */
class UnforeseenReadError extends Error {
  override readonly name = 'UnforeseenReadError'
}

/** How a database says what {@link toLookupSql} needs. */
export interface LookupDialect {
  /** Stands for the `user_id`. */
  readonly parameter: string
  /** Aggregate function that makes a JSON text of an array. */
  readonly toJsonArray: (expression: string) => string
}

/**
 * Everything that is asked to find one user's connection, as one statement, which sees one state of everything without a transaction: a row for
 * each user of its component, with its successors, and whether anybody searches among users of its names.
 */
export function toLookupSql(prefix: string, { parameter, toJsonArray }: LookupDialect): string {
  const users = `${prefix}users`
  // Planners that know nothing of a young table are shown where to begin: LIMIT tells one, CROSS JOIN the other.
  return `SELECT m.environment AS environment, m.component_id AS component_id, m.provider AS provider, m.reference_id AS reference_id,
      m.user_id AS user_key, m.record AS record,
      (SELECT ${toJsonArray('l.new_user_id')} FROM ${prefix}aliases l
        WHERE l.old_user_id = m.user_id AND l.environment = m.environment) AS successors,
      CASE WHEN EXISTS (SELECT 1 FROM ${users} o WHERE o.reference_id = m.reference_id AND o.provider = m.provider
        AND o.environment = m.environment AND o.is_orphan = 1) THEN 1 ELSE 0 END AS is_searched
    FROM (SELECT environment, component_id FROM ${users} WHERE user_id = ${parameter} ORDER BY environment LIMIT ${ENVIRONMENTS_MAX}) s
      CROSS JOIN ${users} m WHERE m.component_id = s.component_id AND m.environment = s.environment`
}

/**
 * Runs `fn` on what {@link toLookupSql} has read; `undefined` when it asks for more, where a re-authentication without an old user searches further.
 *
 * @param toKey Under which name an identifier is stored.
 */
export async function runLookup<T>(
  rows: readonly Row[],
  { userId, toKey }: { userId: string; toKey: (id: string) => string },
  fn: (tx: StoreTransaction) => Promise<T>,
): Promise<{ value: T } | undefined> {
  try {
    return { value: await fn(createLookup(new LookupRows(rows, toKey), userId, toKey)) }
  } catch (error) {
    if (error instanceof UnforeseenReadError) return undefined
    throw error
  }
}

/** One name for several parts; those of different lengths cannot be mixed up. */
const nameOf = (environment: string, name: string): string =>
  `${environment.length}:${environment}${name}`
const groupOf = (environment: string, provider: string, referenceId: string): string =>
  nameOf(environment, nameOf(provider, referenceId))

/** The rows of {@link toLookupSql}, sorted. */
class LookupRows {
  readonly components = new Map<string, StoredUser[]>()
  readonly users = new Map<string, StoredUser>()
  readonly edges = new Map<string, AliasEdge[]>()
  readonly environments = new Set<string>()
  /** Groups of provider and reference_id that were looked at, and whether somebody searches in them. */
  readonly searched = new Map<string, boolean>()

  constructor(rows: readonly Row[], toKey: (id: string) => string) {
    for (const row of rows) this.#addUser(row)
    // Both ends are users of the component, whose records have the whole names.
    const idByKey = new Map<string, string>()
    for (const { record } of this.users.values()) idByKey.set(toKey(record.userId), record.userId)
    for (const row of rows) this.#addEdges(row, idByKey)
  }

  #addUser(row: Row): void {
    const environment = readText(row, 'environment')
    const user = toStoredUser(row)
    const component = nameOf(environment, user.componentId)
    this.environments.add(environment)
    this.users.set(nameOf(environment, user.record.userId), user)
    const members = this.components.get(component)
    if (members === undefined) this.components.set(component, [user])
    else members.push(user)
    const [provider, referenceId] = [findText(row, 'provider'), findText(row, 'reference_id')]
    if (provider === undefined || referenceId === undefined) return
    const group = groupOf(environment, provider, referenceId)
    this.searched.set(group, readNumber(row, 'is_searched') === 1)
  }

  #addEdges(row: Row, idByKey: ReadonlyMap<string, string>): void {
    const successors: string[] | null = JSON.parse(findText(row, 'successors') ?? 'null')
    const oldUserId = idByKey.get(readText(row, 'user_key'))
    if (successors === null || oldUserId === undefined) return
    const component = nameOf(readText(row, 'environment'), readText(row, 'component_id'))
    const edges = this.edges.get(component) ?? []
    for (const key of successors) {
      const newUserId = idByKey.get(key)
      if (newUserId !== undefined) edges.push({ oldUserId, newUserId })
    }
    this.edges.set(component, edges)
  }
}

type LookupReads = Pick<
  StoreTransaction,
  'findUser' | 'listEnvironments' | 'listComponent' | 'listEdges' | 'listGroup'
>

/** A transaction that answers from rows, and rejects with {@link UnforeseenReadError} what they do not answer. */
function createLookup(
  rows: LookupRows,
  userId: string,
  toKey: (id: string) => string,
): StoreTransaction {
  const refuse = (): Promise<never> => Promise.reject(new UnforeseenReadError())
  const reads: LookupReads = {
    async findUser(environment, id) {
      const user = rows.users.get(nameOf(environment, id))
      // Where there are more environments than were read, it may be in another one.
      const isAll = id === userId && rows.environments.size < ENVIRONMENTS_MAX
      return user !== undefined || isAll ? user : refuse()
    },
    async listEnvironments(id) {
      return id === userId ? [...rows.environments].sort() : refuse()
    },
    async listComponent(environment, componentId) {
      return rows.components.get(nameOf(environment, toKey(componentId))) ?? refuse()
    },
    async listEdges(environment, componentId) {
      const component = nameOf(environment, toKey(componentId))
      return rows.components.has(component) ? (rows.edges.get(component) ?? []) : refuse()
    },
    async listGroup({ environment = '', provider = '', referenceId, isOrphan }) {
      const group = groupOf(environment, toKey(provider), toKey(referenceId))
      return isOrphan === true && rows.searched.get(group) === false ? [] : refuse()
    },
  }
  // To ask anything else would be to ask another state of the database.
  return new Proxy(reads as StoreTransaction, {
    get: (target, name) => Reflect.get(target, name) ?? refuse,
  })
}
