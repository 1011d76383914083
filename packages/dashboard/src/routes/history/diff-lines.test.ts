import { describe, expect, it } from 'vitest'
import { DIFF_LINES_MAX, diffLines } from './diff-lines.ts'
import { toCurl } from './to-curl.ts'

describe('diffLines', () => {
  it('finds what came and what went, and keeps both texts whole', () => {
    const lines = diffLines('a\nb\nc\nd', 'a\nc\nx\nd')
    expect(lines.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      'same a',
      'removed b',
      'same c',
      'added x',
      'same d',
    ])
  })

  it('compares nothing line by line that is too long for it', () => {
    const long = Array.from({ length: DIFF_LINES_MAX + 1 }, () => 'x').join('\n')
    const kinds = new Set(diffLines(long, 'x').map(({ kind }) => kind))
    expect([...kinds]).toEqual(['removed', 'added'])
  })
})

describe('toCurl', () => {
  it('quotes what a shell would take apart', () => {
    expect(toCurl({ id: 'e-1' }, `{"a":"it's $HOME"}`)).toContain(
      String.raw`--data-binary '{"a":"it'\''s $HOME"}'`,
    )
  })
})
