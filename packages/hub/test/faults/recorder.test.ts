import { expect, it } from 'vitest'
import { type Arrival, disturbed, judgeArrivals } from './recorder.ts'

const EVENTS = ['a', 'b'].map((id, i) => ({
  id,
  type: 'auth',
  orderKey: 'L',
  orderingMs: i + 1,
  body: id,
}))

it('lets what happened to a connection pass older data, and nothing the other way round', () => {
  const [state, data] = [{ type: 'auth' }, { type: 'daily' }]
  const judge = (a: object, b: object): string[] => {
    const events = EVENTS.map((event, i) => ({ ...event, ...(i === 0 ? a : b) }))
    return judgeArrivals(events, [arrive('b', 1), arrive('a', 2)], disturbed([]))
  }
  expect(judge(data, state)).toEqual([])
  for (const [a, b] of [
    [state, data],
    [data, data],
    [state, state],
  ] as const) {
    expect(judge(a, b)).toEqual(['a arrived after a later event of its lineage'])
  }
})

function arrive(id: string, atMs: number, body = id): Arrival {
  return { traceId: id, orderingMs: id === 'a' ? 1 : 2, body, atMs }
}

it.each<[string, readonly Arrival[], readonly number[], readonly string[]]>([
  ['all, once, in order', [arrive('a', 1), arrive('b', 2)], [], []],
  ['one of them twice, around a kill', [arrive('a', 1), arrive('a', 3), arrive('b', 4)], [2], []],
  [
    'one of them twice, for no reason',
    [arrive('a', 1), arrive('a', 3), arrive('b', 4)],
    [4],
    ['a arrived twice, and nothing happened in between'],
  ],
  ['one missing', [arrive('a', 1)], [], ['b was lost']],
  [
    'the wrong order',
    [arrive('b', 1), arrive('a', 2)],
    [],
    ['a arrived after a later event of its lineage'],
  ],
  [
    'other bytes',
    [arrive('a', 1, 'A'), arrive('b', 2)],
    [],
    ['a arrived with other bytes than are stored'],
  ],
  [
    'a stranger',
    [arrive('a', 1), arrive('b', 2), arrive('c', 3)],
    [],
    ['c arrived and is not in the database'],
  ],
])('judges %s', (_name, arrivals, disturbedAtMs, wrong) => {
  expect(judgeArrivals(EVENTS, arrivals, disturbed(disturbedAtMs))).toEqual(wrong)
})
