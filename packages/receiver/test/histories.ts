/** Generated histories of connections: what a sender can emit, before the network reorders and repeats it. */
import { createHash } from 'node:crypto'
import * as fc from 'fast-check'

/** An event before it is sent. */
export interface TestEvent {
  body: object
  orderingMs: number | undefined
}

/** SHA-256 of a body in hex. */
export const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A user object of the wire. */
export const user = (userId: string): Record<string, unknown> => ({
  user_id: userId,
  provider: 'GARMIN',
  reference_id: 'tony_stark',
  scopes: 'ACTIVITY_EXPORT,HEALTH_EXPORT',
  active: true,
  last_webhook_update: null,
})

/** Of two lives that one id has had. */
export const CREATED = ['2024-10-07T03:45:00.000000+00:00', '2025-01-01T00:00:00Z'] as const

// Few ids on purpose: what is interesting happens when events are about the same users.
const arbitraryUser = fc
  .record({
    user_id: fc.constantFrom('u1', 'u2', 'u3', 'u4', 'u5', 'u6'),
    provider: fc.constantFrom('GARMIN', 'GARMIN', 'FITBIT'),
    reference_id: fc.constantFrom('tony', 'tony', 'pepper', null, undefined),
    scopes: fc.constantFrom('A,B', 'B', '', null),
    created_at: fc.constantFrom(undefined, ...CREATED),
  })
  .map((fields): Record<string, unknown> => fields)

const withUser = (type: string, status?: string): fc.Arbitrary<object> =>
  arbitraryUser.map((each) => ({ type, status, user: each }))

const arbitraryBody: fc.Arbitrary<object> = fc.oneof(
  { weight: 4, arbitrary: withUser('auth', 'success') },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.option(arbitraryUser, { freq: 3 }), arbitraryUser)
      .map(([old_user, new_user]) => ({
        type: 'user_reauth',
        status: 'warning',
        old_user,
        new_user,
      })),
  },
  { weight: 2, arbitrary: withUser('deauth', 'success') },
  { weight: 1, arbitrary: withUser('access_revoked', 'warning') },
  { weight: 1, arbitrary: withUser('connection_error', 'warning') },
  { weight: 1, arbitrary: withUser('connection_recovered') },
  { weight: 1, arbitrary: withUser('permission_change', 'warning') },
  {
    weight: 1,
    arbitrary: fc.constantFrom('u1', 'u2', 'u3').map((user_id) => ({
      type: 'permission_change',
      user: { user_id },
      scopes_added: 'C',
      scopes_removed: 'A',
    })),
  },
  { weight: 1, arbitrary: withUser('auth', 'error') },
  {
    weight: 1,
    arbitrary: fc.constant({ type: 'auth_cancelled', status: 'error', reference_id: 'tony' }),
  },
  { weight: 1, arbitrary: withUser('daily') },
)

/** Up to 14 events about six users, with few distinct times and some without one. */
export const arbitraryHistory = (): fc.Arbitrary<TestEvent[]> =>
  fc.array(
    fc.record({
      body: arbitraryBody,
      orderingMs: fc.option(fc.integer({ min: 1_000, max: 1_009 }), { nil: undefined, freq: 6 }),
    }),
    { minLength: 1, maxLength: 14 },
  )

/** An event with everything that its delivery has, the same at every repetition. */
export interface TestDelivery extends TestEvent {
  environment: 'live' | 'testing'
  /** Empty when the sender gives none. */
  traceId: string
}

/** What a sender knows of people: the life of one connection, told as it happened. */
const arbitraryLife: fc.Arbitrary<object[]> = fc
  .record({
    ids: fc.shuffledSubarray(['u1', 'u2', 'u3', 'u4', 'u5', 'u6'], { minLength: 1, maxLength: 4 }),
    provider: fc.constantFrom('GARMIN', 'FITBIT'),
    reference_id: fc.constantFrom('tony', 'pepper', null),
    isUnnamed: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    isAnnounced: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    isEndedFirst: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
    end: fc.constantFrom('deauth', 'access_revoked', 'connection_error', undefined),
    isLate: fc.boolean(),
  })
  .map(({ ids, provider, reference_id, isUnnamed, isAnnounced, isEndedFirst, end, isLate }) => {
    const of = (user_id: string): object => ({ user_id, provider, reference_id, scopes: 'A,B' })
    const events: object[] = [
      { type: 'auth_cancelled', status: 'error', reference_id, reason: 'access_denied' },
    ]
    for (const [i, id] of ids.entries()) {
      const before = ids[i - 1]
      if (before !== undefined && isEndedFirst[i] === true) {
        events.push({ type: 'deauth', status: 'success', user: of(before) })
      } else if (before !== undefined && isAnnounced[i] === true) {
        const old_user = isUnnamed[i] === true ? null : of(before)
        events.push({ type: 'user_reauth', status: 'warning', old_user, new_user: of(id) })
      }
      events.push({ type: 'auth', status: 'success', user: of(id), reference_id })
      events.push({ type: 'daily', user: of(id), data: [{ i }] })
    }
    const [first] = ids
    const last = ids.at(-1)
    if (end !== undefined && last !== undefined) events.push({ type: end, user: of(last) })
    if (isLate && first !== undefined) events.push({ type: 'deauth', user: of(first) })
    return events
  })

/** Whole histories: lives of several people in several environments, with anything else in between. */
export const arbitraryDeliveries = (): fc.Arbitrary<TestDelivery[]> =>
  fc
    .record({
      lives: fc.array(arbitraryLife, { minLength: 1, maxLength: 3 }),
      extra: fc.array(arbitraryBody, { maxLength: 4 }),
      // One entry per event, used in a circle.
      isDated: fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
      environments: fc.array(fc.constantFrom('live', 'live', 'live', 'testing'), {
        minLength: 1,
        maxLength: 60,
      }),
      traces: fc.array(fc.constantFrom('own', 'own', 'none', 'shared'), {
        minLength: 1,
        maxLength: 60,
      }),
      stepsMs: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 60 }),
      isWhollyDated: fc.boolean(),
    })
    .map(({ lives, extra, isDated, environments, traces, stepsMs, isWhollyDated }) => {
      let orderingMs = 1_000
      return [...lives.flat(), ...extra].map((body, i): TestDelivery => {
        orderingMs += stepsMs[i % stepsMs.length] ?? 0
        const hasTime = isWhollyDated || isDated[i % isDated.length] === true
        const isTesting = environments[i % environments.length] === 'testing'
        const trace = traces[i % traces.length] ?? 'own'
        const traceIds = { own: `t-${i}`, none: '', shared: 't' }
        return {
          // What makes two events of one trace id two events is their bytes.
          body: trace === 'shared' ? { ...body, message: `event ${i}` } : body,
          orderingMs: hasTime ? orderingMs : undefined,
          environment: isTesting ? 'testing' : 'live',
          traceId: traceIds[trace === 'none' || trace === 'shared' ? trace : 'own'],
        }
      })
    })
