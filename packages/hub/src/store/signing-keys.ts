import { Redacted } from '../secret.ts'
import type { Sealer } from '../seal.ts'
import type { TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** A key that signs for a destination beside the destination's own secret. */
export interface SigningKey {
  /** The `kid` of an Ed25519 key in the environment's JWKS. */
  readonly id: string
  readonly environmentId: string
  readonly destinationId: string
  readonly kind: 'hmac' | 'ed25519'
  /** The secret text of an hmac key; the 32 bytes of an Ed25519 one in base64url. */
  readonly secret: Redacted<string>
  /** Base64url of the 32 bytes; null for hmac. */
  readonly publicKey: string | null
  readonly createdAtMs: number
  /** Null signs until it is replaced. */
  readonly expiresAtMs: number | null
}

/** Keys that sign for one destination at most, expired ones left out. */
export const SIGNING_KEYS_MAX = 5
/** Public keys of one environment that are listed at most. */
const PUBLIC_KEYS_MAX = 500

export class SigningKeyTable {
  readonly #db: Db
  readonly #sealer: Sealer

  constructor({ db, sealer }: TableContext) {
    this.#db = db
    this.#sealer = sealer
  }

  async add(key: SigningKey): Promise<void> {
    await this.#db
      .insertInto('signing_key')
      .values({
        id: key.id,
        environment_id: key.environmentId,
        destination_id: key.destinationId,
        kind: key.kind,
        secret_sealed: this.#sealer.seal(key.secret.reveal(), place(key)),
        public_key: key.publicKey,
        created_at_ms: key.createdAtMs,
        expires_at_ms: key.expiresAtMs,
      })
      .execute()
  }

  /** Oldest first. */
  async list(destinationId: string): Promise<SigningKey[]> {
    const rows = await this.#db
      .selectFrom('signing_key')
      .selectAll()
      .where('destination_id', '=', destinationId)
      .orderBy('id')
      .limit(2 * SIGNING_KEYS_MAX)
      .execute()
    return rows.map((row) => {
      const known = {
        id: row.id,
        environmentId: row.environment_id,
        destinationId: row.destination_id,
      }
      return {
        ...known,
        kind: row.kind,
        secret: new Redacted(this.#sealer.open(row.secret_sealed, place(known))),
        publicKey: row.public_key,
        createdAtMs: row.created_at_ms,
        expiresAtMs: row.expires_at_ms,
      }
    })
  }

  /** Public keys that sign in an environment now, or did a moment ago. */
  async listPublic(
    environmentId: string,
    nowMs: number,
  ): Promise<{ id: string; publicKey: string }[]> {
    const rows = await this.#db
      .selectFrom('signing_key')
      .select(['id', 'public_key'])
      .where('environment_id', '=', environmentId)
      .where('kind', '=', 'ed25519')
      .where(({ eb, or }) => or([eb('expires_at_ms', 'is', null), eb('expires_at_ms', '>', nowMs)]))
      .orderBy('id')
      .limit(PUBLIC_KEYS_MAX)
      .execute()
    return rows.flatMap((row) =>
      row.public_key === null ? [] : [{ id: row.id, publicKey: row.public_key }],
    )
  }

  /** Lets the keys of a kind that do not expire yet end then. */
  async expire(destinationId: string, kind: SigningKey['kind'], atMs: number): Promise<void> {
    await this.#db
      .updateTable('signing_key')
      .set({ expires_at_ms: atMs })
      .where('destination_id', '=', destinationId)
      .where('kind', '=', kind)
      .where('expires_at_ms', 'is', null)
      .execute()
  }

  async removeExpired(destinationId: string, nowMs: number): Promise<void> {
    await this.#db
      .deleteFrom('signing_key')
      .where('destination_id', '=', destinationId)
      .where('expires_at_ms', '<=', nowMs)
      .execute()
  }
}

function place({ id, environmentId }: Pick<SigningKey, 'id' | 'environmentId'>) {
  return { table: 'signing_key', column: 'secret', rowId: id, environmentId }
}
