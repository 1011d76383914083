import { describe, expect, it } from 'vitest'
import { findField } from './json-path.ts'

describe('findField', () => {
  const json: unknown = { errors: [{ errorType: 'invalid_grant' }], empty: null }

  it.each([
    ['errors.0.errorType', 'invalid_grant'],
    ['empty', null],
    ['', json],
    ['errors.1.errorType', undefined],
    ['empty.deeper', undefined],
    ['errors.length', 1],
    ['toString', undefined],
    ['constructor.name', undefined],
  ])('reads %j', (path, expected) => {
    expect(findField(json, path)).toEqual(expected)
  })
})
