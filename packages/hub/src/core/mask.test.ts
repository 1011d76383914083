import { assert, pre, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maskLabel } from './mask.ts'

describe('maskLabel', () => {
  it.each([
    ['jane@example.com', 'j•••@e•••.com'],
    ['jo@example.com', '•••@e•••.com'],
    ['  jane.doe+watch@mail.example.co.uk ', 'j•••@m•••.uk'],
    ['Anna Schmidt', 'An•••'],
    ['Anna', 'A•••'],
    ['Al', '•••'],
    ['+49 170 1234567', '+4•••'],
    ['@anna_runs', '@a•••'],
    ['anna@home', 'a•••@h•••'],
    ['two@three@example.com', 't•••@e•••.com'],
    ['a b@exam ple.com', 'a•••@e•••.com'],
    ['anna@anna-schmidt.de', 'a•••@a•••.de'],
    ['run@anna.schmidt', 'r•••@a•••'],
    ['anna@qq.com', 'a•••@•••.com'],
    ['anna@', 'a•••@•••'],
    ['anna@.de', 'a•••@•••.de'],
    ['Åse Øvrebø', 'Ås•••'],
    ['山田太郎です', '山田•••'],
    ['🏃🏃🏃🏃🏃🏃', '🏃🏃•••'],
    ['Anna\u0000\u202EB Schmidt', 'An•••'],
  ])('shows of %j only %j', (label, masked) => {
    expect(maskLabel(label)).toBe(masked)
  })

  it.each(['', '   ', '\u0000', '\u200B'])('has nothing to show of %j', (label) => {
    expect(maskLabel(label)).toBeNull()
  })

  it('never shows more than a third of a name', () => {
    assert(
      property(string({ unit: 'grapheme', minLength: 1 }), (name) => {
        pre(!name.includes('@'))
        const shown = (maskLabel(name) ?? '').replace(/•••$/, '')
        expect(Array.from(shown).length).toBeLessThanOrEqual(Array.from(name).length / 3)
      }),
    )
  })
})
