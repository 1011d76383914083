import { type Selectable, sql } from 'kysely'
import type { Engine, TableContext } from './context.ts'
import { claimsOf } from './context.ts'
import type { Db, Schema } from './schema.ts'

/** What is to be done about an account. */
export type ProviderTaskType = 'access_revoked' | 'scopes_changed' | 'unreadable' | 'subscribe'

/** How a task ended. `unfounded`: the provider does not confirm it, or it concerns nobody any more. */
export type ProviderTaskEnd = 'done' | 'unfounded' | 'failed'

/** What a task brings along; by type. */
export interface TaskPayload {
  /** Of a notice: whether the provider has signed it. */
  readonly isAuthenticated?: boolean
  /** Of `scopes_changed`: the scopes that the notice names. */
  readonly scopes?: readonly string[]
  /** Of `unreadable`: the beginning of what was received. */
  readonly body?: string
}

/** One thing to do about an account at a provider. */
export interface ProviderTask {
  readonly id: string
  readonly environmentId: string
  readonly provider: string
  /** Null where the notice could not be read. */
  readonly providerAccountId: string | null
  readonly type: ProviderTaskType
  readonly payload: TaskPayload
  readonly status: 'pending' | ProviderTaskEnd
  readonly attempts: number
  readonly detail: string | null
  readonly createdAtMs: number
  readonly endedAtMs: number | null
  /** Whose it is to carry out at present; null when nobody's. */
  readonly claimId: string | null
}

/** Whose tasks are due. */
export interface DueProvider {
  readonly environmentId: string
  readonly provider: string
}

/** What is known of a task when it is added. */
export type NewProviderTask = Omit<
  ProviderTask,
  'attempts' | 'status' | 'detail' | 'endedAtMs' | 'claimId'
>

/** Tasks of one type that can wait for one account: each says something else than the one before. */
const WAITING_MAX = 1_000

/** An erased connection has no account. */
const ACCOUNT_IF_KNOWN = sql<string | null>`CASE
  WHEN EXISTS (SELECT 1 FROM connection WHERE connection.environment_id = provider_task.environment_id
    AND connection.provider = provider_task.provider
    AND connection.provider_account_id = provider_task.provider_account_id) THEN provider_account_id
  ELSE NULL END`

