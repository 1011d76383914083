import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseEvent } from './event.ts'
import { toFacts, type AliasEdge, type Facts } from './facts.ts'
import { deriveConnections, GROUP_USERS_MAX, toLineageAlias, type Connection } from './fold.ts'
import { joinRecords, type UserRecord } from './user-record.ts'
import { arbitraryHistory, CREATED, digestOf, user, type TestEvent } from '../../test/histories.ts'

function factsOf({ body, orderingMs }: TestEvent): Facts {
  const text = JSON.stringify(body)
  return toFacts(parseEvent(text), { orderingMs, digest: digestOf(text) })
}

/** Joins parts into one map, the way a store does. */
function join(parts: readonly Facts[]): Facts {
  const records = new Map<string, UserRecord>()
  const edges = new Map<string, AliasEdge>()
  for (const part of parts) {
    for (const record of part.records) {
      const known = records.get(record.userId)
      records.set(record.userId, known === undefined ? record : joinRecords(known, record))
    }
    for (const edge of part.edges) edges.set(JSON.stringify(edge), edge)
  }
  return { records: [...records.values()], edges: [...edges.values()] }
}

const fold = (events: readonly TestEvent[]): Connection[] => {
  const { records, edges } = join(events.map(factsOf))
  return deriveConnections(records, edges)
}
const at = (orderingMs: number | undefined, body: object): TestEvent => ({ body, orderingMs })
const auth = (userId: string, orderingMs?: number, change?: object): TestEvent =>
  at(orderingMs, { type: 'auth', status: 'success', user: { ...user(userId), ...change } })
const about = (type: string, userId: string, orderingMs?: number): TestEvent =>
  at(orderingMs, { type, status: 'warning', user: user(userId) })
const reauth = (oldUserId: string | null, newUserId: string, orderingMs?: number): TestEvent =>
  at(orderingMs, {
    type: 'user_reauth',
    status: 'warning',
    old_user: oldUserId === null ? null : user(oldUserId),
    new_user: user(newUserId),
  })
const permutations = <T>(items: readonly T[]): T[][] =>
  items.length < 2
    ? [[...items]]
    : items.flatMap((item, i) =>
        permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]),
      )

