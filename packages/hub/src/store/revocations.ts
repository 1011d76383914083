import { type UpdateObject, sql } from 'kysely'
import { Redacted, Sealed } from '../secret.ts'
import type { Sealer } from '../seal.ts'
import { type ProviderAccount, environmentsWithApp } from './account-locks.ts'
import { type Engine, type TableContext, claimsOf } from './context.ts'
import type { Db, Schema } from './schema.ts'
import { first, statement } from './statement.ts'

/** A grant to be revoked at its provider. */
export interface Revocation {
  readonly id: string
  readonly environmentId: string
  readonly provider: string
  /** Null where the exchange failed before it was learnt. */
  readonly providerAccountId: string | null
  /** The connection that had the grant; null where none came of it. */
  readonly lineageId: string | null
  /** The flow that left the grant over; null where a connection had it. */
  readonly flowId: string | null
  /** The grant's token set as JSON text. */
  readonly tokenSetJson: Redacted<string>
  readonly attempts: number
  readonly createdAtMs: number
  /** Whose it is: whatever is written about it is written only as long as nobody else has it. */
  readonly claimId: string
}

export type RevocationEnd = 'revoked' | 'unsupported' | 'not_needed' | 'failed'
export type RevocationStatus = 'pending' | RevocationEnd

/** A revocation as it is shown: without the tokens. */
export interface RevocationRecord extends Pick<
  Revocation,
  'id' | 'provider' | 'providerAccountId' | 'lineageId' | 'flowId' | 'attempts' | 'createdAtMs'
> {
  readonly status: RevocationStatus
  /** When it is tried next; null once it has ended. */
  readonly dueAtMs: number | null
  /** Why it ended so, or why the last attempt failed. */
  readonly detail: string | null
  readonly endedAtMs: number | null
}

/** What a claim is written by. */
type Claimed = Pick<Revocation, 'id' | 'claimId'>

/** An erased connection has no account, and an erased attempt is nobody's. */
const ACCOUNT_UNLESS_ERASED = sql<string | null>`CASE
  WHEN EXISTS (SELECT 1 FROM connection WHERE connection.lineage_id = revocation.lineage_id
    AND connection.provider_account_id = '') THEN NULL
  WHEN EXISTS (SELECT 1 FROM flow WHERE flow.id = revocation.flow_id AND flow.reference_id IS NULL) THEN NULL
  ELSE provider_account_id END`

const CALLING_UNTIL = statement(({ db }, given: ProviderAccount & { readonly nowMs: number }) =>
  db
    .selectFrom('revocation')
    .select('calling_until_ms')
    .where('environment_id', 'in', environmentsWithApp(given.environmentId, given.provider))
    .where('provider', '=', given.provider)
    .where('provider_account_id', '=', given.providerAccountId)
    .where('status', '=', sql.lit('pending'))
    .where('calling_until_ms', '>', given.nowMs)
    .orderBy('calling_until_ms', 'desc')
    .limit(1)
    .compile(),
)

