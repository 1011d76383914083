/**
 * HMAC-SHA256 and SHA-256 of the machine we run on: node:crypto where there is one (in Node webcrypto costs a trip through
 * the thread pool for every event), webcrypto elsewhere.
 */
import { toHex, type Hmac } from './core/bytes.ts'

type NodeCrypto = typeof import('node:crypto')

// Not an import: a bundler for the edge would refuse "node:crypto", and this answers undefined there.
function findNodeCrypto(): NodeCrypto | undefined {
  return globalThis.process?.getBuiltinModule?.('node:crypto')
}

const nodeCrypto = findNodeCrypto()

/** HMAC-SHA256 (RFC 2104) of `data` under `key`: 32 bytes. */
export const hmacSha256: Hmac =
  nodeCrypto === undefined
    ? hmacSha256Web
    : (key, data) => nodeCrypto.createHmac('sha256', key).update(data).digest()

/** HMAC-SHA256 through webcrypto; exported so that both ways can be compared. */
export async function hmacSha256Web(key: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
  const { subtle } = globalThis.crypto
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const imported = await subtle.importKey('raw', key, algorithm, false, ['sign'])
  return new Uint8Array(await subtle.sign('HMAC', imported, data))
}

/** SHA-256 in lower-case hex: names a body whose sender gave it no trace id, and breaks ties between equal times. */
export async function sha256Hex(data: Uint8Array): Promise<string> {
  if (nodeCrypto !== undefined) return nodeCrypto.createHash('sha256').update(data).digest('hex')
  return sha256HexWeb(data)
}

/** SHA-256 through webcrypto; exported so that both ways can be compared. */
export async function sha256HexWeb(data: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await globalThis.crypto.subtle.digest('SHA-256', data)))
}
