import { type Updateable, sql } from 'kysely'
import type { MoveUserStatus } from '../core/provider-move.ts'
import { type TableContext, claimsOf } from './context.ts'
import { type ProviderMove, toMove } from './provider-moves.ts'
import type { Db, Schema } from './schema.ts'
import { first, statement } from './statement.ts'

/** As it is shown: a connection that was deleted before it moved is `gone`. */
export type MoveUserState = MoveUserStatus | 'gone'

/** How far a move is: how many connections in which state. */
export type MoveProgress = Readonly<Record<MoveUserState, number>>

/** Where the browser of a link goes afterwards, and in which language it is spoken to. */
export interface MoveLinkOptions {
  readonly language: string | null
  readonly successUrl: string | null
  readonly failureUrl: string | null
}

/** One connection of a move. */
export interface MoveUser {
  readonly moveId: string
  readonly lineageId: string
  readonly state: MoveUserState
  /** The present one. */
  readonly userId: string
  readonly referenceId: string | null
  readonly attempts: number
  /** When the next exchange is due; null: none is tried by itself. */
  readonly dueAtMs: number | null
  readonly linkExpiresAtMs: number | null
  readonly detail: string | null
  readonly updatedAtMs: number
}

/** A connection whose tokens this process exchanges. */
export interface ClaimedMoveUser {
  readonly moveId: string
  readonly lineageId: string
  readonly attempts: number
  readonly claimId: string
}

const NO_CLAIM = { claim_id: null, claim_until_ms: null }

/** Asked by every flow that succeeds. */
const FIND_ON_ITS_WAY = statement(
  (
    { db },
    given: { readonly environmentId: string; readonly to: string; readonly referenceId: string },
  ) =>
    db
      .selectFrom('provider_move_user')
      .innerJoin('provider_move', 'provider_move.id', 'provider_move_user.move_id')
      .innerJoin('connection', 'connection.lineage_id', 'provider_move_user.lineage_id')
      .select('provider_move_user.lineage_id')
      .where('provider_move.environment_id', '=', given.environmentId)
      .where('provider_move.to_provider', '=', given.to)
      .where('provider_move.status', '<>', sql.lit('ended'))
      .where('provider_move_user.status', '<>', sql.lit('connected'))
      .where('connection.environment_id', '=', given.environmentId)
      .where('connection.reference_id', '=', given.referenceId)
      .where('connection.status', '<>', sql.lit('deleted'))
      .whereRef('connection.provider', '=', 'provider_move.from_provider')
      .orderBy('provider_move_user.lineage_id')
      .limit(1)
      .compile(),
)

