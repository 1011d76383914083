import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type MatchPolicy, type MatchSubject, matchKey } from './match.ts'

const TONY: MatchSubject = {
  provider: 'FITBIT',
  referenceId: 'tony_stark',
  providerAccountId: 'account-1',
}

/** Whether a connection made like `TONY` continues as the other one, by policy. */
const TABLE: readonly (readonly [string, Partial<MatchSubject>, Record<MatchPolicy, boolean>])[] = [
  ['the same again', {}, { reference: true, account_and_reference: true, account: true }],
  [
    'another account of the person',
    { providerAccountId: 'account-2' },
    { reference: true, account_and_reference: false, account: false },
  ],
  [
    'the account under another reference_id',
    { referenceId: 'pepper' },
    { reference: false, account_and_reference: false, account: true },
  ],
  [
    'the account without a reference_id',
    { referenceId: null },
    { reference: false, account_and_reference: false, account: true },
  ],
  [
    'another provider',
    { provider: 'GARMIN' },
    { reference: false, account_and_reference: false, account: false },
  ],
]

describe('matchKey', () => {
  const cases = TABLE.flatMap(([what, change, expected]) =>
    Object.entries(expected).map(
      ([policy, is]) => [what, policy as MatchPolicy, is, change] as const,
    ),
  )
  it.each(cases)('says for %s under the policy %s that it continues: %s', (...args) => {
    const [, policy, isMatch, change] = args
    expect(matchKey(policy, { ...TONY, ...change }) === matchKey(policy, TONY)).toBe(isMatch)
  })

  it('compares accounts where the app names nobody', () => {
    const nobody = { ...TONY, referenceId: null }
    const other = { ...nobody, providerAccountId: 'account-2' }
    expect(matchKey('reference', nobody)).toBe(matchKey('reference', { ...nobody }))
    expect(matchKey('reference', nobody)).not.toBe(matchKey('reference', other))
  })

  it('tells an empty reference_id from none, and a reference_id from an account of that name', () => {
    const named = { ...TONY, referenceId: 'x', providerAccountId: 'y' }
    const unnamed = { ...TONY, referenceId: null, providerAccountId: 'x' }
    expect(matchKey('reference', named)).not.toBe(matchKey('reference', unnamed))
    for (const policy of ['reference', 'account_and_reference'] as const) {
      expect(matchKey(policy, { ...TONY, referenceId: '' })).not.toBe(
        matchKey(policy, { ...TONY, referenceId: null }),
      )
    }
  })

  it('gives two subjects one key exactly when all that the policy compares is the same', () => {
    const id = fc.constantFrom('a', 'b', '', '"', '","', ']', 'null', '\\')
    const subject = fc.record({
      provider: fc.constantFrom('A', 'B'),
      referenceId: fc.option(id),
      providerAccountId: id,
    })
    const compared = (policy: MatchPolicy, s: MatchSubject): unknown[] => {
      if (policy === 'account') return [s.provider, s.providerAccountId]
      if (policy === 'account_and_reference') {
        return [s.provider, s.providerAccountId, s.referenceId]
      }
      return [s.provider, s.referenceId, s.referenceId === null ? s.providerAccountId : null]
    }
    fc.assert(
      fc.property(
        fc.constantFrom<MatchPolicy>('reference', 'account_and_reference', 'account'),
        subject,
        subject,
        (policy, a, b) => {
          const [left, right] = [compared(policy, a), compared(policy, b)]
          const isSame = left.every((value, i) => value === right[i])
          expect(matchKey(policy, a) === matchKey(policy, b)).toBe(isSame)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})
