/**
 * HMAC-SHA256 and SHA-256 of the machine we run on: node:crypto where there is one (in Node webcrypto costs a trip through
 * the thread pool for every event), webcrypto elsewhere.
 */
import { concatBytes, toBytes, toHex, type Hmac } from './core/bytes.ts'
import { findBuiltin } from './find-builtin.ts'

const nodeCrypto = findBuiltin((host) => host.getBuiltinModule('node:crypto'))

/** HMAC-SHA256 (RFC 2104) of all parts under `key`: 32 bytes. */
export const hmacSha256: Hmac =
  nodeCrypto === undefined
    ? hmacSha256Web
    : (key, ...parts) => {
        const hmac = nodeCrypto.createHmac('sha256', key)
        for (const part of parts) hmac.update(part)
        return hmac.digest()
      }

/** HMAC-SHA256 through webcrypto; exported so that both ways can be compared. */
export async function hmacSha256Web(...[key, ...parts]: Parameters<Hmac>): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await subtle.importKey('raw', toBytes(key), algorithm, false, ['sign'])
  return new Uint8Array(await subtle.sign('HMAC', imported, concatBytes(...parts.map(toBytes))))
}

/** SHA-256 in lower-case hex, of a text's UTF-8 bytes: names a body whose sender gave it no trace id, and breaks ties between equal times. */
export async function sha256Hex(data: Uint8Array | string): Promise<string> {
  if (nodeCrypto !== undefined) return nodeCrypto.createHash('sha256').update(data).digest('hex')
  return sha256HexWeb(toBytes(data))
}

/** SHA-256 through webcrypto; exported so that both ways can be compared. */
export async function sha256HexWeb(data: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', data)))
}
