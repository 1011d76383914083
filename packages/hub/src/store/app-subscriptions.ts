import { type Selectable, sql } from 'kysely'
import type { Sealer } from '../seal.ts'
import { Redacted, Sealed } from '../secret.ts'
import { type Engine, type TableContext, claimsOf } from './context.ts'
import type { ProviderApp } from './provider-apps.ts'
import type { Db, Schema } from './schema.ts'

/**
 * `pending`: not looked at since the credentials were entered. `failing`: not all are in force, and it is tried again.
 * `removing`: the app has been given up, and with it go its subscriptions.
 */
export type AppSubscriptionStatus = 'pending' | 'active' | 'failing' | 'removing'

/** How an app that was given up is reached. */
export type FormerApp = Pick<ProviderApp, 'clientId' | 'originOverrides' | 'overrides'> & {
  readonly clientSecret: string
  readonly secrets: Readonly<Record<string, string>>
}

/** The subscriptions of one app at a provider, all together. */
export interface AppSubscriptionState {
  readonly id: string
  readonly environmentId: string
  readonly provider: string
  readonly status: AppSubscriptionStatus
  /** Null while the environment has the app. */
  readonly formerApp: Redacted<FormerApp> | null
  /** Ids of those that this hub has made. */
  readonly madeIds: readonly string[]
  /** How many there should be, and are. */
  readonly wanted: number
  readonly active: number
  /** The first of them to end; null where none does. */
  readonly endsAtMs: number | null
  /** In a row without success. */
  readonly attempts: number
  /** Since when there is none. */
  readonly sinceMs: number
  /** When the provider is asked next. */
  readonly dueAtMs: number
  /** What is wrong; null when nothing is. */
  readonly detail: string | null
  readonly checkedAtMs: number | null
  readonly claimId: string | null
}

/** What one look has found and done. */
export type AppSubscriptionChange = Pick<
  AppSubscriptionState,
  | 'status'
  | 'madeIds'
  | 'wanted'
  | 'active'
  | 'endsAtMs'
  | 'attempts'
  | 'sinceMs'
  | 'dueAtMs'
  | 'detail'
  | 'checkedAtMs'
>

type Owner = Pick<AppSubscriptionState, 'environmentId' | 'provider'>
type Claimed = Pick<AppSubscriptionState, 'id' | 'claimId'>

/** On a claim whose app has changed: its owner settles nothing any more, and nobody else begins before it has ended. */
const OVERTAKEN_MARK = '!'
const OVERTAKEN = sql<
  string | null
>`CASE WHEN app_subscription.claim_id LIKE '%!' THEN app_subscription.claim_id ELSE app_subscription.claim_id || '!' END`

export class AppSubscriptionTable {
  readonly #db: Db
  readonly #engine: Engine
  readonly #sealer: Sealer

  constructor({ db, engine, sealer }: TableContext) {
    this.#db = db
    this.#engine = engine
    this.#sealer = sealer
  }

  /** The provider is asked now; where somebody is asking it already, as soon as that has ended: the app may have changed. */
  async want(wanted: Owner & { readonly id: string; readonly nowMs: number }): Promise<void> {
    const { id, environmentId, provider, nowMs } = wanted
    const anew = {
      status: 'pending' as const,
      attempts: 0,
      since_ms: nowMs,
      due_at_ms: nowMs,
    }
    await this.#db
      .insertInto('app_subscription')
      .values({
        id,
        environment_id: environmentId,
        provider,
        app_sealed: null,
        made_ids: '[]',
        wanted: 0,
        active: 0,
        ends_at_ms: null,
        last_detail: null,
        checked_at_ms: null,
        claim_id: null,
        claim_until_ms: null,
        ...anew,
      })
      .onConflict((conflict) =>
        conflict
          .columns(['environment_id', 'provider'])
          .where('app_sealed', 'is', null)
          .doUpdateSet({ ...anew, claim_id: OVERTAKEN }),
      )
      .execute()
  }

