import type { Selectable } from 'kysely'
import type { Sealer } from '../seal.ts'
import { Redacted, sealedOnce } from '../secret.ts'
import type { TableContext } from './context.ts'
import { KeptRows } from './kept-rows.ts'
import type { Db, Schema } from './schema.ts'
import { first, statement } from './statement.ts'

/** The operator's own application at a provider. */
export interface ProviderApp {
  readonly environmentId: string
  readonly provider: string
  readonly clientId: string
  readonly clientSecret: Redacted<string>
  /** Digest of the secret segment in the address for notices. */
  readonly noticeKeyHash: string
  /** Real origin to the one that is called instead; empty in production. */
  readonly originOverrides: Readonly<Record<string, string>>
  /** What the operator says differently from the catalog: a variant, and a JSON merge patch. */
  readonly overrides: Readonly<Record<string, unknown>>
  /** Null in rows from before it was kept. */
  readonly secrets: Redacted<ProviderAppSecrets> | null
  readonly createdAtMs: number
  /** The provider has asked for a pause until then; null when it has not. */
  readonly pausedUntilMs: number | null
}

/** What is secret beside the client's secret. */
export interface ProviderAppSecrets {
  /** The secret segment in the address for notices, for providers that are told it by a call. Absent where only its digest is known. */
  readonly noticeKey?: string
  /** By the names in the provider's `secrets`. */
  readonly named: Readonly<Record<string, string>>
}

/** Environments that can share one app at a provider. */
const SHARING_MAX = 100

/** Most providers an environment can have. */
const PROVIDER_APPS_MAX = 200

const FIND = statement(
  ({ db }, given: { readonly environmentId: string; readonly provider: string }) =>
    db
      .selectFrom('provider_app')
      .selectAll()
      .where('environment_id', '=', given.environmentId)
      .where('provider', '=', given.provider)
      .compile(),
)

const LIST_PROVIDERS = statement(({ db }, given: { readonly environmentId: string }) =>
  db
    .selectFrom('provider_app')
    .select('provider')
    .where('environment_id', '=', given.environmentId)
    .orderBy('provider')
    .limit(PROVIDER_APPS_MAX)
    .compile(),
)

const KEPT = new KeptRows(toApp)

export class ProviderAppTable {
  readonly #context: TableContext
  readonly #db: Db
  readonly #sealer: Sealer

  constructor(context: TableContext) {
    this.#context = context
    this.#db = context.db
    this.#sealer = context.sealer
  }

  /** Adds the app, or replaces the one that the environment has at this provider. */
  async save(app: Omit<ProviderApp, 'pausedUntilMs'>): Promise<void> {
    const values = {
      client_id: app.clientId,
      client_secret_sealed: this.#sealer.seal(
        app.clientSecret.reveal(),
        secretPlace(app, 'client_secret'),
      ),
      notice_key_hash: app.noticeKeyHash,
      origin_overrides: JSON.stringify(app.originOverrides),
      paused_until_ms: null,
      overrides: JSON.stringify(app.overrides),
      secrets_sealed:
        app.secrets === null
          ? null
          : this.#sealer.seal(JSON.stringify(app.secrets.reveal()), secretPlace(app, 'secrets')),
    }
    await this.#db
      .insertInto('provider_app')
      .values({
        environment_id: app.environmentId,
        provider: app.provider,
        created_at_ms: app.createdAtMs,
        ...values,
      })
      .onConflict((conflict) =>
        conflict.columns(['environment_id', 'provider']).doUpdateSet(values),
      )
      .execute()
  }

  async find(environmentId: string, provider: string): Promise<ProviderApp | undefined> {
    const row = await first(FIND(this.#context, { environmentId, provider }))
    if (row === undefined) return undefined
    return KEPT.get(this.#sealer, `${environmentId} ${provider}`, row)
  }

  async remove(environmentId: string, provider: string): Promise<void> {
    await this.#db
      .deleteFrom('provider_app')
      .where('environment_id', '=', environmentId)
      .where('provider', '=', provider)
      .execute()
  }

  /** Nobody calls the provider for this environment before that time. */
  async pause(environmentId: string, provider: string, untilMs: number): Promise<void> {
    await this.#db
      .updateTable('provider_app')
      .set({ paused_until_ms: untilMs })
      .where('environment_id', '=', environmentId)
      .where('provider', '=', provider)
      .execute()
  }

  /**
   * Environments that use the same app at the provider: what is said about one concerns all. The client id
   * is public; only whoever has the secret too has the app.
   */
  async listSharing(
    app: Pick<ProviderApp, 'provider' | 'clientId' | 'clientSecret' | 'originOverrides'>,
  ): Promise<string[]> {
    const rows = await this.#db
      .selectFrom('provider_app')
      .selectAll()
      .where('provider', '=', app.provider)
      .where('client_id', '=', app.clientId)
      // A simulated provider is another one than the real.
      .where('origin_overrides', '=', JSON.stringify(app.originOverrides))
      .orderBy('environment_id')
      .limit(SHARING_MAX)
      .execute()
    const secret = app.clientSecret.reveal()
    return rows
      .map((row) => toApp(row, this.#sealer))
      .filter(({ clientSecret }) => clientSecret.reveal() === secret)
      .map(({ environmentId }) => environmentId)
  }

  /** The environment's apps, without their secrets, in the order of their providers. */
  async listApps(
    environmentId: string,
  ): Promise<Pick<ProviderApp, 'provider' | 'clientId' | 'originOverrides'>[]> {
    const rows = await this.#db
      .selectFrom('provider_app')
      .selectAll()
      .where('environment_id', '=', environmentId)
      .orderBy('provider')
      .limit(PROVIDER_APPS_MAX)
      .execute()
    return rows.map((row) => ({
      provider: row.provider,
      clientId: row.client_id,
      originOverrides: JSON.parse(row.origin_overrides) as Record<string, string>,
    }))
  }

  /** Names of the environment's providers, in alphabetical order. */
  async listProviders(environmentId: string): Promise<string[]> {
    const { rows } = await LIST_PROVIDERS(this.#context, { environmentId })
    return rows.map((row) => row.provider)
  }
}

function secretPlace(
  app: Pick<ProviderApp, 'environmentId' | 'provider'>,
  column: 'client_secret' | 'secrets',
) {
  return { table: 'provider_app', column, rowId: app.provider, environmentId: app.environmentId }
}

function toApp(row: Selectable<Schema['provider_app']>, sealer: Sealer): ProviderApp {
  const place = { environmentId: row.environment_id, provider: row.provider }
  const sealed = row.secrets_sealed
  return {
    ...place,
    clientId: row.client_id,
    clientSecret: new Redacted(
      sealedOnce(() => sealer.open(row.client_secret_sealed, secretPlace(place, 'client_secret'))),
    ),
    noticeKeyHash: row.notice_key_hash,
    originOverrides: JSON.parse(row.origin_overrides) as Record<string, string>,
    overrides: JSON.parse(row.overrides) as Record<string, unknown>,
    secrets:
      sealed === null
        ? null
        : new Redacted(
            sealedOnce(
              () =>
                JSON.parse(
                  sealer.open(sealed, secretPlace(place, 'secrets')),
                ) as ProviderAppSecrets,
            ),
          ),
    createdAtMs: row.created_at_ms,
    pausedUntilMs: row.paused_until_ms,
  }
}
