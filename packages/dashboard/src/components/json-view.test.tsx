// @vitest-environment happy-dom
import { cleanup, render } from '@testing-library/react'
import { afterEach, describe, expect, it } from 'vitest'
import { JsonView, prettify, tokenize } from './json-view.tsx'

afterEach(cleanup)

describe('tokenize', () => {
  it.each([
    '{"a": "b\\"c", "d": [1, -2.5e3, true, null]}',
    'not JSON at all: <b>"</b>',
    '',
    '"unterminated',
  ])('loses nothing of %s', (text) => {
    expect(
      tokenize(text)
        .map((token) => token.text)
        .join(''),
    ).toBe(text)
  })

  it('tells names from values', () => {
    const kinds = tokenize('{"a":"b","c":1,"d":null}').flatMap(({ kind, text }) =>
      kind === undefined ? [] : [[text, kind]],
    )
    expect(kinds).toEqual([
      ['"a"', 'key'],
      ['"b"', 'string'],
      ['"c"', 'key'],
      ['1', 'number'],
      ['"d"', 'key'],
      ['null', 'literal'],
    ])
  })
})

describe('<JsonView>', () => {
  it('shows a hostile body as text', () => {
    const text = '{"name":"<img src=x onerror=alert(1)>"}'
    const { container } = render(<JsonView text={text} label="Body" />)
    expect(container.textContent).toBe(text)
    expect(container.querySelector('img')).toBeNull()
  })
})

describe('prettify', () => {
  it('indents JSON and leaves the rest', () => {
    expect(prettify('{"a":1}')).toBe('{\n  "a": 1\n}')
    expect(prettify('{"a":')).toBe('{"a":')
  })
})