export class RevocationTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #sealer: Sealer
  readonly #engine: Engine

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
    this.#engine = context.engine
    this.#sealer = context.sealer
  }

  async add(revocation: Omit<Revocation, 'attempts' | 'claimId'>): Promise<void> {
    await this.#db
      .insertInto('revocation')
      .values({
        id: revocation.id,
        environment_id: revocation.environmentId,
        provider: revocation.provider,
        provider_account_id: revocation.providerAccountId,
        lineage_id: revocation.lineageId,
        flow_id: revocation.flowId,
        token_set_sealed: this.#sealer.seal(
          revocation.tokenSetJson.reveal(),
          place(revocation.id, revocation.environmentId),
        ),
        status: 'pending',
        attempts: 0,
        due_at_ms: revocation.createdAtMs,
        claim_id: null,
        claim_until_ms: null,
        calling_until_ms: null,
        last_detail: null,
        created_at_ms: revocation.createdAtMs,
        ended_at_ms: null,
      })
      .execute()
  }

  /** Providers at which something can be revoked now. */
  async listDueProviders(nowMs: number, limit: number): Promise<string[]> {
    const rows = await this.#due(nowMs).select('provider').distinct().limit(limit).execute()
    return rows.map(({ provider }) => provider)
  }

  /** Claims revocations at one provider, the one that has waited longest first. */
  async claimDue(claim: {
    id: string
    provider: string
    nowMs: number
    untilMs: number
    limit: number
  }): Promise<Revocation[]> {
    const due = this.#due(claim.nowMs)
      .select('id')
      .where('provider', '=', claim.provider)
      .orderBy('due_at_ms')
      .limit(claim.limit)
      // Whatever another process claims at this moment is its.
      .$if(this.#engine === 'postgres', (query) => query.forUpdate().skipLocked())
    const rows = await this.#db
      .with('due', () => due)
      .updateTable('revocation')
      .set({ claim_id: claim.id, claim_until_ms: claim.untilMs })
      .where('id', 'in', ({ selectFrom }) => selectFrom('due').select('due.id'))
      .returningAll()
      .execute()
    return rows.flatMap((row) =>
      row.token_set_sealed === null
        ? []
        : [
            {
              id: row.id,
              environmentId: row.environment_id,
              provider: row.provider,
              providerAccountId: row.provider_account_id,
              lineageId: row.lineage_id,
              flowId: row.flow_id,
              tokenSetJson: this.#read(row.id, row.environment_id, row.token_set_sealed),
              attempts: row.attempts,
              createdAtMs: row.created_at_ms,
              claimId: claim.id,
            },
          ],
    )
  }

  #due(nowMs: number) {
    return this.#db
      .selectFrom('revocation')
      .where('status', '=', sql.lit('pending'))
      .where('due_at_ms', '<=', nowMs)
      .where(({ eb, or }) =>
        or([eb('claim_until_ms', 'is', null), eb('claim_until_ms', '<=', nowMs)]),
      )
  }

  /** Lets go of what a process has claimed: it is dead, or about to end. */
  async freeClaimsOf(processId: string): Promise<void> {
    const claims = claimsOf(processId)
    await this.#db
      .updateTable('revocation')
      .set({ claim_id: null, claim_until_ms: null })
      .where('status', '=', sql.lit('pending'))
      .where('claim_id', '>=', claims.from)
      .where('claim_id', '<', claims.to)
      .execute()
  }

  #read(id: string, environmentId: string, sealed: string): Redacted<string> {
    return new Redacted(new Sealed(() => this.#sealer.open(sealed, place(id, environmentId))))
  }

  /**
   * The provider is called now, about this account: whoever connects it has to wait.
   *
   * @returns False when somebody else has the revocation by now.
   */
  async markCalling(
    claimed: Claimed,
    call: { accountId: string | null; untilMs: number },
  ): Promise<boolean> {
    return await this.#write(claimed, {
      calling_until_ms: call.untilMs,
      provider_account_id: call.accountId,
    })
  }

  /** Until when a call that ends the account's grant is under way; undefined when none is. */
  async callingUntilMs(account: ProviderAccount, nowMs: number): Promise<number | undefined> {
    const row = await first(CALLING_UNTIL(this.#context, { ...account, nowMs }))
    return row?.calling_until_ms ?? undefined
  }

  /**
   * Ends a revocation and forgets the tokens; of a person who has been erased also the account. In a transaction: the row is
   * locked before the statement that looks whether the person has been, so that an erasure is seen, or waits and sees the end.
   *
   * @returns False when somebody else has it by now: it is theirs to end.
   */
  async end(
    claimed: Claimed,
    end: { status: RevocationEnd; detail: string | null; attempts: number; atMs: number },
  ): Promise<boolean> {
    if (this.#engine === 'postgres') await this.#lock(claimed)
    return await this.#write(claimed, {
      provider_account_id: ACCOUNT_UNLESS_ERASED,
      status: end.status,
      last_detail: end.detail,
      attempts: end.attempts,
      token_set_sealed: null,
      claim_id: null,
      claim_until_ms: null,
      calling_until_ms: null,
      ended_at_ms: end.atMs,
    })
  }

  /** Keeps tokens that were refreshed on the way, whoever has it by now: the earlier ones may be spent. */
  async saveTokens(
    { id, environmentId }: Pick<Revocation, 'id' | 'environmentId'>,
    tokenSetJson: Redacted<string>,
  ): Promise<void> {
    await this.#db
      .updateTable('revocation')
      .set({ token_set_sealed: this.#sealer.seal(tokenSetJson.reveal(), place(id, environmentId)) })
      .where('id', '=', id)
      .where('status', '=', sql.lit('pending'))
      .execute()
  }

  /** @returns False when somebody else has it by now. */
  async postpone(
    claimed: Claimed,
    to: { detail: string; attempts: number; dueAtMs: number },
  ): Promise<boolean> {
    return await this.#write(claimed, {
      last_detail: to.detail,
      attempts: to.attempts,
      due_at_ms: to.dueAtMs,
      claim_id: null,
      claim_until_ms: null,
      calling_until_ms: null,
    })
  }

  async #lock({ id }: Claimed): Promise<void> {
    const row = this.#db.selectFrom('revocation').select('id').where('id', '=', id)
    await row.forUpdate().execute()
  }

  /** Only for whoever has the claim. */
  async #write(
    { id, claimId }: Claimed,
    change: UpdateObject<Schema, 'revocation'>,
  ): Promise<boolean> {
    const result = await this.#db
      .updateTable('revocation')
      .set(change)
      .where('id', '=', id)
      .where('claim_id', '=', claimId)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /** Newest first; of one lineage, or of all. */
  async list(
    environmentId: string,
    page: {
      readonly limit: number
      readonly before?: string | undefined
      readonly lineageId?: string | undefined
      readonly status?: RevocationStatus | undefined
    },
  ): Promise<RevocationRecord[]> {
    const { limit, before, lineageId, status } = page
    const rows = await this.#db
      .selectFrom('revocation')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
      .$if(lineageId !== undefined, (query) => query.where('lineage_id', '=', lineageId ?? ''))
      .$if(status !== undefined, (query) => query.where('status', '=', status ?? 'pending'))
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
    return rows.map((row) => ({
      id: row.id,
      provider: row.provider,
      providerAccountId: row.provider_account_id,
      lineageId: row.lineage_id,
      flowId: row.flow_id,
      status: row.status,
      attempts: row.attempts,
      dueAtMs: row.status === 'pending' ? row.due_at_ms : null,
      detail: row.last_detail,
      createdAtMs: row.created_at_ms,
      endedAtMs: row.ended_at_ms,
    }))
  }

  /** When the next revocation can be tried: it is due and nobody else is trying. */
  async nextDueAtMs(): Promise<number | undefined> {
    // Over all, not the earliest due: that one may be claimed for long while others wait.
    const row = await this.#db
      .selectFrom('revocation')
      .select(({ fn, eb }) =>
        fn
          .min(
            eb
              .case()
              .when('claim_until_ms', '>', eb.ref('due_at_ms'))
              .then(eb.ref('claim_until_ms'))
              .else(eb.ref('due_at_ms'))
              .end(),
          )
          .as('at_ms'),
      )
      .where('status', '=', sql.lit('pending'))
      .executeTakeFirst()
    return row?.at_ms ?? undefined
  }
}

function place(id: string, environmentId: string) {
  return {
    table: 'revocation',
    column: 'token_set',
    rowId: id,
    environmentId,
  }
}