  /**
   * The environment gives the app up; what it has subscribed to is removed. Whoever is making more of it just now
   * finishes first: what comes after the last look would stay for ever.
   */
  async retire(owner: Owner, app: FormerApp, nowMs: number): Promise<void> {
    const present = await this.find(owner)
    if (present === undefined) return
    await this.#db
      .updateTable('app_subscription')
      .set({
        status: 'removing',
        app_sealed: this.#sealer.seal(JSON.stringify(app), place(present)),
        attempts: 0,
        since_ms: nowMs,
        due_at_ms: nowMs,
        claim_id: OVERTAKEN,
      })
      .where('id', '=', present.id)
      .execute()
  }

  /** Nobody looks after it any more; what there is at the provider stays. */
  async forget({ environmentId, provider }: Owner): Promise<void> {
    await this.#db
      .deleteFrom('app_subscription')
      .where('environment_id', '=', environmentId)
      .where('provider', '=', provider)
      .where('app_sealed', 'is', null)
      .execute()
  }

  async find({ environmentId, provider }: Owner): Promise<AppSubscriptionState | undefined> {
    const row = await this.#db
      .selectFrom('app_subscription')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .where('provider', '=', provider)
      .where('app_sealed', 'is', null)
      .executeTakeFirst()
    return row && this.#toState(row)
  }