/** The connections of moves. */
export class MoveUserTable {
  readonly #context: TableContext
  readonly #db: Db

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
  }

  /**
   * Takes up every connection to the old provider that the move does not have yet. Whoever has connected the
   * successor already has nothing to do.
   */
  async enrol(move: ProviderMove, atMs: number): Promise<void> {
    const dueAtMs = move.kind === 'exchange' ? sql`${atMs}` : sql`NULL`
    const there = sql`EXISTS (SELECT 1 FROM connection AS there
      WHERE there.environment_id = ${move.environmentId} AND there.provider = ${move.to}
        AND there.status = 'active' AND there.reference_id = connection.reference_id)`
    const isThere = move.kind === 'exchange' ? sql`1 = 0` : there
    await sql`
      INSERT INTO provider_move_user (move_id, lineage_id, status, attempts, due_at_ms, updated_at_ms)
      SELECT ${move.id}, lineage_id, CASE WHEN ${isThere} THEN 'connected' ELSE 'to_do' END, 0, ${dueAtMs}, ${atMs}
      FROM connection
      WHERE environment_id = ${move.environmentId} AND provider = ${move.from} AND status <> 'deleted'
      ON CONFLICT (move_id, lineage_id) DO NOTHING`.execute(this.#db)
  }

  /** What {@link enrol} would take up for the first time. */
  async countCandidates(
    environmentId: string,
    { from, to }: { readonly from: string; readonly to: string },
  ): Promise<{ total: number; withReference: number; there: number }> {
    const { rows } = await sql<{ total: number; with_reference: number; there: number }>`
      SELECT count(*) AS total, count(reference_id) AS with_reference,
        coalesce(sum(CASE WHEN EXISTS (SELECT 1 FROM connection AS there
          WHERE there.environment_id = ${environmentId} AND there.provider = ${to}
            AND there.status = 'active' AND there.reference_id = connection.reference_id) THEN 1 ELSE 0 END), 0) AS there
      FROM connection
      WHERE environment_id = ${environmentId} AND provider = ${from} AND status <> 'deleted'`.execute(
      this.#db,
    )
    const [row] = rows
    return {
      total: row?.total ?? 0,
      withReference: row?.with_reference ?? 0,
      there: row?.there ?? 0,
    }
  }

  async progress(moveId: string): Promise<MoveProgress> {
    const rows = await this.#users(moveId)
      .select((select) => [STATE.as('state'), select.fn.countAll<number>().as('count')])
      .groupBy(STATE)
      .execute()
    const none: MoveProgress = { to_do: 0, linked: 0, failed: 0, connected: 0, gone: 0 }
    return { ...none, ...Object.fromEntries(rows.map(({ state, count }) => [state, count])) }
  }

  /** A text that differs when somebody of the move stands otherwise. */
  async fingerprint(moveId: string): Promise<string> {
    // Clocks of processes differ: the newest time alone would hide a change. The remainder keeps the sum exact.
    const { rows } = await sql<{ sum: number | string | null }>`
      SELECT sum(updated_at_ms % 1000003) AS sum FROM provider_move_user WHERE move_id = ${moveId}`.execute(
      this.#db,
    )
    return String(rows[0]?.sum ?? '')
  }

  /** In the order in which their lineages began. */
  async list(
    moveId: string,
    filter: {
      readonly limit: number
      readonly after?: string | undefined
      readonly states?: readonly MoveUserState[] | undefined
      readonly userId?: string | undefined
      readonly referenceId?: string | undefined
    },
  ): Promise<MoveUser[]> {
    const { limit, after, states, userId, referenceId } = filter
    const rows = await this.#users(moveId)
      .selectAll('provider_move_user')
      .select(['connection.user_id', 'connection.reference_id', STATE.as('state')])
      .$if(after !== undefined, (query) =>
        query.where('provider_move_user.lineage_id', '>', after ?? ''),
      )
      .$if(states !== undefined, (query) => query.where(STATE, 'in', states ?? []))
      .$if(userId !== undefined, (query) => query.where('connection.user_id', '=', userId ?? ''))
      .$if(referenceId !== undefined, (query) =>
        query.where('connection.reference_id', '=', referenceId ?? ''),
      )
      .orderBy('provider_move_user.lineage_id')
      .limit(limit)
      .execute()
    return rows.map((row) => ({
      moveId,
      lineageId: row.lineage_id,
      state: row.state,
      userId: row.user_id,
      referenceId: row.reference_id,
      attempts: row.attempts,
      dueAtMs: row.due_at_ms,
      linkExpiresAtMs: row.link_expires_at_ms,
      detail: row.detail,
      updatedAtMs: row.updated_at_ms,
    }))
  }

  /** Gives a person a link; the one before it ends. @returns False when the person needs none any more. */
  async link(
    { moveId, lineageId }: Pick<MoveUser, 'moveId' | 'lineageId'>,
    link: {
      readonly hash: string
      readonly expiresAtMs: number
      readonly options: MoveLinkOptions
      readonly atMs: number
    },
  ): Promise<boolean> {
    const result = await this.#db
      .updateTable('provider_move_user')
      .set({
        status: sql<MoveUserStatus>`CASE WHEN status = 'to_do' THEN 'linked' ELSE status END`,
        link_hash: link.hash,
        link_expires_at_ms: link.expiresAtMs,
        link_options: JSON.stringify(link.options),
        updated_at_ms: link.atMs,
      })
      .where('move_id', '=', moveId)
      .where('lineage_id', '=', lineageId)
      .where('status', '<>', 'connected')
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /** Whose link it is. */
  async findByLink(hash: string): Promise<
    | {
        readonly move: ProviderMove
        readonly lineageId: string
        readonly status: MoveUserStatus
        readonly expiresAtMs: number
        readonly options: MoveLinkOptions
      }
    | undefined
  > {
    const row = await this.#db
      .selectFrom('provider_move_user')
      .selectAll()
      .where('link_hash', '=', hash)
      .executeTakeFirst()
    if (row === undefined || row.link_expires_at_ms === null || row.link_options === null) {
      return undefined
    }
    const move = await this.#db
      .selectFrom('provider_move')
      .selectAll()
      .where('id', '=', row.move_id)
      .executeTakeFirstOrThrow()
    return {
      move: toMove(move),
      lineageId: row.lineage_id,
      status: row.status,
      expiresAtMs: row.link_expires_at_ms,
      options: JSON.parse(row.link_options) as MoveLinkOptions,
    }
  }

  /** The connection of a person who is on the way to this provider and has not arrived. */
  async findLineageOnItsWay(
    environmentId: string,
    to: string,
    referenceId: string,
  ): Promise<string | undefined> {
    const row = await first(FIND_ON_ITS_WAY(this.#context, { environmentId, to, referenceId }))
    return row?.lineage_id
  }

  /** The move that a connection still has before it; null where there is none. */
  async findPending(
    lineageId: string,
  ): Promise<{ readonly to: string; readonly isByItself: boolean } | null> {
    const row = await this.#db
      .selectFrom('provider_move_user')
      .innerJoin('provider_move', 'provider_move.id', 'provider_move_user.move_id')
      .select(['provider_move.to_provider', 'provider_move.kind', 'provider_move_user.due_at_ms'])
      .where('provider_move_user.lineage_id', '=', lineageId)
      .where('provider_move_user.status', '<>', 'connected')
      .where('provider_move.status', '<>', 'ended')
      .orderBy('provider_move.id', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (row === undefined) return null
    return { to: row.to_provider, isByItself: row.kind === 'exchange' && row.due_at_ms !== null }
  }

  /** A connection is at the successor now, however it got there. */
  async markConnected(lineageId: string, atMs: number): Promise<void> {
    await this.#db
      .updateTable('provider_move_user')
      .set({
        status: 'connected',
        due_at_ms: null,
        detail: null,
        ...NO_CLAIM,
        updated_at_ms: atMs,
      })
      .where('lineage_id', '=', lineageId)
      .where('status', '<>', 'connected')
      .execute()
  }

  /** A person's attempt to consent came to nothing; the link stays good. */
  async markFailed(lineageId: string, detail: string, atMs: number): Promise<void> {
    await this.#db
      .updateTable('provider_move_user')
      .set(({ eb }) => ({
        status: 'failed',
        detail,
        attempts: eb('attempts', '+', 1),
        updated_at_ms: atMs,
      }))
      .where('lineage_id', '=', lineageId)
      .where('status', '<>', 'connected')
      .execute()
  }

  /** Claims exchanges that are due, the longest waiting first. */
  async claimDue(
    moveId: string,
    claim: {
      readonly id: string
      readonly nowMs: number
      readonly untilMs: number
      readonly limit: number
    },
  ): Promise<ClaimedMoveUser[]> {
    const due = this.#db
      .selectFrom('provider_move_user')
      .select('lineage_id')
      .where('move_id', '=', moveId)
      .where('due_at_ms', '<=', claim.nowMs)
      .where(({ eb, or }) =>
        or([eb('claim_until_ms', 'is', null), eb('claim_until_ms', '<=', claim.nowMs)]),
      )
      .orderBy('due_at_ms')
      .orderBy('lineage_id')
      .limit(claim.limit)
    // The caller holds the move, so nobody else claims at this moment.
    const rows = await this.#db
      .updateTable('provider_move_user')
      .set({ claim_id: claim.id, claim_until_ms: claim.untilMs })
      .where('move_id', '=', moveId)
      .where('lineage_id', 'in', due)
      .returning(['lineage_id', 'attempts'])
      .execute()
    return rows.map((row) => ({
      moveId,
      lineageId: row.lineage_id,
      attempts: row.attempts,
      claimId: claim.id,
    }))
  }

  /** An exchange failed. @returns False when somebody else has it by now. */
  async fail(
    claimed: ClaimedMoveUser,
    failure: { readonly detail: string; readonly againAtMs: number | null; readonly atMs: number },
  ): Promise<boolean> {
    const change: Updateable<Schema['provider_move_user']> = {
      status: 'failed',
      detail: failure.detail,
      attempts: claimed.attempts + 1,
      due_at_ms: failure.againAtMs,
      updated_at_ms: failure.atMs,
      ...NO_CLAIM,
    }
    const result = await this.#db
      .updateTable('provider_move_user')
      .set(change)
      .where('move_id', '=', claimed.moveId)
      .where('lineage_id', '=', claimed.lineageId)
      .where('claim_id', '=', claimed.claimId)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /** What has failed is due again, whatever it waits for. */
  async retryFailed(moveId: string, atMs: number): Promise<void> {
    await this.#db
      .updateTable('provider_move_user')
      .set({ due_at_ms: atMs, attempts: 0, updated_at_ms: atMs })
      .where('move_id', '=', moveId)
      .where('status', '=', 'failed')
      .where('claim_id', 'is', null)
      .execute()
  }

  /** Lets go of what a process has claimed: it is dead, or about to end. */
  async freeClaimsOf(processId: string): Promise<void> {
    const claims = claimsOf(processId)
    await this.#db
      .updateTable('provider_move_user')
      .set(NO_CLAIM)
      .where('due_at_ms', 'is not', null)
      .where('claim_id', '>=', claims.from)
      .where('claim_id', '<', claims.to)
      .execute()
  }

  #users(moveId: string) {
    return this.#db
      .selectFrom('provider_move_user')
      .innerJoin('connection', 'connection.lineage_id', 'provider_move_user.lineage_id')
      .where('provider_move_user.move_id', '=', moveId)
  }
}

const STATE = sql<MoveUserState>`CASE WHEN provider_move_user.status <> 'connected' AND connection.status = 'deleted'
  THEN 'gone' ELSE provider_move_user.status END`
