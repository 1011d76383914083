import { expect, it } from 'vitest'
import { systemRandom } from '../system.ts'
import { hashPassword, isPassword } from './password.ts'

it('knows a password again, however its characters were composed, and no other one', async () => {
  const stored = await hashPassword(systemRandom, 'pässwörd of mine')
  expect(stored).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/)
  expect(await isPassword(stored, 'pässwörd of mine'.normalize('NFD'))).toBe(true)
  expect(await isPassword(stored, 'pässwörd of mine ')).toBe(false)
  expect(await isPassword(stored, '')).toBe(false)
  expect(await hashPassword(systemRandom, 'pässwörd of mine')).not.toBe(stored)
})
