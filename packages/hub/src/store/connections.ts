import { sql } from 'kysely'
import { type ProviderAccount, environmentsWithApp } from './account-locks.ts'
import { type Connection, toConnection, toRow } from './connection-row.ts'
import {
  ADD_ALIAS,
  ADD_REFERENCE,
  FIND,
  FIND_BY_MATCH_KEY,
  FIND_FOR_UPDATE,
  LIST_BY_ALIAS_FOR_UPDATE,
  SAVE,
  SAVE_ACTIVITY,
  SET_TOKEN_VERSION,
  selectConnections,
  selectForUpdate,
} from './connection-statements.ts'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'
import { first } from './statement.ts'

export type { Connection, StoredState } from './connection-row.ts'

/** `degraded` ones are active, too, but their provider refuses our calls. */
export type ConnectionFilterState = 'active' | 'degraded' | 'inactive' | 'deleted'

/** Which connections; what is undefined takes all. */
export interface ConnectionFilter {
  /** Any `user_id` that the connection has or had. */
  readonly userId?: string | undefined
  readonly referenceId?: string | undefined
  readonly provider?: string | undefined
  readonly state?: ConnectionFilterState | undefined
  /** When the present user was made: from here on. */
  readonly createdSinceMs?: number | undefined
  /** Before here. */
  readonly createdUntilMs?: number | undefined
  /** Deleted ones too, where no state is asked for. */
  readonly withDeleted?: boolean | undefined
}

