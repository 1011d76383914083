import { type RawBuilder, sql } from 'kysely'
import { cell, given } from './batch.ts'
import type { Connection } from './connection-row.ts'
import type { Engine, TableContext } from './context.ts'
import { inOrder } from './delivery-claims.ts'
import { LaneTable, UNENDED } from './lanes.ts'
import type { Db } from './schema.ts'

/** Whose traces, and what belonged to them. */
export interface ErasureSubject {
  readonly environmentId: string
  readonly referenceId: string
  readonly connections: readonly Connection[]
}

/** A provider, and an account's id there. */
type AccountName = readonly [string, string]

/** Removes what is known of a person. What they are connected through must have ended before. */
export class ErasureTable {
  readonly #db: Db
  readonly #engine: Engine
  readonly #lanes: LaneTable

  constructor(context: TableContext) {
    this.#db = context.db
    this.#engine = context.engine
    this.#lanes = new LaneTable(context)
  }

  /** Ids of events about the person, oldest first: by lineage, also from when they had another name, and by name. */
  async listEvents(
    { environmentId, referenceId, connections }: ErasureSubject,
    page: { readonly afterSeq: number; readonly limit: number },
  ): Promise<{ id: string; seq: number }[]> {
    const named = await this.#db
      .selectFrom('lineage_reference')
      .select('lineage_id')
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId)
      .execute()
    const all = this.#db
      .selectFrom('event')
      .select(['id', 'seq'])
      .where('environment_id', '=', environmentId)
      .where('seq', '>', page.afterSeq)
      .orderBy('seq')
      .limit(page.limit)
    const byName = all.where('reference_id', '=', referenceId)
    const found = await byName.where('lineage_id', 'is', null).execute()
    for (const { lineageId } of connections) {
      found.push(...(await all.where('lineage_id', '=', lineageId).execute()))
    }
    const known = new Set(connections.map(({ lineageId }) => lineageId))
    for (const { lineage_id: lineageId } of named) {
      if (known.has(lineageId)) continue
      // It goes by another name now; what it was called before is all that is the person's.
      found.push(...(await byName.where('lineage_id', '=', lineageId).execute()))
    }
    return found.sort((a, b) => a.seq - b.seq).slice(0, page.limit)
  }

  /** What these events are owed to will never get them; what waits behind them goes on. */
  async suppress(eventIds: readonly string[], nowMs: number): Promise<void> {
    if (eventIds.length === 0) return
    const events = await sql<{ order_key: string }>`
      SELECT DISTINCT order_key FROM event WHERE id IN ${this.#these(eventIds)}`.execute(this.#db)
    await this.#lanes.lock(events.rows.map((row) => row.order_key))
    const changed = await sql<{ destination_id: string; order_key: string }>`
      UPDATE delivery SET status = 'suppressed', reason = 'erased', ended_at_ms = ${nowMs},
        claim_id = NULL, claim_until_ms = NULL
      WHERE id IN (SELECT id FROM delivery WHERE event_id IN ${this.#these(eventIds)} AND ${UNENDED}
        ${inOrder(this.#engine)})
      RETURNING destination_id, order_key`.execute(this.#db)
    const lanes = changed.rows.map((row) => ({
      destinationId: row.destination_id,
      orderKey: row.order_key,
    }))
    await this.#lanes.promote(lanes)
  }

  /**
   * Forgets whose connections, links, attempts and tokens these were; their ids stay, so that nobody gets them again.
   *
   * @returns Their accounts.
   */
  async anonymize(subject: ErasureSubject): Promise<readonly AccountName[]> {
    const { environmentId, referenceId, connections } = subject
    for (const { lineageId } of connections) {
      await this.#db
        .updateTable('connection')
        .set({
          reference_id: null,
          match_key: JSON.stringify(['erased', lineageId]),
          provider_account_id: '',
          account_label: null,
          scopes: '[]',
          last_webhook_update_ms: null,
        })
        .where('lineage_id', '=', lineageId)
        // The person may have connected again in this very moment.
        .where('status', '=', 'deleted')
        .execute()
      await this.#db
        .updateTable('provider_move_user')
        .set({ link_hash: null, link_expires_at_ms: null, link_options: null })
        .where('lineage_id', '=', lineageId)
        .execute()
    }
    const accounts = [
      ...connections.map(({ state }) => [state.user.provider, state.providerAccountId] as const),
      ...(await this.#forgetHeld({ environmentId, referenceId })),
    ]
    await this.#forgetTasks(environmentId, accounts)
    const lineageIds = connections.map(({ lineageId }) => lineageId)
    // Not only of what has ended: where one ends now, this waits for it, and where one ends later, it waits for this.
    await sql`
      UPDATE revocation
      SET provider_account_id = CASE WHEN status = 'pending' THEN provider_account_id ELSE NULL END
      WHERE environment_id = ${environmentId}
        AND (lineage_id IN ${this.#these(lineageIds)}
          OR flow_id IN (${this.#flowsOf({ environmentId, referenceId })}))`.execute(this.#db)
    const none = { reference_id: null }
    const urls = { ...none, success_url: null, failure_url: null }
    const its = { environmentId, referenceId }
    await this.#forget('flow', urls, its)
    await this.#forget('widget_session', { ...urls, account_label: null }, its)
    await this.#db
      .deleteFrom('lineage_reference')
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId)
      // Whoever has connected again under this name is found by it.
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('connection')
              .select('lineage_id')
              .whereRef('connection.lineage_id', '=', 'lineage_reference.lineage_id')
              .where('connection.reference_id', '=', referenceId),
          ),
        ),
      )
      .execute()
    await this.#db
      .deleteFrom('sdk_token')
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId)
      .execute()
    return accounts
  }

  /**
   * For when {@link anonymize} has committed: forgets the accounts of what ended at that moment, and so has not seen it. What ends from here
   * on sees it.
   */
  async forgetAccounts(
    { environmentId, connections }: ErasureSubject,
    accounts: readonly AccountName[],
  ): Promise<void> {
    await this.#forgetTasks(environmentId, accounts)
    const lineageIds = connections.map(({ lineageId }) => lineageId)
    await sql`
      UPDATE revocation
      SET provider_account_id = CASE WHEN status = 'pending' THEN provider_account_id ELSE NULL END
      WHERE environment_id = ${environmentId}
        AND lineage_id IN ${this.#these(lineageIds)}`.execute(this.#db)
  }

  #flowsOf({ environmentId, referenceId }: { environmentId: string; referenceId: string }) {
    return this.#db
      .selectFrom('flow')
      .select('id')
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId)
  }

  /** Accounts of attempts that nobody has confirmed. @returns Their providers and ids. */
  async #forgetHeld({
    environmentId,
    referenceId,
  }: {
    environmentId: string
    referenceId: string
  }): Promise<(readonly [string, string])[]> {
    const flows = this.#flowsOf({ environmentId, referenceId })
    const held = await this.#db
      .selectFrom('held_grant')
      .select(['provider', 'provider_account_id'])
      .where('grant_sealed', 'is', null)
      .where('flow_id', 'in', flows)
      .execute()
    await this.#db
      .updateTable('held_grant')
      .set({ provider_account_id: '' })
      .where('grant_sealed', 'is', null)
      .where('flow_id', 'in', flows)
      .execute()
    return held.map((row) => [row.provider, row.provider_account_id] as const)
  }

  /** What is kept of an account that nobody is connected through any more. */
  async #forgetTasks(environmentId: string, accounts: readonly AccountName[]): Promise<void> {
    for (const [provider, accountId] of accounts) {
      for (const table of ['provider_task', 'account_lock'] as const) {
        await this.#db
          .deleteFrom(table)
          .where('environment_id', '=', environmentId)
          .where('provider', '=', provider)
          .where('provider_account_id', '=', accountId)
          .where(({ not, exists, selectFrom }) =>
            not(
              exists(
                selectFrom('connection')
                  .select('lineage_id')
                  .where('environment_id', '=', environmentId)
                  .where('provider', '=', provider)
                  .where('provider_account_id', '=', accountId),
              ),
            ),
          )
          .execute()
      }
    }
  }

  async #forget(
    table: 'flow' | 'widget_session',
    none: Readonly<Record<string, null>>,
    { environmentId, referenceId }: { environmentId: string; referenceId: string },
  ): Promise<void> {
    await this.#db
      .updateTable(table)
      .set(none)
      .where('environment_id', '=', environmentId)
      .where('reference_id', '=', referenceId)
      .execute()
  }

  #these(ids: readonly string[]): RawBuilder<unknown> {
    const rows = ids.map((id) => [id])
    return sql`(SELECT ${cell(0)} FROM ${given(this.#engine, ['text'], rows)})`
  }
}
