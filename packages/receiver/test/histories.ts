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

// Few ids on purpose: what is interesting happens when events are about the same users.
const arbitraryUser = fc
  .record({
    user_id: fc.constantFrom('u1', 'u2', 'u3', 'u4', 'u5', 'u6'),
    provider: fc.constantFrom('GARMIN', 'GARMIN', 'FITBIT'),
    reference_id: fc.constantFrom('tony', 'tony', 'pepper', null, undefined),
    scopes: fc.constantFrom('A,B', 'B', '', null),
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
