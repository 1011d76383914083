import { describe, expect, it } from 'vitest'
import { answer } from '../../src/http/docs/answer.ts'
import { loadLibrary } from '../../src/http/docs/library.ts'
import { createSearchIndex } from '../../src/http/docs/search.ts'
import { QUESTIONS } from './questions.ts'

const { sections } = await loadLibrary()
const index = createSearchIndex(sections)

describe('answer', () => {
  const answerable = QUESTIONS.filter(([, page]) => page !== null)
  const others = QUESTIONS.filter(([, page]) => page === null)

  it.each(answerable)('answers "%s" from %s', (question, page) => {
    const { text, sources } = answer(index, question)
    expect(text).not.toBeNull()
    expect([page].flat()).toContain(sources[0]?.section.page.slug || 'index')
  })

  it.each(others)('does not know "%s"', (question) => {
    expect(answer(index, question).text).toBeNull()
  })

  it('quotes what is there, word by word', () => {
    const { text, sources } = answer(index, 'Does the user_id change after a reconnection?')
    expect(text).toContain('makes a new `user_id`')
    const [first] = sources
    for (const block of (text ?? '').split('\n\n')) expect(first?.section.markdown).toContain(block)
  })

  it.each(['', '   ', '???', 'the', '\u0000', '`'.repeat(2_000), '()*+[\\'])(
    'survives %j',
    (question) => {
      expect(answer(index, question).text).toBeNull()
    },
  )
})
