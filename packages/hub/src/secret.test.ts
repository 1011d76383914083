import { Writable } from 'node:stream'
import { format, inspect } from 'node:util'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { Redacted, createSecret, digest, isSameDigest } from './secret.ts'
import { systemRandom } from './system.ts'

const SECRET = 'canary-4711'

/** Whatever pino writes for these fields. */
function logged(fields: Record<string, unknown>): string {
  let text = ''
  const sink = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk)
      done()
    },
  })
  pino({ serializers: { error: pino.stdSerializers.err } }, sink).info(fields, 'message')
  return text
}

describe('Redacted', () => {
  const secret = new Redacted(SECRET)
  const nested = { token: secret, list: [secret], map: new Map([['key', secret]]) }

  it('gives its value to whoever asks for it', () => {
    expect(secret.reveal()).toBe(SECRET)
    expect(new Redacted({ access: SECRET }).reveal()).toEqual({ access: SECRET })
  })

  it.each([
    // What a template calls.
    ['text', () => String(secret)],
    ['a joined list', () => [secret, secret].join()],
    ['JSON', () => JSON.stringify(nested)],
    ['inspection', () => inspect(nested, { depth: null, showHidden: true })],
    ['formatting', () => format('%s %o %O %j', secret, nested, nested, nested)],
    ['a log line', () => logged({ secret, nested })],
    [
      'the log line of an error',
      () => logged({ error: Object.assign(new Error('x'), { secret }) }),
    ],
    ['its properties', () => JSON.stringify(Object.getOwnPropertyDescriptors(secret))],
    ['a clone', () => inspect(structuredClone(secret))],
  ])('does not show it in %s', (_where, show) => {
    expect(show()).not.toContain('canary')
  })

  it('says that something was there', () => {
    expect(JSON.stringify({ secret })).toBe('{"secret":"[redacted]"}')
    expect(String(secret)).toBe('[redacted]')
    expect(inspect(secret)).toBe('[redacted]')
  })
})

describe('createSecret', () => {
  it('has 256 bits, fits into an URL, and is never the same', () => {
    const secrets = Array.from({ length: 100 }, () => createSecret(systemRandom))
    expect(new Set(secrets).size).toBe(100)
    expect(secrets.filter((one) => !/^[\w-]{43}$/.test(one))).toEqual([])
  })
})

describe('digest', () => {
  it('is SHA-256 in hex', () => {
    expect(digest('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  })
})

describe('isSameDigest', () => {
  it.each([
    ['abc', 'abc', true],
    ['abc', 'abd', false],
    ['abc', 'abcd', false],
    ['', '', true],
    ['', 'abc', false],
    ['é', 'e', false],
  ])('compares %j with %j: %s', (a, b, expected) => {
    expect(isSameDigest(a, b)).toBe(expected)
  })
})
