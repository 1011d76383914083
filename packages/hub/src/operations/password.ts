/** Passwords of people, who choose worse secrets than we do: kept so that trying them is slow. */
import { scrypt, timingSafeEqual } from 'node:crypto'
import type { Random } from '../deps.ts'
import { assert } from '../errors.ts'

/** 32 MiB and some tenths of a second for one try: OWASP's parameters for scrypt. */
const COST = { N: 32_768, r: 8, p: 3 }
const KEY_BYTES = 32
const SALT_BYTES = 16
/** Node refuses to take more; twice what {@link COST} needs. */
const MEMORY_BYTES_MAX = 256 * COST.N * COST.r

export const PASSWORD_LENGTH_MIN = 12
export const PASSWORD_LENGTH_MAX = 256

/** @returns What is stored: parameters, salt and key. */
export async function hashPassword(random: Random, password: string): Promise<string> {
  const salt = Buffer.from(random.bytes(SALT_BYTES))
  const key = await derive(password, salt, COST)
  const { N, r, p } = COST
  return ['scrypt', N, r, p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/** Whether this is the password; takes as long for a wrong one. */
export async function isPassword(stored: string, password: string): Promise<boolean> {
  const [scheme, N, r, p, salt, key] = stored.split('$')
  assert(
    scheme === 'scrypt' && salt !== undefined && key !== undefined,
    'a stored password is ours',
  )
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  const expected = Buffer.from(key, 'base64url')
  return timingSafeEqual(await derive(password, Buffer.from(salt, 'base64url'), cost), expected)
}

async function derive(password: string, salt: Buffer, cost: typeof COST): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    // The same characters, however a keyboard composes them.
    const text = password.normalize('NFKC')
    scrypt(text, salt, KEY_BYTES, { ...cost, maxmem: MEMORY_BYTES_MAX }, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}
