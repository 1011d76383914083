import { z } from '@hono/zod-openapi'
import { describe, expect, it } from 'vitest'
import { PAGE_QUERY, encodeCursor, pageQuery, toPage } from './page.ts'

const query = z.object(PAGE_QUERY)

describe('toPage', () => {
  const position = (row: number) => String(row)
  const item = (row: number) => row * 10

  it('ends when no row is left', () => {
    expect(toPage([1, 2], 2, position, item)).toEqual({ data: [10, 20], next: null })
    expect(toPage([], 2, position, item)).toEqual({ data: [], next: null })
  })

  it('gives the place of its last row when more follow', () => {
    const { data, next } = toPage([1, 2, 3], 2, position, item)
    expect(data).toEqual([10, 20])
    expect(query.parse({ after: next })).toEqual({ limit: 25, after: '2' })
  })
})

describe('pageQuery', () => {
  it.each(['1', '100'])('takes limit %s', (limit) => {
    expect(query.parse({ limit })).toEqual({ limit: Number(limit) })
  })

  it.each(['0', '101', '-1', '1.5', '', 'ten'])('refuses limit "%s"', (limit) => {
    expect(query.safeParse({ limit }).success).toBe(false)
  })

  it.each([
    ['an empty one', ''],
    ['text', 'hello'],
    ['another list’s', encodeCursor([1, 'x'])],
    ['one with a null character', encodeCursor('a\0b')],
    ['a very long one', encodeCursor('x'.repeat(2_000))],
  ])('refuses as a cursor %s', (_name, after) => {
    expect(query.safeParse({ after }).success).toBe(false)
  })

  it('gives back what a list with a longer sort key put in', () => {
    const list = z.object(pageQuery(z.tuple([z.number(), z.string()])))
    expect(list.parse({ after: encodeCursor([7, 'é']) }).after).toEqual([7, 'é'])
  })
})