  /** Of one environment, without those of apps that were given up. */
  async list(environmentId: string, limit: number): Promise<AppSubscriptionState[]> {
    const rows = await this.#db
      .selectFrom('app_subscription')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .where('app_sealed', 'is', null)
      .orderBy('provider')
      .limit(limit)
      .execute()
    return rows.map((row) => this.#toState(row))
  }

  /**
   * Apps at these providers that nobody looks after yet: from before there were such rows.
   *
   * @param page In the order of environments and providers; `after` is the last one of the page before.
   */
  async listUnwatched(
    providers: readonly string[],
    { after, limit }: { readonly after?: Owner | undefined; readonly limit: number },
  ): Promise<Owner[]> {
    const rows = await this.#db
      .selectFrom('provider_app')
      .select(['environment_id', 'provider'])
      .where('provider', 'in', providers)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('app_subscription')
              .select('id')
              .whereRef('app_subscription.environment_id', '=', 'provider_app.environment_id')
              .whereRef('app_subscription.provider', '=', 'provider_app.provider')
              .where('app_sealed', 'is', null),
          ),
        ),
      )
      .$if(after !== undefined, (query) =>
        query.where(({ eb, or, and }) =>
          or([
            eb('environment_id', '>', after?.environmentId ?? ''),
            and([
              eb('environment_id', '=', after?.environmentId ?? ''),
              eb('provider', '>', after?.provider ?? ''),
            ]),
          ]),
        ),
      )
      .orderBy('environment_id')
      .orderBy('provider')
      .limit(limit)
      .execute()
    return rows.map((row) => ({ environmentId: row.environment_id, provider: row.provider }))
  }

  async claimDue(claim: {
    readonly id: string
    readonly nowMs: number
    readonly untilMs: number
  }): Promise<AppSubscriptionState | undefined> {
    const due = this.#db
      .selectFrom('app_subscription')
      .select('id')
      .where('due_at_ms', '<=', claim.nowMs)
      .where(({ eb, or }) =>
        or([eb('claim_until_ms', 'is', null), eb('claim_until_ms', '<=', claim.nowMs)]),
      )
      .orderBy('due_at_ms')
      .orderBy('id')
      .limit(1)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate().skipLocked())
    const row = await this.#db
      .with('due', () => due)
      .updateTable('app_subscription')
      .set({ claim_id: claim.id, claim_until_ms: claim.untilMs })
      .where('id', 'in', ({ selectFrom }) => selectFrom('due').select('due.id'))
      .returningAll()
      .executeTakeFirst()
    return row && this.#toState(row)
  }

  /**
   * Who was woken since the claim stays due: the look may have been past what it was woken for.
   *
   * @param looked As it was claimed.
   * @returns False when it is somebody else's by now, or the app has changed since.
   */
  async settle(
    looked: Claimed & Pick<AppSubscriptionState, 'dueAtMs'>,
    change: AppSubscriptionChange,
  ): Promise<boolean> {
    const result = await this.#db
      .updateTable('app_subscription')
      .set({
        status: change.status,
        made_ids: JSON.stringify(change.madeIds),
        wanted: change.wanted,
        active: change.active,
        ends_at_ms: change.endsAtMs,
        attempts: change.attempts,
        since_ms: change.sinceMs,
        due_at_ms: ({ eb, ref }) =>
          eb
            .case()
            .when('due_at_ms', '=', looked.dueAtMs)
            .then(change.dueAtMs)
            .else(ref('due_at_ms'))
            .end(),
        last_detail: change.detail,
        checked_at_ms: change.checkedAtMs,
        claim_id: null,
        claim_until_ms: null,
      })
      .where('id', '=', looked.id)
      .where('claim_id', '=', looked.claimId)
      .executeTakeFirst()
    return result.numUpdatedRows === 1n
  }

  /** What a look under this claim came to does not count any more, for the app has changed; others may look now. */
  async release({ id, claimId }: Claimed): Promise<void> {
    await this.#db
      .updateTable('app_subscription')
      .set({ claim_id: null, claim_until_ms: null })
      .where('id', '=', id)
      .where('claim_id', '=', `${claimId}${OVERTAKEN_MARK}`)
      .execute()
  }

  /** The app is given up, and has nothing any more; or the environment has lost it otherwise. */
  async remove({ id, claimId }: Claimed): Promise<void> {
    await this.#db
      .deleteFrom('app_subscription')
      .where('id', '=', id)
      .where('claim_id', '=', claimId)
      .execute()
  }

  /** Others that share the app look again: what was removed may have been theirs, too. */
  async wakeThese(environmentIds: readonly string[], provider: string, nowMs: number) {
    if (environmentIds.length === 0) return
    await this.#db
      .updateTable('app_subscription')
      // Always another time than the one before: by it, whoever is looking notices.
      .set({
        due_at_ms: ({ eb, ref }) =>
          eb
            .case()
            .when('due_at_ms', '>', nowMs)
            .then(nowMs)
            .else(eb(ref('due_at_ms'), '-', 1))
            .end(),
      })
      .where('environment_id', 'in', environmentIds)
      .where('provider', '=', provider)
      .where('app_sealed', 'is', null)
      .execute()
  }

  /** When the next look is due; undefined when there is nothing to look after. */
  async nextDueAtMs(): Promise<number | undefined> {
    const row = await this.#db
      .selectFrom('app_subscription')
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
      .executeTakeFirst()
    return row?.at_ms ?? undefined
  }

  /** A process is gone: what it was doing is free. */
  async freeClaimsOf(processId: string): Promise<void> {
    const { from, to } = claimsOf(processId)
    await this.#db
      .updateTable('app_subscription')
      .set({ claim_id: null, claim_until_ms: null })
      .where('claim_id', '>=', from)
      .where('claim_id', '<', to)
      .execute()
  }

  #toState(row: Selectable<Schema['app_subscription']>): AppSubscriptionState {
    const { app_sealed: sealed } = row
    const where = place({ id: row.id, environmentId: row.environment_id })
    return {
      id: row.id,
      environmentId: row.environment_id,
      provider: row.provider,
      status: row.status,
      formerApp:
        sealed === null
          ? null
          : new Redacted(
              new Sealed(() => JSON.parse(this.#sealer.open(sealed, where)) as FormerApp),
            ),
      madeIds: JSON.parse(row.made_ids) as string[],
      wanted: row.wanted,
      active: row.active,
      endsAtMs: row.ends_at_ms,
      attempts: row.attempts,
      sinceMs: row.since_ms,
      dueAtMs: row.due_at_ms,
      detail: row.last_detail,
      checkedAtMs: row.checked_at_ms,
      claimId: row.claim_id,
    }
  }
}

function place({ id, environmentId }: Pick<AppSubscriptionState, 'id' | 'environmentId'>) {
  return { table: 'app_subscription', column: 'app', rowId: id, environmentId }
}
