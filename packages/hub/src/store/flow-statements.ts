/** Statements about attempts to connect that connecting waits for. */
import type { Flow } from './flow-row.ts'
import { statement } from './statement.ts'

/** What names one flow. */
export type FlowKey = 'id' | 'link_token_hash' | 'state_hash' | 'reserved_user_id'

export const ADD = statement(
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
export const FIND_BY: Readonly<Record<FlowKey, ReturnType<typeof findBy>>> = {
  id: findBy('id'),
  link_token_hash: findBy('link_token_hash'),
  state_hash: findBy('state_hash'),
  reserved_user_id: findBy('reserved_user_id'),
}

export const FIND_STANDING = statement(({ db }, given: { readonly id: string }) =>
  db
    .selectFrom('flow')
    .leftJoin('held_grant', 'held_grant.flow_id', 'flow.id')
    .select(['flow.status', 'held_grant.flow_id as held_flow_id'])
    .where('flow.id', '=', given.id)
    .compile(),
)

export const CLAIM = statement(
  ({ db }, given: { readonly id: string; readonly browserHash: string }) =>
    db
      .updateTable('flow')
      .set({ browser_hash: given.browserHash })
      .where('id', '=', given.id)
      .where('browser_hash', 'is', null)
      .compile(),
)

export const DEPART = statement(
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

export const CONSUME_STATE = statement(
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

export const END = statement(
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

export const LIST_OPEN = statement(
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