export class ProviderTaskTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  /**
   * Adds a task. Providers repeat themselves: where the newest one that waits says the same, it is as new as this one from now on,
   * because what the provider has given in between says nothing about what it tells now.
   */
  async add(task: NewProviderTask): Promise<void> {
    const payload = JSON.stringify(task.payload)
    const { environmentId, provider, providerAccountId, type } = task
    if (providerAccountId !== null && (await this.#hasRenewed(task, payload))) return
    const isUnreadable = type === 'unreadable'
    await this.#db
      .insertInto('provider_task')
      .values({
        id: task.id,
        environment_id: environmentId,
        provider,
        provider_account_id: providerAccountId,
        type,
        payload,
        status: isUnreadable ? 'failed' : 'pending',
        attempts: 0,
        due_at_ms: task.createdAtMs,
        claim_id: null,
        claim_until_ms: null,
        last_detail: isUnreadable ? 'this notice could not be read' : null,
        created_at_ms: task.createdAtMs,
        ended_at_ms: isUnreadable ? task.createdAtMs : null,
      })
      .execute()
  }

  async #hasRenewed(task: NewProviderTask, payload: string): Promise<boolean> {
    const all = await this.#db
      .selectFrom('provider_task')
      .select(['id', 'payload'])
      .where('environment_id', '=', task.environmentId)
      .where('provider', '=', task.provider)
      .where('provider_account_id', '=', task.providerAccountId)
      .where('type', '=', task.type)
      .where('status', '=', sql.lit('pending'))
      .where('claim_id', 'is', null)
      .limit(WAITING_MAX)
      .execute()
    // Sorted here: an order would lead through the history of the environment, not through the few that wait.
    const waiting = all.toSorted((left, right) => (left.id < right.id ? 1 : -1))[0]
    if (waiting?.payload !== payload) return false
    const renewed = await this.#db
      .updateTable('provider_task')
      .set({ created_at_ms: task.createdAtMs })
      .where('id', '=', waiting.id)
      .where('status', '=', sql.lit('pending'))
      .where('claim_id', 'is', null)
      .executeTakeFirst()
    // Else it was claimed meanwhile, and whoever has it may have asked before this was true.
    return renewed.numUpdatedRows === 1n
  }

  /** Providers that something is to be done at, the one that has waited longest first. */
  async listDueProviders(nowMs: number, limit: number): Promise<DueProvider[]> {
    return await this.#due(nowMs)
      .select(['environment_id as environmentId', 'provider'])
      .groupBy(['environment_id', 'provider'])
      .orderBy(({ fn }) => fn.min('due_at_ms'))
      .limit(limit)
      .execute()
  }

  /** Claims tasks at one provider. */
  async claimDue(
    claim: DueProvider & {
      readonly id: string
      readonly nowMs: number
      readonly untilMs: number
      readonly limit: number
    },
  ): Promise<ProviderTask[]> {
    const due = this.#due(claim.nowMs)
      .select('id')
      .where('environment_id', '=', claim.environmentId)
      .where('provider', '=', claim.provider)
      .orderBy('due_at_ms')
      .limit(claim.limit)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate().skipLocked())
    const rows = await this.#db
      .with('due', () => due)
      .updateTable('provider_task')
      .set({ claim_id: claim.id, claim_until_ms: claim.untilMs })
      .where('id', 'in', ({ selectFrom }) => selectFrom('due').select('due.id'))
      .returningAll()
      .execute()
    // In the order in which they came: an older notice must not overtake a newer one.
    return rows.map(toTask).toSorted((left, right) => (left.id < right.id ? -1 : 1))
  }

  #due(nowMs: number) {
    return this.#db
      .selectFrom('provider_task')
      .where('status', '=', sql.lit('pending'))
      .where('due_at_ms', '<=', nowMs)
      .where(({ eb, or }) =>
        or([eb('claim_until_ms', 'is', null), eb('claim_until_ms', '<=', nowMs)]),
      )
  }

  /**
   * Ends a claimed task, and forgets an account that nobody has here, or has any more. Nothing happens when somebody else has
   * claimed it since.
   */
  async end(
    task: Pick<ProviderTask, 'id' | 'claimId'>,
    end: { status: ProviderTaskEnd; detail: string | null; attempts: number; atMs: number },
  ): Promise<void> {
    await this.#db
      .updateTable('provider_task')
      .set({
        provider_account_id: ACCOUNT_IF_KNOWN,
        status: end.status,
        attempts: end.attempts,
        last_detail: end.detail,
        ended_at_ms: end.atMs,
        claim_id: null,
        claim_until_ms: null,
      })
      .where('id', '=', task.id)
      .where('claim_id', '=', task.claimId)
      .execute()
  }

  /** Puts a claimed task off; nothing happens when somebody else has claimed it since. */
  async postpone(
    task: Pick<ProviderTask, 'id' | 'claimId'>,
    next: { detail: string; attempts: number; dueAtMs: number },
  ): Promise<void> {
    await this.#db
      .updateTable('provider_task')
      .set({
        attempts: next.attempts,
        last_detail: next.detail,
        due_at_ms: next.dueAtMs,
        claim_id: null,
        claim_until_ms: null,
      })
      .where('id', '=', task.id)
      .where('claim_id', '=', task.claimId)
      .execute()
  }

  /** When the next task is due, or a claim ends; undefined when nothing waits. */
  async nextDueAtMs(): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('provider_task')
      .select(
        sql<
          number | null
        >`min(CASE WHEN claim_until_ms > due_at_ms THEN claim_until_ms ELSE due_at_ms END)`.as(
          'at_ms',
        ),
      )
      .where('status', '=', sql.lit('pending'))
      .executeTakeFirst()
    return row?.at_ms ?? undefined
  }

  /** When the task that is kept the longest ended. */
  async oldestEndAtMs(): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('provider_task')
      .select(({ fn }) => fn.min('ended_at_ms').as('at_ms'))
      .where('ended_at_ms', 'is not', null)
      .executeTakeFirst()
    return row?.at_ms ?? undefined
  }

  /** Newest first. */
  async list(
    environmentId: string,
    page: { limit: number; before?: string | undefined },
  ): Promise<ProviderTask[]> {
    const { before } = page
    const rows = await this.#db
      .selectFrom('provider_task')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
      .orderBy('id', 'desc')
      .limit(page.limit)
      .execute()
    return rows.map(toTask)
  }

  /** Forgets what ended long ago. */
  async dropEndedBefore(atMs: number, limit: number): Promise<void> {
    const old = this.#db
      .selectFrom('provider_task')
      .select('id')
      .where('ended_at_ms', '<', atMs)
      .limit(limit)
    await this.#db.deleteFrom('provider_task').where('id', 'in', old).execute()
  }

  /** A process is gone: what it was doing is free. */
  async freeClaimsOf(processId: string): Promise<void> {
    const { from, to } = claimsOf(processId)
    await this.#db
      .updateTable('provider_task')
      .set({ claim_id: null, claim_until_ms: null })
      .where('claim_id', '>=', from)
      .where('claim_id', '<', to)
      .execute()
  }
}

function toTask(row: Selectable<Schema['provider_task']>): ProviderTask {
  return {
    id: row.id,
    environmentId: row.environment_id,
    provider: row.provider,
    providerAccountId: row.provider_account_id,
    type: row.type,
    payload: JSON.parse(row.payload) as TaskPayload,
    status: row.status,
    attempts: row.attempts,
    detail: row.last_detail,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
    claimId: row.claim_id,
  }
}
