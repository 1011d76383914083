import { describe, expect, it } from 'vitest'
import { LANGUAGES, preferredLanguage, toLanguage } from './language.ts'

describe('toLanguage', () => {
  it.each([
    ['de', 'de'],
    ['DE-at', 'de'],
    ['pt_BR', 'pt'],
    ['zh-Hant-TW', 'zh'],
    ['tlh', undefined],
    ['constructor', undefined],
    ['', undefined],
    [null, undefined],
  ])('takes %s as %s', (tag, language) => {
    expect(toLanguage(tag)).toBe(language)
  })
})

describe('preferredLanguage', () => {
  it.each([
    ['fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5', 'fr'],
    ['da, nl;q=0.5, en;q=0.8', 'en'],
    ['en;q=0, it', 'it'],
    ['da, sv', undefined],
    ['', undefined],
    [';;;q=,,', undefined],
    [`${'da,'.repeat(10_000)}de`, undefined],
  ])('of %s is %s', (header, language) => {
    expect(preferredLanguage(header)).toBe(language)
  })
})

describe('the catalogs', () => {
  /** Every text with its key; a text that takes something is given a name that no language has. */
  function textsOf(value: unknown, path: string): [string, string][] {
    if (typeof value === 'string') return [[path, value]]
    if (typeof value === 'function') return [[path, String(value('«A»', '«B»'))]]
    return Object.entries(value as object).flatMap(([key, each]) => textsOf(each, `${path}.${key}`))
  }
  const english = new Map(textsOf(LANGUAGES.en.messages, ''))

  it.each(Object.entries(LANGUAGES))('of %s are complete and name what they should', (_, facts) => {
    const texts = textsOf(facts.messages, '')
    expect(texts.map(([key]) => key)).toEqual([...english.keys()])
    for (const [key, text] of texts) {
      expect([key, text.trim()]).not.toEqual([key, ''])
      const names = (of: string): string[] => [...new Set(of.match(/«[AB]»/g))].toSorted()
      expect([key, names(text)]).toEqual([key, names(english.get(key) ?? '')])
    }
  })
})
