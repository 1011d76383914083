import type { Selectable } from 'kysely'
import type { FlowStatus } from '../core/flow.ts'
import { Redacted, Sealed } from '../secret.ts'
import type { Sealer } from '../seal.ts'
import { environmentsWithApp } from './account-locks.ts'
import type { TableContext } from './context.ts'
import type { Db, Schema } from './schema.ts'
import { first, hasChangedOne, statement } from './statement.ts'

/** One attempt to connect. */
export interface Flow {
  readonly id: string
  readonly environmentId: string
  /** Null where `authenticateUser` started the flow. */
  readonly widgetSessionId: string | null
  readonly provider: string
  readonly referenceId: string | null
  readonly reservedUserId: string
  readonly language: string | null
  readonly successUrl: string | null
  readonly failureUrl: string | null
  /** Digest of the secret of the browser that the flow belongs to; null until it came. */
  readonly browserHash: string | null
  readonly stateExpiresAtMs: number | null
  readonly codeVerifier: Redacted<string> | null
  readonly status: FlowStatus
  readonly deadlineMs: number
  readonly reason: string | null
  readonly createdAtMs: number
  readonly endedAtMs: number | null
  /** The connection that it takes to another provider; absent for all other flows. */
  readonly continuesLineageId?: string | undefined
}

type FlowKey = 'id' | 'link_token_hash' | 'state_hash' | 'reserved_user_id'

const ADD = statement(
  (
    { db },
    flow: Omit<Flow, 'continuesLineageId'> & {
      readonly linkTokenHash: string | null
      readonly continuesLineageId: string | null
    },
  ) =>
    db
      .insertInto('flow')
      .values({
        id: flow.id,
        environment_id: flow.environmentId,
        widget_session_id: flow.widgetSessionId,
        provider: flow.provider,
        reference_id: flow.referenceId,
        reserved_user_id: flow.reservedUserId,
        link_token_hash: flow.linkTokenHash,
        language: flow.language,
        success_url: flow.successUrl,
        failure_url: flow.failureUrl,
        browser_hash: flow.browserHash,
        state_hash: null,
        state_expires_at_ms: null,
        code_verifier_sealed: null,
        status: flow.status,
        deadline_ms: flow.deadlineMs,
        reason: null,
        created_at_ms: flow.createdAtMs,
        ended_at_ms: null,
        continues_lineage_id: flow.continuesLineageId,
      })
      .compile(),
)

const findBy = (column: FlowKey) =>
  statement(({ db }, given: { readonly value: string }) =>
    db.selectFrom('flow').selectAll().where(column, '=', given.value).compile(),
  )
const FIND_BY: Readonly<Record<FlowKey, ReturnType<typeof findBy>>> = {
  id: findBy('id'),
  link_token_hash: findBy('link_token_hash'),
  state_hash: findBy('state_hash'),
  reserved_user_id: findBy('reserved_user_id'),
}

const FIND_STANDING = statement(({ db }, given: { readonly id: string }) =>
  db
    .selectFrom('flow')
    .leftJoin('held_grant', 'held_grant.flow_id', 'flow.id')
    .select(['flow.status', 'held_grant.flow_id as held_flow_id'])
    .where('flow.id', '=', given.id)
    .compile(),
)

const CLAIM = statement(({ db }, given: { readonly id: string; readonly browserHash: string }) =>
  db
    .updateTable('flow')
    .set({ browser_hash: given.browserHash })
    .where('id', '=', given.id)
    .where('browser_hash', 'is', null)
    .compile(),
)

const DEPART = statement(
  (
    { db },
    given: {
      readonly id: string
      readonly stateHash: string
      readonly stateExpiresAtMs: number
      readonly verifierSealed: string | null
    },
  ) =>
    db
      .updateTable('flow')
      .set({
        status: 'at_provider',
        state_hash: given.stateHash,
        state_expires_at_ms: given.stateExpiresAtMs,
        deadline_ms: given.stateExpiresAtMs,
        code_verifier_sealed: given.verifierSealed,
      })
      .where('id', '=', given.id)
      .where('status', 'in', ['created', 'at_provider'])
      .compile(),
)