describe('the connection map', () => {
  it('is the same for every order, duplication and batching of a history', () => {
    fc.assert(
      fc.property(
        arbitraryHistory().chain((history) =>
          fc.record({
            history: fc.constant(history),
            arrived: fc
              .shuffledSubarray([...history, ...history], { minLength: history.length })
              .map((extra) => [...extra, ...history.toReversed()]),
            cuts: fc.array(fc.nat(history.length * 3), { maxLength: 5 }),
          }),
        ),
        ({ history, arrived, cuts }) => {
          const edges = [0, ...cuts.toSorted((a, b) => a - b), arrived.length]
          const batches = edges.slice(1).map((end, i) => arrived.slice(edges[i], end))
          const joined = join(batches.toReversed().map((batch) => join(batch.map(factsOf))))
          expect(deriveConnections(joined.records, joined.edges)).toEqual(fold(history))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('does not depend on the order of records and edges either', () => {
    fc.assert(
      fc.property(arbitraryHistory(), (history) => {
        const { records, edges } = join(history.map(factsOf))
        expect(deriveConnections(records.toReversed(), edges.toReversed())).toEqual(
          deriveConnections(records, edges),
        )
      }),
    )
  })

  it('puts every user_id of a state event into exactly one connection', () => {
    fc.assert(
      fc.property(arbitraryHistory(), (history) => {
        const aliases = fold(history).flatMap((connection) => connection.aliases)
        const { records, edges } = join(history.map(factsOf))
        const named = new Set(records.map(({ userId }) => userId))
        for (const edge of edges) named.add(edge.oldUserId).add(edge.newUserId)
        expect(aliases.toSorted()).toEqual([...named].toSorted())
        for (const { aliases, lineageId, userId } of fold(history)) {
          expect(aliases).toContain(userId)
          expect(aliases[0]).toBe(toLineageAlias(lineageId))
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('re-authentication', () => {
  it('makes one connection of a chain, in any order of arrival', () => {
    const history = [
      auth('a', 1),
      reauth('a', 'b', 5),
      auth('b', 5),
      reauth('b', 'c', 9),
      auth('c', 9),
    ]
    for (const order of permutations(history)) {
      expect(fold(order)).toEqual([
        expect.objectContaining({
          lineageId: 'lin_a',
          userId: 'c',
          aliases: ['a', 'b', 'c'],
          status: 'active',
          sinceMs: 9,
          referenceId: 'tony_stark',
        }),
      ])
    }
  })

  it('is not undone by late bad news about an old alias', () => {
    for (const type of ['deauth', 'access_revoked', 'connection_error']) {
      for (const ms of [undefined, 3, 99]) {
        const [connection] = fold([auth('a', 1), reauth('a', 'b', 5), about(type, 'a', ms)])
        expect(connection).toMatchObject({ userId: 'b', status: 'active' })
      }
    }
  })

  it('knows the new connection before its auth event, and the old one from nothing else', () => {
    expect(fold([reauth('a', 'b')])).toEqual([
      expect.objectContaining({ aliases: ['a', 'b'], status: 'active', decidedBy: 'user_reauth' }),
    ])
  })

  it('survives contradictory events: circles, forks and a user that replaces itself', () => {
    expect(fold([reauth('a', 'b', 1), reauth('b', 'a', 2)])).toEqual([
      expect.objectContaining({ lineageId: 'lin_b', userId: 'a' }),
    ])
    expect(fold([reauth('b', 'c'), reauth('c', 'b'), reauth('b', 'a')])).toEqual([
      expect.objectContaining({ userId: 'a', aliases: ['a', 'b', 'c'] }),
    ])
    expect(fold([reauth('a', 'b', 1), reauth('a', 'c', 2)])[0]).toMatchObject({ userId: 'c' })
    const ended = fold([reauth('a', 'b', 1), reauth('a', 'c', 2), about('deauth', 'c', 3)])
    expect(ended[0]).toMatchObject({ userId: 'b', status: 'active' })
    expect(fold([reauth('a', 'a', 1)])[0]).toMatchObject({ aliases: ['a'], status: 'active' })
    expect(fold([reauth('a', 'b', 1), reauth('c', 'b', 1)])[0]).toMatchObject({
      lineageId: 'lin_a',
      aliases: ['a', 'c', 'b'],
    })
  })

  it('ignores an event without the new user', () => {
    const body = { type: 'user_reauth', old_user: user('a'), new_user: null }
    expect(fold([at(1, body)])).toMatchObject([{ userId: 'a', status: 'unknown' }])
  })
})

describe('re-authentication without the old user', () => {
  it('continues the only other lineage of the provider and reference_id', () => {
    const history = [auth('a', 1), reauth(null, 'b', 5), auth('b', 5)]
    for (const order of permutations(history)) {
      expect(fold(order)).toMatchObject([
        { lineageId: 'lin_a', userId: 'b', ambiguousWith: undefined },
      ])
    }
  })

  it('links a chain of such events by their times', () => {
    const history = [auth('a', 1), reauth(null, 'b', 5), reauth(null, 'c', 9)]
    for (const order of permutations(history)) {
      expect(fold(order)).toMatchObject([
        { lineageId: 'lin_a', userId: 'c', aliases: ['a', 'b', 'c'] },
      ])
    }
  })

  it('reports several candidates and guesses none', () => {
    const map = fold([auth('a', 1), auth('b', 2), reauth(null, 'c', 5)])
    expect(map).toMatchObject([
      { lineageId: 'lin_a', ambiguousWith: undefined },
      { lineageId: 'lin_b', ambiguousWith: undefined },
      { lineageId: 'lin_c', ambiguousWith: ['lin_a', 'lin_b'], status: 'active' },
    ])
    const undated = fold([auth('a'), reauth(null, 'c'), reauth(null, 'd')])
    expect(undated.map(({ ambiguousWith }) => ambiguousWith)).toEqual([
      undefined,
      ['lin_a', 'lin_d'],
      ['lin_a', 'lin_c'],
    ])
  })

  it('is settled by an event that names the old user', () => {
    const history = [auth('a', 1), auth('b', 2), reauth(null, 'c', 5), reauth('a', 'c', 5)]
    expect(fold(history)).toMatchObject([
      { lineageId: 'lin_a', userId: 'c', ambiguousWith: undefined },
      { lineageId: 'lin_b', userId: 'b' },
    ])
  })

  it('passes over connections that began later or had ended', () => {
    const history = [
      auth('ended', 1),
      about('deauth', 'ended', 2),
      auth('a', 3),
      reauth(null, 'b', 5),
      auth('later', 7),
    ]
    expect(fold(history).map(({ aliases }) => aliases)).toEqual([['a', 'b'], ['ended'], ['later']])
  })

  it('stays alone without a candidate, across providers, and without a reference_id', () => {
    const other = auth('a', 1, { provider: 'FITBIT' })
    expect(fold([other, reauth(null, 'b', 5)])).toMatchObject([
      { aliases: ['a'] },
      { aliases: ['b'], ambiguousWith: undefined },
    ])
    const nameless = {
      type: 'user_reauth',
      old_user: null,
      new_user: { user_id: 'b', provider: 'GARMIN' },
    }
    const map = fold([auth('a', 1, { reference_id: null }), at(5, nameless)])
    expect(map.map(({ aliases }) => aliases)).toEqual([['a'], ['b']])
  })

  it('does not search among more users than one person can have', () => {
    const crowd = Array.from({ length: GROUP_USERS_MAX }, (_, i) => auth(`u${i}`, 1))
    const map = fold([...crowd, reauth(null, 'z', 5)])
    expect(map.find(({ userId }) => userId === 'z')?.ambiguousWith).toEqual([])
  })
})

describe('status', () => {
  it.each([
    ['active', 'auth', [auth('a', 1)]],
    ['degraded', 'connection_error', [auth('a', 1), about('connection_error', 'a', 2)]],
    ['revoked', 'access_revoked', [auth('a', 1), about('access_revoked', 'a', 2)]],
    ['disconnected', 'deauth', [auth('a', 1), about('deauth', 'a', 2)]],
    [
      'active',
      'connection_recovered',
      [about('connection_error', 'a', 2), about('connection_recovered', 'a', 3)],
    ],
    [
      'degraded',
      'connection_error',
      [about('connection_error', 'a', 2), about('connection_recovered', 'a', 2)],
    ],
    ['active', 'auth', [about('deauth', 'a', 2), auth('a', 3)]],
    ['disconnected', 'deauth', [about('deauth', 'a', 3), auth('a', 3)]],
    ['disconnected', 'deauth', [about('deauth', 'a'), auth('a', 3)]],
    ['disconnected', 'deauth', [about('deauth', 'a', 2), auth('a')]],
    ['disconnected', 'deauth', [about('deauth', 'a', 2), about('connection_error', 'a', 5)]],
    ['disconnected', 'deauth', [about('deauth', 'a', 2), about('access_revoked', 'a', 5)]],
    ['unknown', undefined, [about('permission_change', 'a', 2)]],
    ['unknown', undefined, [about('google_no_datasource', 'a', 2)]],
  ] as const)('is %s, decided by %s', (status, decidedBy, history) => {
    for (const order of permutations(history)) {
      expect(fold(order)).toMatchObject([{ status, decidedBy }])
    }
  })

  describe('after an end without a timestamp', () => {
    const [first, second] = CREATED
    const born = (type: string, created_at: unknown, orderingMs?: number): TestEvent =>
      at(orderingMs, { type, status: 'success', user: { ...user('a'), created_at } })

    it.each([
      [
        'active',
        'a later life',
        [born('auth', first), born('deauth', first), born('auth', second)],
      ],
      ['active', 'a later life with a time', [born('deauth', first), born('auth', second, 5)]],
      ['active', 'a revocation, too', [born('access_revoked', first), born('auth', second)]],
      ['disconnected', 'the same life', [born('auth', first), born('deauth', first)]],
      [
        'disconnected',
        'the same life with a time',
        [born('auth', first, 5), born('deauth', first)],
      ],
      ['disconnected', 'an end of the later life', [born('auth', second), born('deauth', second)]],
      ['disconnected', 'an end of any life', [born('auth', second), about('deauth', 'a')]],
      [
        'disconnected',
        'ends of which one names none',
        [born('deauth', first), about('deauth', 'a'), born('auth', second)],
      ],
      ['disconnected', 'a dated end', [born('auth', second, 5), born('deauth', first, 6)]],
      ['disconnected', 'no offset', [born('deauth', first), born('auth', '2025-01-01T00:00:00')]],
      ['disconnected', 'no date', [born('deauth', first), born('auth', 'tomorrow')]],
    ] as const)('is %s by %s', (status, _, history) => {
      for (const order of permutations(history)) {
        expect(fold([...order, ...order])).toMatchObject([{ userId: 'a', status }])
      }
    })

    it('lets another user_id of the same person live', () => {
      expect(fold([auth('a'), about('deauth', 'a'), auth('b')])).toMatchObject([
        { userId: 'a', status: 'disconnected' },
        { userId: 'b', status: 'active' },
      ])
    })
  })

  it('is not changed by data, however late', () => {
    const data = at(99, { type: 'activity', user: { ...user('a'), active: true }, data: [] })
    expect(fold([auth('a', 1), about('deauth', 'a', 2), data])).toMatchObject([
      { status: 'disconnected', sinceMs: 2 },
    ])
    expect(fold([data])).toEqual([])
  })

  it('knows nothing of flows that failed, in both generations', () => {
    const old = { type: 'auth', status: 'error', user: user('a'), reason: 'access_denied' }
    const current = { type: 'auth_cancelled', status: 'error', reference_id: 'tony_stark' }
    expect(fold([at(1, old), at(2, current)])).toEqual([])
    expect(fold([auth('a', 1), at(2, old)])).toMatchObject([{ status: 'active' }])
  })
})

describe('what a connection is called', () => {
  it('takes the latest reference_id and never forgets one', () => {
    const renamed = auth('a', 5, { reference_id: 'iron_man' })
    const nameless = auth('a', 9, { reference_id: null })
    for (const order of permutations([auth('a', 1), renamed, nameless])) {
      expect(fold(order)).toMatchObject([{ referenceId: 'iron_man' }])
    }
  })

  it('inherits from an earlier alias what the current one does not say', () => {
    const bare = { type: 'user_reauth', old_user: { user_id: 'a' }, new_user: { user_id: 'b' } }
    expect(fold([auth('a', 1), at(5, bare)])).toMatchObject([
      { userId: 'b', referenceId: 'tony_stark', provider: 'GARMIN' },
    ])
  })

  it('applies scope differences to the list they follow', () => {
    const delta = (orderingMs: number, added: string, removed: string): TestEvent =>
      at(orderingMs, {
        type: 'permission_change',
        user: { user_id: 'a', provider: 'GARMIN' },
        scopes_added: added,
        scopes_removed: removed,
      })
    const history = [
      auth('a', 5, { scopes: 'X,Y' }),
      delta(3, 'OLD', ''),
      delta(6, 'Z', 'X'),
      delta(7, 'X', 'Y'),
    ]
    for (const order of permutations(history)) {
      expect(fold(order)).toMatchObject([{ scopes: ['X', 'Z'] }])
    }
    expect(fold([delta(6, 'Z', 'X')])).toMatchObject([{ scopes: ['Z'] }])
  })

  it('keeps the other providers of the same person apart', () => {
    const map = fold([auth('a', 1), auth('b', 2, { provider: 'FITBIT' }), reauth('a', 'c', 3)])
    expect(map).toMatchObject([
      { userId: 'c', provider: 'GARMIN' },
      { userId: 'b', provider: 'FITBIT' },
    ])
  })
})
