/**
 * Encryption at rest: AES-256-GCM with key ids. A ciphertext is bound to its place (table, row, column,
 * environment), so one that is copied to another row does not open there.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto'
import type { RandomDep } from './deps.ts'
import { FirmaError, assert } from './errors.ts'

/** Where a sealed value is stored; part of what is authenticated. */
export interface Place {
  readonly table: string
  readonly column: string
  readonly rowId: string
  readonly environmentId: string
}

export interface Sealer {
  /** The key that seals. */
  readonly primaryId: string
  /** All keys that open, in the order of the configuration. */
  readonly keyIds: readonly string[]
  /** Adds a key before the others, which seals from now on; what those have sealed still opens. */
  usePrimary(id: string, key: Uint8Array): void
  /** From now on this one of its keys seals. */
  sealWith(id: string): void
  seal(plain: string, place: Place): string
  /** @throws FirmaError `configuration_invalid` when the key is unknown or the value was changed or moved. */
  open(sealed: string, place: Place): string
}

/** The keys that are live: all of them open, the primary one seals. */
export interface KeyRing {
  readonly primaryId: string
  /** 32 bytes each, by id. */
  readonly keys: ReadonlyMap<string, Uint8Array>
}

/** Bytes of an AES-256 key. */
export const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Without it Node takes a tag of 4 bytes as well, which is soon guessed. */
const GCM = { authTagLength: TAG_BYTES }

export function createSealer({ random }: RandomDep, ring: KeyRing): Sealer {
  for (const [id, key] of ring.keys) checkKey(id, key)
  let { primaryId } = ring
  let keys = new Map(ring.keys)
  assert(keys.has(primaryId), 'the primary key is one of the keys')
  return {
    get primaryId() {
      return primaryId
    },
    get keyIds() {
      return [...keys.keys()]
    },
    usePrimary(id, key) {
      checkKey(id, key)
      assert(!keys.has(id), `there is no encryption key ${id} yet`)
      keys = new Map([[id, key], ...keys])
      primaryId = id
    },
    sealWith(id) {
      assert(keys.has(id), `there is an encryption key ${id}`)
      primaryId = id
    },
    seal(plain, place) {
      const primary = keys.get(primaryId)
      assert(primary !== undefined, 'the primary key is one of the keys')
      const nonce = random.bytes(NONCE_BYTES)
      const cipher = createCipheriv('aes-256-gcm', primary, nonce, GCM).setAAD(toAad(place))
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      const packed = Buffer.concat([nonce, body, cipher.getAuthTag()])
      return `v1.${primaryId}.${packed.toString('base64url')}`
    },
    open(sealed, place) {
      const [version, keyId = '', payload = ''] = sealed.split('.')
      const key = keys.get(keyId)
      if (version !== 'v1' || key === undefined) {
        throw new FirmaError(
          'configuration_invalid',
          `${place.table}.${place.column} is sealed with key "${keyId}", which is not configured; add that key again`,
        )
      }
      const packed = Buffer.from(payload, 'base64url')
      try {
        assert(packed.length >= NONCE_BYTES + TAG_BYTES, 'a sealed value has a nonce and a tag')
        const nonce = packed.subarray(0, NONCE_BYTES)
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, GCM)
        decipher.setAAD(toAad(place)).setAuthTag(packed.subarray(-TAG_BYTES))
        const body = packed.subarray(NONCE_BYTES, -TAG_BYTES)
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8')
      } catch (cause) {
        throw new FirmaError(
          'configuration_invalid',
          `a value of ${place.table}.${place.column} does not open: it was changed, moved to another row, or key "${keyId}" is not the one that sealed it; give the keys that this database was made with`,
          { cause },
        )
      }
    },
  }
}

function checkKey(id: string, key: Uint8Array): void {
  // It stands between full stops in what is sealed.
  assert(/^[\w-]+$/.test(id), `key id "${id}" is made of letters, digits, hyphens and underscores`)
  assert(key.length === KEY_BYTES, `encryption key ${id} has ${KEY_BYTES} bytes`)
}

function toAad({ table, column, rowId, environmentId }: Place): Buffer {
  return Buffer.from(JSON.stringify([table, column, rowId, environmentId]))
}
