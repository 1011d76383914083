import { describe, expect, it } from 'vitest'
import { answer } from '../../src/http/docs/answer.ts'
import { loadLibrary } from '../../src/http/docs/library.ts'
import { createSearchIndex } from '../../src/http/docs/search.ts'
import type { Section } from '../../src/http/docs/sections.ts'
import { OTHER_QUESTIONS, QUESTIONS } from './questions.ts'

/** Share of the questions that get their section, and of the others that get none: every new text moves a few of them. */
const RIGHT_MIN = 0.92
const UNKNOWN_MIN = 0.8
const FOUND_MIN = 0.97
/** Hits that people look through. */
const HITS = 10

const { sections } = await loadLibrary()
const index = createSearchIndex(sections)
const locate = ({ page, anchor }: Section): string => `${page.slug || 'index'}#${anchor}`

describe('answer', () => {
  it('knows every section that a question names', () => {
    const places = new Set(sections.map(locate))
    const named = QUESTIONS.flatMap((each) => each.places)
    expect(named.filter((place) => !places.has(place))).toEqual([])
  })

  it('answers nearly every question from a section that answers it', () => {
    const wrong = QUESTIONS.filter(({ question, places }) => {
      const { text, sources } = answer(index, question)
      const [first] = sources
      return text === null || first === undefined || !places.includes(locate(first.section))
    })
    const text = wrong.map(({ question }) => question).join('\n')
    expect(wrong.length / QUESTIONS.length, text).toBeLessThan(1 - RIGHT_MIN)
  })

  it('says of nearly all others that it does not know', () => {
    const answered = OTHER_QUESTIONS.filter((question) => answer(index, question).text !== null)
    const share = answered.length / OTHER_QUESTIONS.length
    expect(share, answered.join('\n')).toBeLessThan(1 - UNKNOWN_MIN)
  })

  it('quotes what is there, word by word', () => {
    for (const { question } of QUESTIONS) {
      const { text, sources } = answer(index, question)
      const markdown = sources[0]?.section.markdown
      for (const line of text?.split('\n') ?? []) expect(markdown).toContain(line)
    }
  })

  it('quotes of a long table only what is asked', () => {
    const { text, sources } = answer(index, 'settings: the variable FIRMA_RATE_LIMITS')
    expect(sources[0]?.section.page.slug).toBe('configuration')
    expect(text).toContain('`FIRMA_RATE_LIMITS`')
    expect(text).not.toContain('`FIRMA_AUDIT_DAYS`')
  })

  it('finds a section by what its comment says it is also called', () => {
    const { sources } = answer(index, 'which sections of linux service files are there')
    expect(sources.map(({ section }) => locate(section))).toContain(
      'operations#as-a-service-of-the-system',
    )
  })

  it.each(['', '   ', '???', 'the', '\u0000', '`'.repeat(2_000), '()*+[\\'])(
    'survives %j',
    (question) => {
      expect(answer(index, question).text).toBeNull()
    },
  )
})

describe('the search', () => {
  it('has the answer among the first ten hits', () => {
    const missed = QUESTIONS.filter(({ question, places }) => {
      const hits = index.search(question, HITS).map(({ section }) => locate(section))
      return !places.some((place) => hits.includes(place))
    })
    const text = missed.map(({ question }) => question).join('\n')
    expect(missed.length / QUESTIONS.length, text).toBeLessThan(1 - FOUND_MIN)
  })
})