const CONSUME_STATE = statement(
  (
    { db },
    given: { readonly id: string; readonly stateHash: string; readonly deadlineMs: number },
  ) =>
    db
      .updateTable('flow')
      .set({ status: 'exchanging', deadline_ms: given.deadlineMs })
      .where('id', '=', given.id)
      .where('state_hash', '=', given.stateHash)
      .where('status', '=', 'at_provider')
      .compile(),
)

const END = statement(
  (
    { db },
    given: {
      readonly id: string
      readonly status: 'succeeded' | 'failed'
      readonly reason: string | null
      readonly atMs: number
    },
  ) =>
    db
      .updateTable('flow')
      .set({
        status: given.status,
        reason: given.reason,
        ended_at_ms: given.atMs,
        code_verifier_sealed: null,
      })
      .where('id', '=', given.id)
      .where('ended_at_ms', 'is', null)
      .compile(),
)

const LIST_OPEN = statement(
  ({ db }, given: { readonly widgetSessionId: string; readonly limit: number }) =>
    db
      .selectFrom('flow')
      .selectAll()
      .where('widget_session_id', '=', given.widgetSessionId)
      .where('ended_at_ms', 'is', null)
      .orderBy('created_at_ms')
      .limit(given.limit)
      .compile(),
)

export class FlowTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #sealer: Sealer

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
    this.#sealer = context.sealer
  }

  async add(flow: Flow, linkTokenHash: string | null): Promise<void> {
    const continuesLineageId = flow.continuesLineageId ?? null
    await ADD(this.#context, { ...flow, linkTokenHash, continuesLineageId })
  }

  async find(id: string): Promise<Flow | undefined> {
    return await this.#findBy('id', id)
  }

  /** How far a flow has come whose browser is back. */
  async findStanding(id: string): Promise<'open' | 'held' | 'succeeded'> {
    const row = await first(FIND_STANDING(this.#context, { id }))
    if (row?.status === 'succeeded') return 'succeeded'
    return row === undefined || row.held_flow_id === null ? 'open' : 'held'
  }

  async findByLink(tokenHash: string): Promise<Flow | undefined> {
    return await this.#findBy('link_token_hash', tokenHash)
  }

  async findByState(stateHash: string): Promise<Flow | undefined> {
    return await this.#findBy('state_hash', stateHash)
  }

  async findByReservedUser(userId: string): Promise<Flow | undefined> {
    return await this.#findBy('reserved_user_id', userId)
  }

  /** Gives the flow to a browser. @returns False when another one was first. */
  async claim(id: string, browserHash: string): Promise<boolean> {
    return await hasChangedOne(CLAIM(this.#context, { id, browserHash }))
  }

  /**
   * The browser is being sent to the provider. A second departure (double click, back button)
   * replaces the state of the first: only the newest page can finish the flow.
   *
   * @returns False when the flow is past that point.
   */
  async depart(
    flow: { id: string; environmentId: string },
    departure: {
      stateHash: string
      stateExpiresAtMs: number
      codeVerifier: Redacted<string> | null
    },
  ): Promise<boolean> {
    const { codeVerifier, stateHash, stateExpiresAtMs } = departure
    const verifierSealed =
      codeVerifier === null ? null : this.#sealer.seal(codeVerifier.reveal(), verifierPlace(flow))
    const given = { id: flow.id, stateHash, stateExpiresAtMs, verifierSealed }
    return await hasChangedOne(DEPART(this.#context, given))
  }

  /**
   * Uses up a state: of many callbacks that bring it, exactly one gets true.
   *
   * @param deadlineMs When the exchange that follows counts as interrupted.
   */
  async consumeState(id: string, stateHash: string, deadlineMs: number): Promise<boolean> {
    return await hasChangedOne(CONSUME_STATE(this.#context, { id, stateHash, deadlineMs }))
  }

  /**
   * Leaves the flow open until the app confirms it.
   *
   * @param deadlineMs When it counts as not confirmed.
   * @returns False when it has ended.
   */
  async hold(id: string, deadlineMs: number): Promise<boolean> {
    const result = await this.#db
      .updateTable('flow')
      .set({ deadline_ms: deadlineMs, code_verifier_sealed: null })
      .where('id', '=', id)
      .where('ended_at_ms', 'is', null)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /**
   * Ends the flow and forgets its verifier.
   *
   * @returns False when it had ended already: whoever gets true announces the end.
   */
  async end(
    id: string,
    end: { status: 'succeeded' | 'failed'; reason: string | null; atMs: number },
  ): Promise<boolean> {
    return await hasChangedOne(END(this.#context, { id, ...end }))
  }

  /** Open flows of a session, oldest first; a session rarely has more than one. */
  async listOpenOfSession(widgetSessionId: string, limit: number): Promise<Flow[]> {
    const { rows } = await LIST_OPEN(this.#context, { widgetSessionId, limit })
    return rows.map((row) => toFlow(row, this.#sealer))
  }

  /** Open flows of a person, oldest first. */
  async listOpenOfReference(
    environmentId: string,
    referenceId: string,
    { limit }: { readonly limit: number },
  ): Promise<Flow[]> {
    const rows = await this.#db
      .selectFrom('flow')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId)
      .where('ended_at_ms', 'is', null)
      .orderBy('created_at_ms')
      .limit(limit)
      .execute()
    return rows.map((row) => toFlow(row, this.#sealer))
  }

  /** How many attempts a person has made. */
  async countOfReference(environmentId: string, referenceId: string): Promise<number> {
    const row = await this.#db
      .selectFrom('flow')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId)
      .executeTakeFirstOrThrow()
    return row.count
  }

  /** Flows whose deadline has passed, oldest first. */
  async listOverdue(nowMs: number, limit: number): Promise<Flow[]> {
    const rows = await this.#db
      .selectFrom('flow')
      .selectAll()
      .where('ended_at_ms', 'is', null)
      .where('deadline_ms', '<=', nowMs)
      .orderBy('deadline_ms')
      .limit(limit)
      .execute()
    return rows.map((row) => toFlow(row, this.#sealer))
  }

  /**
   * Whether somebody who may be this person is connecting to the provider at this moment.
   *
   * @param referenceId Null could be anybody.
   */
  async isExchanging(
    environmentId: string,
    provider: string,
    referenceId: string | null,
  ): Promise<boolean> {
    const row = await this.#db
      .selectFrom('flow')
      .select('id')
      .where('environment_id', 'in', environmentsWithApp(environmentId, provider))
      .where('provider', '=', provider)
      .where('status', '=', 'exchanging')
      .where('ended_at_ms', 'is', null)
      .$if(referenceId !== null, (query) =>
        query.where(({ eb, or }) =>
          or([
            eb('reference_id', '=', referenceId),
            eb('reference_id', 'is', null),
            // Another environment may call the same person otherwise.
            eb('environment_id', '<>', environmentId),
          ]),
        ),
      )
      .limit(1)
      .executeTakeFirst()
    return row !== undefined
  }

  /** When the next flow is overdue; undefined when none is open. */
  async nextDeadlineMs(): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('flow')
      .select('deadline_ms')
      .where('ended_at_ms', 'is', null)
      .orderBy('deadline_ms')
      .limit(1)
      .executeTakeFirst()
    return row?.deadline_ms
  }

  async #findBy(column: FlowKey, value: string): Promise<Flow | undefined> {
    const row = await first(FIND_BY[column](this.#context, { value }))
    return row === undefined ? undefined : toFlow(row, this.#sealer)
  }
}

function verifierPlace(flow: { id: string; environmentId: string }) {
  return {
    table: 'flow',
    column: 'code_verifier',
    rowId: flow.id,
    environmentId: flow.environmentId,
  }
}

function toFlow(row: Selectable<Schema['flow']>, sealer: Sealer): Flow {
  const sealed = row.code_verifier_sealed
  return {
    id: row.id,
    environmentId: row.environment_id,
    widgetSessionId: row.widget_session_id,
    provider: row.provider,
    referenceId: row.reference_id,
    reservedUserId: row.reserved_user_id,
    language: row.language,
    successUrl: row.success_url,
    failureUrl: row.failure_url,
    browserHash: row.browser_hash,
    stateExpiresAtMs: row.state_expires_at_ms,
    codeVerifier:
      sealed === null
        ? null
        : new Redacted(
            new Sealed(() =>
              sealer.open(sealed, verifierPlace({ id: row.id, environmentId: row.environment_id })),
            ),
          ),
    status: row.status,
    deadlineMs: row.deadline_ms,
    reason: row.reason,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
    continuesLineageId: row.continues_lineage_id ?? undefined,
  }
}
