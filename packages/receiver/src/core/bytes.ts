/**
 * Keyed hash, HMAC-SHA256 (RFC 2104), of parts as if they were joined: `(key, ...parts) => 32 bytes`. A text stands for its UTF-8 bytes. Handed in, because
 * Node and the web have different ones.
 */
export type Hmac = (
  key: Uint8Array | string,
  ...parts: readonly (Uint8Array | string)[]
) => Uint8Array | Promise<Uint8Array>

const encoder = new TextEncoder()

/** UTF-8 bytes of a text; bytes pass through untouched. */
export function toBytes(value: Uint8Array | string): Uint8Array {
  return typeof value === 'string' ? encoder.encode(value) : value
}

const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += HEX_OF_BYTE[byte] ?? ''
  return hex
}

/** Bytes of a hexadecimal text in either case; `undefined` when it is not one. */
export function fromHex(hex: string): Uint8Array | undefined {
  if (hex.length % 2 !== 0) return undefined
  const bytes = new Uint8Array(hex.length / 2)
  for (let i = 0; i < bytes.length; i += 1) {
    const high = fromHexDigit(hex.charCodeAt(i * 2))
    const low = fromHexDigit(hex.charCodeAt(i * 2 + 1))
    if (high === undefined || low === undefined) return undefined
    bytes[i] = high * 16 + low
  }
  return bytes
}

/** The value of a digit, by its code unit. */
function fromHexDigit(unit: number): number | undefined {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30
  const letter = unit | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : undefined
}

/** Base64 with the standard alphabet and padding (RFC 4648, section 4). For short values: keys and hashes. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCodePoint(...bytes))
}

/** Bytes of a base64 text; `undefined` when it is not one. */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    const characters = atob(text)
    // Not Uint8Array.from, which goes through an iterator and costs more than the hash that is made of the bytes.
    const bytes = new Uint8Array(characters.length)
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = characters.charCodeAt(i)
    return bytes
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
  for (let i = 0; i < a.length; i += 1) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}