export class ConnectionTable {
  readonly #context: TableContext
  readonly #db: Db

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
  }

  async find(lineageId: string): Promise<Connection | undefined> {
    const row = await first(FIND(this.#context, { lineageId }))
    return row === undefined ? undefined : toConnection(row)
  }

  /** In the order of their lineages. */
  async listByLineage(lineageIds: readonly string[]): Promise<Connection[]> {
    if (lineageIds.length === 0) return []
    const rows = await selectConnections(this.#db)
      .where('lineage_id', 'in', lineageIds)
      .orderBy('lineage_id')
      .execute()
    return rows.map(toConnection)
  }

  /**
   * Locks the lineage until the transaction ends. Whoever announces something of a lineage has it locked,
   * so that its deliveries are numbered in the order of their commits.
   */
  async findForUpdate(lineageId: string): Promise<Connection | undefined> {
    const row = await first(FIND_FOR_UPDATE(this.#context, { lineageId }))
    return row === undefined ? undefined : toConnection(row)
  }

  /** Locks the lineage, as {@link findForUpdate}. */
  async findByMatchKeyForUpdate(
    environmentId: string,
    key: string,
  ): Promise<Connection | undefined> {
    const row = await first(FIND_BY_MATCH_KEY(this.#context, { environmentId, key }))
    return row === undefined ? undefined : toConnection(row)
  }

  /** By any `user_id` that the lineage has or had. */
  async findByAlias(environmentId: string, userId: string): Promise<Connection | undefined> {
    const row = await selectConnections(this.#db)
      .innerJoin('user_alias', 'user_alias.lineage_id', 'connection.lineage_id')
      .where('user_alias.user_id', '=', userId)
      .where('connection.environment_id', '=', environmentId)
      .executeTakeFirst()
    return row === undefined ? undefined : toConnection(row)
  }

  /** Locks the lineage, as {@link findForUpdate}. */
  async findByAliasForUpdate(
    environmentId: string,
    userId: string,
  ): Promise<Connection | undefined> {
    // In two steps: a lineage never changes its aliases' owner, and its row is read once it is locked.
    const found = await this.findByAlias(environmentId, userId)
    return found === undefined ? undefined : await this.findForUpdate(found.lineageId)
  }

  /**
   * The connections of many aliases, by environment and alias with a line feed between them; locked, in one
   * order for everybody, so that no two wait for each other.
   */
  async listByAliasForUpdate(
    aliases: readonly { readonly environmentId: string; readonly userId: string }[],
  ): Promise<Map<string, Connection>> {
    const keys = [...new Set(aliases.map((one) => `${one.environmentId}\n${one.userId}`))]
    const rows = await LIST_BY_ALIAS_FOR_UPDATE(
      this.#context,
      keys.map((key) => key.split('\n')),
    )
    return new Map(
      rows.rows.map((row) => [`${row.environment_id}\n${row.alias}`, toConnection(row)]),
    )
  }

  /** Something was announced about these lineages. @param lastWebhookUpdateMs Null leaves it as it is. */
  async saveActivity(
    rows: readonly {
      readonly lineageId: string
      readonly lastOrderingMs: number
      readonly lastWebhookUpdateMs: number | null
      readonly atMs: number
    }[],
  ): Promise<void> {
    if (rows.length === 0) return
    const values = rows.map((one) => [
      one.lineageId,
      one.lastOrderingMs,
      one.lastWebhookUpdateMs,
      one.atMs,
    ])
    await SAVE_ACTIVITY(this.#context, values)
  }

  /** Active connections of an account at a provider, in the order of their lineages. */
  async listActiveByAccount(
    environmentId: string,
    account: { provider: string; providerAccountId: string },
    page: {
      readonly limit: number
      /** The lineage that the page before ended with. */
      readonly after?: string | undefined
    },
  ): Promise<Connection[]> {
    const { limit, after } = page
    const rows = await selectConnections(this.#db)
      .where('environment_id', '=', environmentId)
      .where('provider', '=', account.provider)
      .where('provider_account_id', '=', account.providerAccountId)
      // As in `hasActive`.
      .where(sql<string>`status || ''`, '=', 'active')
      .$if(after !== undefined, (query) => query.where('lineage_id', '>', after ?? ''))
      .orderBy('lineage_id')
      .limit(limit)
      .execute()
    return rows.map(toConnection)
  }

  /**
   * Active connections of an account whose end user is another one; locked, in one order for everybody.
   *
   * @param match The connection that this end user would continue is not among them, whoever has it.
   */
  async listOfOthersForUpdate(
    account: ProviderAccount,
    match: { readonly referenceId: string | null; readonly matchKey: string },
    limit: number,
  ): Promise<Connection[]> {
    const { referenceId } = match
    const rows = await selectForUpdate(this.#context)
      .where('environment_id', '=', account.environmentId)
      .where('provider', '=', account.provider)
      .where('provider_account_id', '=', account.providerAccountId)
      // As in `hasActive`.
      .where(sql<string>`status || ''`, '=', 'active')
      .where('match_key', '!=', match.matchKey)
      .where(({ eb, or }) =>
        referenceId === null
          ? eb('reference_id', 'is not', null)
          : or([eb('reference_id', 'is', null), eb('reference_id', '!=', referenceId)]),
      )
      .orderBy('lineage_id')
      .limit(limit)
      .execute()
    return rows.map(toConnection)
  }

  /** Whether anybody is connected through this account, in any environment with the same app. */
  async hasActive(
    environmentId: string,
    account: { provider: string; providerAccountId: string },
  ): Promise<boolean> {
    const { provider, providerAccountId } = account
    const row = await this.#db
      .selectFrom('connection')
      .select('lineage_id')
      .where('environment_id', 'in', environmentsWithApp(environmentId, provider))
      .where('provider', '=', provider)
      .where('provider_account_id', '=', providerAccountId)
      // An expression, so that no index by state is taken for this: an account has a few connections, a state all.
      .where(sql<string>`status || ''`, '=', 'active')
      .executeTakeFirst()
    return row !== undefined
  }

  /** The tokens were refreshed: verdicts on older ones no longer count. */
  async setTokenVersion(lineageId: string, version: number): Promise<void> {
    await SET_TOKEN_VERSION(this.#context, { lineageId, version })
  }

  /** Users of a person that are not deleted, oldest first. */
  async listByReference(
    environmentId: string,
    referenceId: string,
    limit: number,
  ): Promise<Connection[]> {
    const rows = await selectConnections(this.#db)
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId)
      .where('status', '!=', 'deleted')
      .orderBy('user_created_at_ms')
      .orderBy('lineage_id')
      .limit(limit)
      .execute()
    return rows.map(toConnection)
  }

  /** Those that are not deleted, of connections with these present users. */
  async listByUser(environmentId: string, userIds: readonly string[]): Promise<Connection[]> {
    if (userIds.length === 0) return []
    const rows = await selectConnections(this.#db)
      .where('environment_id', '=', environmentId)
      .where('user_id', 'in', userIds)
      .where('status', '!=', 'deleted')
      .execute()
    return rows.map(toConnection)
  }

  /** How many connections a filter names. */
  async countBy(environmentId: string, filter: ConnectionFilter): Promise<number> {
    const row = await this.#filter(environmentId, filter)
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    return row.count
  }

  /** Connections that a filter names, in the order in which their lineages began. */
  async listBy(
    environmentId: string,
    filter: ConnectionFilter,
    page: {
      readonly limit: number
      /** The lineage that the page before ended with. */
      readonly after?: string | undefined
      readonly isNewestFirst?: boolean
    },
  ): Promise<Connection[]> {
    const { limit, after, isNewestFirst = false } = page
    const rows = await this.#filter(environmentId, filter)
      .selectAll('connection')
      .$if(after !== undefined, (query) =>
        query.where('lineage_id', isNewestFirst ? '<' : '>', after ?? ''),
      )
      .orderBy('lineage_id', isNewestFirst ? 'desc' : 'asc')
      .limit(limit)
      .execute()
    return rows.map(toConnection)
  }

  /** How many connections there are, by provider and status; degraded ones apart. */
  async countByState(
    environmentId: string,
  ): Promise<{ provider: string; state: ConnectionFilterState; count: number }[]> {
    const rows = await this.#db
      .selectFrom('connection')
      .select((select) => [
        'provider',
        'status',
        sql<number>`CASE WHEN degraded_at_ms IS NULL THEN 0 ELSE 1 END`.as('degraded'),
        select.fn.countAll<number>().as('count'),
      ])
      .where('environment_id', '=', environmentId)
      .groupBy(['provider', 'status', sql`CASE WHEN degraded_at_ms IS NULL THEN 0 ELSE 1 END`])
      .orderBy('provider')
      .execute()
    return rows.map(({ provider, status, degraded, count }) => ({
      provider,
      state: status === 'active' && degraded === 1 ? 'degraded' : status,
      count,
    }))
  }

  #filter(environmentId: string, filter: ConnectionFilter) {
    let query = this.#db.selectFrom('connection').where('environment_id', '=', environmentId)
    const { userId, referenceId, provider, state, createdSinceMs, createdUntilMs } = filter
    if (userId !== undefined) {
      const lineages = this.#db
        .selectFrom('user_alias')
        .select('lineage_id')
        .where('user_id', '=', userId)
      query = query.where('lineage_id', 'in', lineages)
    }
    if (referenceId !== undefined) query = query.where('reference_id', '=', referenceId)
    if (provider !== undefined) query = query.where('provider', '=', provider)
    if (state === 'degraded') query = query.where('degraded_at_ms', 'is not', null)
    else if (state !== undefined) query = query.where('status', '=', state)
    if (state === 'active') query = query.where('degraded_at_ms', 'is', null)
    if (state === undefined && filter.withDeleted !== true) {
      query = query.where('status', '!=', 'deleted')
    }
    if (createdSinceMs !== undefined)
      query = query.where('user_created_at_ms', '>=', createdSinceMs)
    if (createdUntilMs !== undefined) query = query.where('user_created_at_ms', '<', createdUntilMs)
    return query
  }

  /** A page of the users list: users that are not deleted, in the order of their `user_id`. */
  async list(
    environmentId: string,
    page: { limit: number; offset: number },
  ): Promise<Connection[]> {
    const rows = await selectConnections(this.#db)
      .where('environment_id', '=', environmentId)
      .where('status', '!=', 'deleted')
      .orderBy('user_id')
      .limit(page.limit)
      .offset(page.offset)
      .execute()
    return rows.map(toConnection)
  }

  /** Adds the lineage or saves its new state, and records its `user_id` and its `reference_id` for ever. */
  async save(connection: Connection, atMs: number): Promise<void> {
    const row = toRow(connection, atMs)
    await SAVE(this.#context, row)
    await ADD_ALIAS(this.#context, row)
    const { reference_id } = row
    if (reference_id !== null) await ADD_REFERENCE(this.#context, { ...row, reference_id })
  }

  /** All `user_id`s of a lineage with their beginning, oldest first. */
  async listAliasTimes(
    lineageId: string,
    limit: number,
  ): Promise<{ userId: string; createdAtMs: number }[]> {
    const rows = await this.#db
      .selectFrom('user_alias')
      .select(['user_id', 'created_at_ms'])
      .where('lineage_id', '=', lineageId)
      .orderBy('created_at_ms')
      .orderBy('user_id')
      .limit(limit)
      .execute()
    return rows.map((row) => ({ userId: row.user_id, createdAtMs: row.created_at_ms }))
  }
}
