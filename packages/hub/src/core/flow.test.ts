import { describe, expect, it } from 'vitest'
import {
  CONFIRMATION_LIFETIME_MS,
  EXCHANGE_LIFETIME_MS,
  FLOW_FAILURES,
  LINK_LIFETIME_MS,
  STATE_LIFETIME_MS,
  type ConfirmationVerdict,
  type FlowStatus,
  type LinkVerdict,
  judgeConfirmation,
  judgeLink,
} from './flow.ts'

const EXPIRY_MS = 1_000
/** claimed by, brought by the visitor, used, when → verdict. */
const TABLE: readonly (readonly [string | null, string | null, boolean, number, LinkVerdict])[] = [
  [null, null, false, 0, 'claim'],
  [null, null, false, EXPIRY_MS - 1, 'claim'],
  [null, null, false, EXPIRY_MS, 'expired'],
  [null, null, true, 0, 'used'],
  [null, null, true, EXPIRY_MS, 'used'],
  // A browser that has a secret of another link is new to this one.
  [null, 'mine', false, 0, 'claim'],
  [null, 'mine', false, EXPIRY_MS, 'expired'],
  [null, 'mine', true, 0, 'used'],
  ['mine', 'mine', false, 0, 'open'],
  ['mine', 'mine', false, EXPIRY_MS - 1, 'open'],
  ['mine', 'mine', false, EXPIRY_MS, 'expired'],
  ['mine', 'mine', true, 0, 'used'],
  ['mine', 'mine', true, EXPIRY_MS, 'used'],
  // A stranger learns nothing but that the link is not his.
  ['mine', 'theirs', false, 0, 'opened_elsewhere'],
  ['mine', 'theirs', false, EXPIRY_MS, 'opened_elsewhere'],
  ['mine', 'theirs', true, 0, 'opened_elsewhere'],
  ['mine', null, false, 0, 'opened_elsewhere'],
  ['mine', null, false, EXPIRY_MS, 'opened_elsewhere'],
  ['mine', null, true, EXPIRY_MS, 'opened_elsewhere'],
  ['mine', '', false, 0, 'opened_elsewhere'],
]

describe('judgeLink', () => {
  it.each(TABLE)('claimed by %s, visited by %s, used %s, at %d: %s', (...row) => {
    const [claimedBy, visitor, isUsed, nowMs, verdict] = row
    expect(judgeLink({ expiresAtMs: EXPIRY_MS, isUsed, claimedBy, visitor }, nowMs)).toBe(verdict)
  })
})

describe('judgeConfirmation', () => {
  it.each<[FlowStatus, string | null, number, ConfirmationVerdict]>([
    ['exchanging', 'tony', 0, 'confirmed'],
    ['exchanging', 'tony', EXPIRY_MS - 1, 'confirmed'],
    ['exchanging', 'tony', EXPIRY_MS, 'expired'],
    ['exchanging', 'pepper', 0, 'other_end_user'],
    ['exchanging', 'Tony', 0, 'other_end_user'],
    // A link for nobody is nobody’s to confirm.
    ['exchanging', null, 0, 'other_end_user'],
    ['succeeded', 'tony', 0, 'used'],
    ['succeeded', 'pepper', EXPIRY_MS, 'used'],
    ['failed', 'tony', 0, 'expired'],
  ])('%s, for %s, at %d: %s', (status, referenceId, nowMs, verdict) => {
    const facts = { status, referenceId, expiresAtMs: EXPIRY_MS, confirmedBy: 'tony' }
    expect(judgeConfirmation(facts, nowMs)).toBe(verdict)
  })
})

describe('the lifetimes of a flow', () => {
  it('are Terra’s for the link, and shorter for each step', () => {
    expect(LINK_LIFETIME_MS).toBe(900_000)
    expect(STATE_LIFETIME_MS).toBeLessThan(LINK_LIFETIME_MS)
    expect(EXCHANGE_LIFETIME_MS).toBeLessThan(STATE_LIFETIME_MS)
    expect(CONFIRMATION_LIFETIME_MS).toBe(300_000)
  })
})

describe('FLOW_FAILURES', () => {
  it('gives every reason a sentence', () => {
    const sentences = Object.values(FLOW_FAILURES)
    expect(sentences.filter((text) => !/^[A-Z].{10,}\.$/.test(text))).toEqual([])
  })
})
