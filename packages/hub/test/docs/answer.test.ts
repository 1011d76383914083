import { describe, expect, it } from 'vitest'
import { answer } from '../../src/http/docs/answer.ts'
import { loadLibrary } from '../../src/http/docs/library.ts'
import { createSearchIndex } from '../../src/http/docs/search.ts'
import type { Section } from '../../src/http/docs/sections.ts'
import { OTHER_QUESTIONS, QUESTIONS } from './questions.ts'

/** Asked so oddly that another section is quoted, or none; the search finds the right one. */
const NOT_ANSWERED: readonly string[] = [
  'forgot dashboard password',
  'send to the queue only some event types',
  'every time tony links his fitbit anew we get a fresh id, why',
  'two hubs one database',
  'how do I add an api key that can only read',
  "I need a provider that you don't have",
  'does the link preview in whatsapp use up the link',
  'payload is bigger than 1 mb',
]
/** Words of the documentation, put together to something that it is not about. */
const ANSWERED_ALL_THE_SAME: readonly string[] = [
  'is there a mobile app in the app store',
  'how many users does strava have',
  'what is the meaning of life',
  'translate this sentence to spanish',
  'Is there a Kubernetes operator with autoscaling?',
]
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

  it('answers more than 95 of 100 questions from a section that answers them', () => {
    const wrong = QUESTIONS.filter(({ question, places }) => {
      const { text, sources } = answer(index, question)
      const [first] = sources
      return text === null || first === undefined || !places.includes(locate(first.section))
    })
    expect(wrong.map(({ question }) => question)).toEqual(NOT_ANSWERED)
    expect(NOT_ANSWERED.length / QUESTIONS.length).toBeLessThan(0.05)
  })

  it('says of the others that it does not know', () => {
    const answered = OTHER_QUESTIONS.filter((question) => answer(index, question).text !== null)
    expect(answered).toEqual(ANSWERED_ALL_THE_SAME)
    expect(ANSWERED_ALL_THE_SAME.length / OTHER_QUESTIONS.length).toBeLessThan(0.15)
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
    expect(missed.map(({ question }) => question)).toEqual([])
  })
})
