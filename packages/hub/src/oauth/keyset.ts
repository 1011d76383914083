/**
 * Signatures under keys that a provider publishes: ECDSA with P-256 and SHA-256, in the formats of Tink. A keyset is JSON whose
 * keys are small protocol buffers, and a signature begins with the id of its key.
 */
import { type KeyObject, createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import { DAY_MS, MINUTE_MS } from '../core/time.ts'
import type { ClockDep, FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { callProvider, readJson } from './call.ts'
import { PROVIDER_TIMEOUT_MS } from './types.ts'

/** After so long a keyset is read again, because keys are withdrawn, too. */
const LIFE_MS = DAY_MS
/** For so long its keys count when it cannot be read again. */
const STALE_MS = 7 * DAY_MS
/** Whoever knows the address for notices can make up key ids: they cost the provider one request in so long. */
const PAUSE_MS = MINUTE_MS
/** Keysets that are kept at once; operators can name others than the catalog does. */
const KEYSETS_MAX = 100
const KEYS_MAX = 100

/** What stands before a signature: the format, and the id of the key in 4 bytes. */
const PREFIX_BYTES = 5
const FORMAT = 1
const COORDINATE_BYTES = 32

/** A signature, and the id of the key that it names. */
export interface KeysetSignature {
  readonly keyId: number
  /** Encoded in DER. */
  readonly bytes: Buffer
}

/** @returns Undefined when the text is no such signature. */
export function parseSignature(text: string): KeysetSignature | undefined {
  const bytes = Buffer.from(text, 'base64')
  if (bytes.length <= PREFIX_BYTES || bytes[0] !== FORMAT) return undefined
  return { keyId: bytes.readUInt32BE(1), bytes: bytes.subarray(PREFIX_BYTES) }
}

/** Whether a signature is that of the body under the key. */
export function isSignedBy(key: KeyObject, { bytes }: KeysetSignature, body: Uint8Array): boolean {
  return verify('sha256', body, { key, dsaEncoding: 'der' }, bytes)
}

/** `later`: nobody can tell before this time has passed. */
export type KeyAnswer =
  | { readonly type: 'found'; readonly key: KeyObject }
  | { readonly type: 'unknown' }
  | { readonly type: 'later'; readonly reason: string; readonly afterMs: number }

export interface Keysets {
  /**
   * A key of a published keyset, which is read when it is needed and kept for a day. A key is `unknown` to a keyset that was
   * read after somebody had asked for it: before that, it may have been published a moment ago.
   */
  find(url: string, keyId: number): Promise<KeyAnswer>
}

export interface KeysetsDep {
  readonly keysets: Keysets
}

interface KnownKeyset {
  keys: ReadonlyMap<number, KeyObject>
  readAtMs: number
  askedAtMs: number
  asking: Promise<void> | undefined
}

export function createKeysets(deps: ClockDep & FetchDep): Keysets {
  const known = new Map<string, KnownKeyset>()
  return {
    find: async (url, keyId) => {
      const keyset = known.get(url) ?? { ...UNREAD }
      if (known.size >= KEYSETS_MAX && !known.has(url)) known.clear()
      known.set(url, keyset)
      const nowMs = deps.clock.nowMs()
      const isEnough = keyset.keys.has(keyId) && nowMs < keyset.readAtMs + LIFE_MS
      const mayAsk = !isEnough && nowMs >= keyset.askedAtMs + PAUSE_MS
      if (mayAsk) {
        keyset.askedAtMs = nowMs
        keyset.asking = read(deps, url, keyset).finally(() => (keyset.asking = undefined))
      }
      await keyset.asking
      const isRead = keyset.readAtMs >= keyset.askedAtMs
      const key = keyset.keys.get(keyId)
      const isGood = isRead || nowMs < keyset.readAtMs + STALE_MS
      if (key !== undefined && isGood) return { type: 'found', key }
      if (isRead && mayAsk) return { type: 'unknown' }
      const what = isRead ? 'may have this key by now' : 'cannot be read'
      const afterMs = Math.max(0, keyset.askedAtMs + PAUSE_MS - deps.clock.nowMs())
      return { type: 'later', reason: `the keyset ${url} ${what}`, afterMs }
    },
  }
}

const UNREAD: KnownKeyset = {
  keys: new Map(),
  readAtMs: Number.NEGATIVE_INFINITY,
  askedAtMs: Number.NEGATIVE_INFINITY,
  asking: undefined,
}

async function read(deps: FetchDep, url: string, keyset: KnownKeyset): Promise<void> {
  const atMs = keyset.askedAtMs
  try {
    const context = { what: `keyset ${url}`, signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS) }
    const response = await callProvider(deps, context, url, {
      headers: { accept: 'application/json' },
    })
    const keys = response.ok ? parseKeyset(await readJson(response, 'any')) : undefined
    if (keys === undefined) return
    keyset.keys = keys
    keyset.readAtMs = atMs
  } catch (error) {
    // The earlier keys go on to count for a while, and whoever asks for another is told.
    if (!(error instanceof FirmaError)) throw error
  }
}

const KEYSET = z.object({
  key: z
    .array(
      z.object({
        keyId: z.int().min(0).max(0xffff_ffff),
        status: z.string(),
        outputPrefixType: z.string(),
        keyData: z.object({ typeUrl: z.string(), value: z.base64() }),
      }),
    )
    .max(KEYS_MAX),
})

/** @returns The keys that can be used, by id; undefined when this is no keyset. */
export function parseKeyset(json: unknown): Map<number, KeyObject> | undefined {
  const parsed = KEYSET.safeParse(json)
  if (!parsed.success) return undefined
  const keys = new Map<number, KeyObject>()
  for (const { keyId, status, outputPrefixType, keyData } of parsed.data.key) {
    const isEcdsa = keyData.typeUrl.endsWith('/google.crypto.tink.EcdsaPublicKey')
    if (status !== 'ENABLED' || outputPrefixType !== 'TINK' || !isEcdsa) continue
    const key = parseKey(Buffer.from(keyData.value, 'base64'))
    if (key !== undefined) keys.set(keyId, key)
  }
  return keys
}

/** `EcdsaParams`: SHA-256, P-256, DER. */
const PARAMETERS = Buffer.from([8, 3, 16, 2, 24, 2])

/** `EcdsaPublicKey`: its parameters are field 2, its coordinates fields 3 and 4. */
function parseKey(bytes: Buffer): KeyObject | undefined {
  const fields = readFields(bytes)
  if (fields?.get(2)?.equals(PARAMETERS) !== true) return undefined
  const [x, y] = [toCoordinate(fields.get(3)), toCoordinate(fields.get(4))]
  if (x === undefined || y === undefined) return undefined
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' })
  } catch {
    // No point of the curve: the keyset's other keys still count.
    return undefined
  }
}

/** Numbers are written with zeros before them, or without. */
function toCoordinate(bytes: Buffer = Buffer.of()): string | undefined {
  const excess = bytes.length - COORDINATE_BYTES
  if (excess > 0 && bytes.subarray(0, excess).some((byte) => byte !== 0)) return undefined
  const padding = Buffer.alloc(Math.max(0, -excess))
  return Buffer.concat([padding, bytes.subarray(Math.max(0, excess))]).toString('base64url')
}

/** The fields of a protocol buffer that have bytes, by number; undefined where it is broken. */
function readFields(bytes: Buffer): Map<number, Buffer> | undefined {
  const fields = new Map<number, Buffer>()
  let at = 0
  const readNumber = (): number => {
    for (let value = 0, shift = 1; ; shift *= 128) {
      const byte = bytes[at] ?? 0
      at += 1
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = readNumber()
    const length = readNumber()
    // A number has been read by now; nothing else than numbers and bytes is in such a key.
    if (tag % 8 === 0) continue
    if (tag % 8 !== 2 || at + length > bytes.length) return undefined
    fields.set(Math.floor(tag / 8), bytes.subarray(at, at + length))
    at += length
  }
  return fields
}
