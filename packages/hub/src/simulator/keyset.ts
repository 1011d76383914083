/** The keys that a simulated provider signs its notices with, published as the real one publishes them. */
import { type KeyObject, generateKeyPairSync, sign } from 'node:crypto'
import type { Hono } from 'hono'
import type { RandomDep } from '../deps.ts'
import type { Provider } from '../providers/provider.ts'
import { simulatedPath } from './profile.ts'

/** `EcdsaParams`: SHA-256, P-256, DER; as field 2 of `EcdsaPublicKey`. */
const PARAMETERS = [18, 6, 8, 3, 16, 2, 24, 2]

interface Key {
  readonly id: number
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export class SimulatedKeyset {
  readonly #random: RandomDep['random']
  #keys: readonly Key[] = []

  constructor({ random }: RandomDep) {
    this.#random = random
    this.rotate()
  }

  /** Signs with a new key from now on; the one before it stays published. */
  rotate(): void {
    const id = Buffer.from(this.#random.bytes(4)).readUInt32BE()
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#keys = [{ id, ...pair }, ...this.#keys.slice(0, 1)]
  }

  /** As Tink signs: the format, the id of the key, and the signature in DER. */
  sign(body: string): string {
    const [key] = this.#keys
    if (key === undefined) return ''
    const prefix = Buffer.of(1, 0, 0, 0, 0)
    prefix.writeUInt32BE(key.id, 1)
    const bytes = sign('sha256', Buffer.from(body), { key: key.privateKey, dsaEncoding: 'der' })
    return Buffer.concat([prefix, bytes]).toString('base64')
  }

  toJson(): unknown {
    return {
      primaryKeyId: this.#keys[0]?.id,
      key: this.#keys.map(({ id, publicKey }) => ({
        keyData: {
          typeUrl: 'type.googleapis.com/google.crypto.tink.EcdsaPublicKey',
          value: toMessage(publicKey),
          keyMaterialType: 'ASYMMETRIC_PUBLIC',
        },
        status: 'ENABLED',
        keyId: id,
        outputPrefixType: 'TINK',
      })),
    }
  }
}

function toMessage(publicKey: KeyObject): string {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const fields = [x, y].map((coordinate, index) =>
    // With a zero before it, so that nobody takes it for a negative number.
    Buffer.concat([Buffer.of(26 + 8 * index, 33, 0), Buffer.from(coordinate, 'base64url')]),
  )
  return Buffer.concat([Buffer.from(PARAMETERS), ...fields]).toString('base64')
}

/** @returns Undefined for a provider that publishes no keys. */
export function keysetOf(deps: RandomDep, { notices }: Provider): SimulatedKeyset | undefined {
  const isPublished = notices.kind === 'push' && notices.authentication.kind === 'keyset'
  return isPublished ? new SimulatedKeyset(deps) : undefined
}

export function addKeysetRoute(
  app: Hono,
  { notices }: Provider,
  keyset: SimulatedKeyset | undefined,
): void {
  if (notices.kind === 'none' || notices.authentication.kind !== 'keyset') return
  app.get(simulatedPath(notices.authentication.keysetUrl), (context) =>
    context.json(keyset?.toJson() as object),
  )
}
