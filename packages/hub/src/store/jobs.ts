import type { Selectable } from 'kysely'
import type { ConnectionFilter } from './connections.ts'
import { type Engine, type TableContext, claimsOf } from './context.ts'
import type { Db, Schema } from './schema.ts'

/** Long work that an operator asked for. */
export interface Job {
  readonly id: string
  readonly environmentId: string
  readonly kind: 'disconnect_users'
  /** Which connections. */
  readonly filter: ConnectionFilter
  readonly actor: string
  readonly status: 'running' | 'done'
  /** What there was to do when it was asked for. */
  readonly total: number
  readonly done: number
  readonly failed: number
  /** The last connection that was looked at; empty before the first. */
  readonly cursor: string
  readonly createdAtMs: number
  readonly endedAtMs: number | null
}

export class JobTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  async add(job: Job): Promise<void> {
    await this.#db
      .insertInto('job')
      .values({
        id: job.id,
        environment_id: job.environmentId,
        kind: job.kind,
        input: JSON.stringify(job.filter),
        actor: job.actor,
        status: job.status,
        total: job.total,
        done: job.done,
        failed: job.failed,
        cursor: job.cursor,
        created_at_ms: job.createdAtMs,
        ended_at_ms: job.endedAtMs,
      })
      .execute()
  }

  async find(environmentId: string, id: string): Promise<Job | undefined> {
    const row = await this.#db
      .selectFrom('job')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : toJob(row)
  }

  /** Claims the oldest job that waits for a process. */
  async claimNext(claim: {
    readonly id: string
    readonly nowMs: number
    readonly untilMs: number
  }): Promise<Job | undefined> {
    const free = this.#db
      .selectFrom('job')
      .select('id')
      .where('status', '=', 'running')
      .where((where) =>
        where.or([where('claim_until_ms', 'is', null), where('claim_until_ms', '<=', claim.nowMs)]),
      )
      .orderBy('id')
      .limit(1)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate().skipLocked())
    const row = await this.#db
      .updateTable('job')
      .set({ claim_id: claim.id, claim_until_ms: claim.untilMs })
      .where('id', 'in', free)
      .returningAll()
      .executeTakeFirst()
    return row === undefined ? undefined : toJob(row)
  }

  /**
   * Saves how far a job has come.
   *
   * @returns False when another process has it by now.
   */
  async advance(
    job: Job,
    claim: { readonly id: string; readonly untilMs: number },
  ): Promise<boolean> {
    const isDone = job.status === 'done'
    const result = await this.#db
      .updateTable('job')
      .set({
        status: job.status,
        done: job.done,
        failed: job.failed,
        cursor: job.cursor,
        ended_at_ms: job.endedAtMs,
        claim_id: isDone ? null : claim.id,
        claim_until_ms: isDone ? null : claim.untilMs,
      })
      .where('id', '=', job.id)
      .where('claim_id', '=', claim.id)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /** Lets go of what a process has claimed: it is dead, or about to end. */
  async freeClaimsOf(processId: string): Promise<void> {
    const claims = claimsOf(processId)
    await this.#db
      .updateTable('job')
      .set({ claim_id: null, claim_until_ms: null })
      .where('status', '=', 'running')
      .where('claim_id', '>=', claims.from)
      .where('claim_id', '<', claims.to)
      .execute()
  }

  /** When the next job can be taken; undefined when none is running. */
  async nextDueMs(): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('job')
      .select('claim_until_ms')
      .where('status', '=', 'running')
      .orderBy('claim_until_ms')
      .limit(1)
      .executeTakeFirst()
    return row === undefined ? undefined : (row.claim_until_ms ?? 0)
  }
}

function toJob(row: Selectable<Schema['job']>): Job {
  return {
    id: row.id,
    environmentId: row.environment_id,
    kind: row.kind,
    filter: JSON.parse(row.input) as ConnectionFilter,
    actor: row.actor,
    status: row.status,
    total: row.total,
    done: row.done,
    failed: row.failed,
    cursor: row.cursor,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
  }
}
