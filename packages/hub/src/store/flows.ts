import type { Redacted } from '../secret.ts'
import type { Sealer } from '../seal.ts'
import { environmentsWithApp } from './account-locks.ts'
import type { TableContext } from './context.ts'
import { type Flow, toFlow, verifierPlace } from './flow-row.ts'
import {
  ADD,
  CLAIM,
  CONSUME_STATE,
  DEPART,
  END,
  FIND_BY,
  FIND_STANDING,
  LIST_OPEN,
  type FlowKey,
} from './flow-statements.ts'
import type { Db } from './schema.ts'
import { first, hasChangedOne } from './statement.ts'

export type { Flow } from './flow-row.ts'

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
  async listOverdue(
    nowMs: number,
    { limit, skip = 0 }: { readonly limit: number; readonly skip?: number },
  ): Promise<Flow[]> {
    const rows = await this.#db
      .selectFrom('flow')
      .selectAll()
      .where('ended_at_ms', 'is', null)
      .where('deadline_ms', '<=', nowMs)
      .orderBy('deadline_ms')
      .orderBy('id')
      .limit(limit)
      .offset(skip)
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
