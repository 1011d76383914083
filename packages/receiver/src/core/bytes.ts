/**
 * Keyed hash, HMAC-SHA256 (RFC 2104): `(key, data) => 32 bytes`. Handed in, because Node and the web have different ones.
 */
export type Hmac = (key: Uint8Array, data: Uint8Array) => Uint8Array | Promise<Uint8Array>

const encoder = new TextEncoder()
const HEX_PATTERN = /^(?:[0-9a-f]{2})*$/i

/** UTF-8 bytes of a text; bytes pass through untouched. */
export function toBytes(value: Uint8Array | string): Uint8Array {
  return typeof value === 'string' ? encoder.encode(value) : value
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0')
  return hex
}

/** Bytes of a hexadecimal text in either case; `undefined` when it is not one. */
export function fromHex(hex: string): Uint8Array | undefined {
  if (!HEX_PATTERN.test(hex)) return undefined
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i += 1)
    bytes[i] = Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16)
  return bytes
}

/** Base64 with the standard alphabet and padding (RFC 4648, section 4). For short values: keys and hashes. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCodePoint(...bytes))
}

/** Bytes of a base64 text; `undefined` when it is not one. */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.codePointAt(0) ?? 0)
  } catch {
    // atob throws for anything outside the alphabet; the caller decides what that means.
    return undefined
  }
}

/** One array of all parts, in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Compares in a time that depends on the lengths only, so that nobody learns a hash byte by byte. */
export function isEqualConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (const [i, byte] of a.entries()) difference |= byte ^ (b[i] ?? 0)
  return difference === 0
}
