import { type Selectable, sql } from 'kysely'
import type { MoveKind } from '../core/provider-move.ts'
import type { Engine, TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'

/** People on their way from a provider to its successor. */
export interface ProviderMove {
  readonly id: string
  readonly environmentId: string
  readonly from: string
  readonly to: string
  readonly kind: MoveKind
  readonly status: 'running' | 'paused' | 'ended'
  /** Exchanges begun in a minute, over all processes. */
  readonly perMinute: number
  /** When the next exchange may begin. */
  readonly nextAtMs: number
  readonly actor: string
  readonly createdAtMs: number
  readonly endedAtMs: number | null
}

export class ProviderMoveTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  async add(move: ProviderMove): Promise<void> {
    await this.#db
      .insertInto('provider_move')
      .values({
        id: move.id,
        environment_id: move.environmentId,
        from_provider: move.from,
        to_provider: move.to,
        kind: move.kind,
        status: move.status,
        per_minute: move.perMinute,
        next_at_ms: move.nextAtMs,
        actor: move.actor,
        created_at_ms: move.createdAtMs,
        ended_at_ms: move.endedAtMs,
      })
      .execute()
  }

  async find(environmentId: string, id: string): Promise<ProviderMove | undefined> {
    const row = await this.#db
      .selectFrom('provider_move')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .where('id', '=', id)
      .executeTakeFirst()
    return row === undefined ? undefined : toMove(row)
  }

  /** The move away from a provider that has not ended. */
  async findOpen(environmentId: string, from: string): Promise<ProviderMove | undefined> {
    const row = await this.#db
      .selectFrom('provider_move')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .where('from_provider', '=', from)
      .where('status', '<>', sql.lit('ended'))
      .executeTakeFirst()
    return row === undefined ? undefined : toMove(row)
  }

  /** Locked until the transaction ends. */
  async findForUpdate(id: string): Promise<ProviderMove | undefined> {
    const row = await this.#db
      .selectFrom('provider_move')
      .selectAll()
      .where('id', '=', id)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst()
    return row === undefined ? undefined : toMove(row)
  }

  async save(
    id: string,
    change: Partial<Pick<ProviderMove, 'status' | 'perMinute' | 'nextAtMs' | 'endedAtMs'>>,
  ): Promise<void> {
    const { status, perMinute, nextAtMs, endedAtMs } = change
    await this.#db
      .updateTable('provider_move')
      .set({
        ...(status !== undefined && { status }),
        ...(perMinute !== undefined && { per_minute: perMinute }),
        ...(nextAtMs !== undefined && { next_at_ms: nextAtMs }),
        ...(endedAtMs !== undefined && { ended_at_ms: endedAtMs }),
      })
      .where('id', '=', id)
      .execute()
  }

  /** Newest first. */
  async list(
    environmentId: string,
    page: { readonly limit: number; readonly before?: string | undefined },
  ): Promise<ProviderMove[]> {
    const { limit, before } = page
    const rows = await this.#db
      .selectFrom('provider_move')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
    return rows.map(toMove)
  }

  /** Running moves of the kind `exchange`, in every environment, with something to try. */
  async listExchanging(limit: number): Promise<ProviderMove[]> {
    const rows = await this.#db
      .selectFrom('provider_move')
      .selectAll()
      .where('status', '=', 'running')
      .where('kind', '=', 'exchange')
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('provider_move_user')
            .select('lineage_id')
            .whereRef('move_id', '=', 'provider_move.id')
            .where('due_at_ms', 'is not', null),
        ),
      )
      .orderBy('next_at_ms')
      .limit(limit)
      .execute()
    return rows.map(toMove)
  }

  /** When the next exchange may begin; undefined when there is none to try. */
  async nextDueAtMs(): Promise<number | undefined> {
    const { rows } = await sql<{ at_ms: number | null }>`
      SELECT min(CASE WHEN due.at_ms > provider_move.next_at_ms THEN due.at_ms ELSE provider_move.next_at_ms END) AS at_ms
      FROM provider_move JOIN (
        SELECT move_id, min(CASE WHEN claim_until_ms > due_at_ms THEN claim_until_ms ELSE due_at_ms END) AS at_ms
        FROM provider_move_user WHERE due_at_ms IS NOT NULL GROUP BY move_id
      ) AS due ON due.move_id = provider_move.id
      WHERE provider_move.status = 'running' AND provider_move.kind = 'exchange'`.execute(this.#db)
    return rows[0]?.at_ms ?? undefined
  }
}

export function toMove(row: Selectable<Schema['provider_move']>): ProviderMove {
  return {
    id: row.id,
    environmentId: row.environment_id,
    from: row.from_provider,
    to: row.to_provider,
    kind: row.kind,
    status: row.status,
    perMinute: row.per_minute,
    nextAtMs: row.next_at_ms,
    actor: row.actor,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
  }
}
