import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  CONNECTION_ERROR_INTERVAL_MS,
  type ConnectionState,
  type Decision,
  type Policy,
  type Signal,
  decide,
} from './connection.ts'
import { HOUR_MS } from './time.ts'

/** A signal without what depends on the history: its time, its token version, its flow. */
type Move =
  | {
      readonly type: 'flow_succeeded'
      readonly account: string
      readonly scopes: string[]
      readonly isAccountTaken: boolean
      readonly isConfirmed: boolean
    }
  | { readonly type: 'flow_failed' }
  | {
      readonly type:
        | 'disconnect_requested'
        | 'account_moved'
        | 'access_revoked'
        | 'connection_worked'
    }
  | {
      readonly type: 'grant_rejected' | 'data_call_rejected'
      /** Older than the present version by this. */
      readonly lag: number
    }
  | { readonly type: 'scopes_changed'; readonly scopes: string[] }

const SCOPES = fc.array(fc.constantFrom('A', 'B', 'C'), { maxLength: 4 })
const MOVE: fc.Arbitrary<Move> = fc.oneof(
  fc.record({
    type: fc.constant('flow_succeeded' as const),
    account: fc.constantFrom('account-1', 'account-2'),
    scopes: SCOPES,
    isAccountTaken: fc.boolean(),
    isConfirmed: fc.boolean(),
  }),
  fc.record({ type: fc.constant('flow_failed' as const) }),
  fc.record({
    type: fc.constantFrom(
      'disconnect_requested',
      'account_moved',
      'access_revoked',
      'connection_worked',
    ),
  }),
  fc.record({
    type: fc.constantFrom('grant_rejected', 'data_call_rejected'),
    lag: fc.constantFrom(0, 0, 0, 1, 2),
  }),
  fc.record({ type: fc.constant('scopes_changed' as const), scopes: SCOPES }),
)
/** Moves with the time that passes before each; now and then the clock steps back a little. */
const HISTORY = fc.array(fc.tuple(MOVE, fc.integer({ min: -1_000, max: 30 * HOUR_MS })), {
  maxLength: 60,
})
const POLICY: fc.Arbitrary<Policy> = fc.record({
  failedAuthShape: fc.constantFrom('auth_cancelled', 'legacy'),
  connect: fc.record({
    confirmation: fc.constantFrom('off', 'required'),
    accountPolicy: fc.constantFrom('allow', 'reject', 'move'),
  }),
})

interface Step extends Decision {
  readonly before: ConnectionState
  readonly signal: Signal
}

function replay(history: readonly (readonly [Move, number])[], policy: Policy): Step[] {
  let state: ConnectionState = { status: 'absent' }
  let atMs = 0
  return history.map(([move, passed], i) => {
    atMs += passed
    const before = state
    const signal = toSignal(move, before, { atMs, i })
    const decision = decide(before, signal, policy)
    state = decision.state
    return { ...decision, before, signal }
  })
}

function toSignal(move: Move, state: ConnectionState, at: { atMs: number; i: number }): Signal {
  const { atMs, i } = at
  const flow = {
    flowId: `flow-${i}`,
    widgetSessionId: null,
    referenceId: 'tony_stark',
    provider: 'GARMIN',
    reservedUserId: `user-${i}`,
  }
  const version = state.status === 'absent' ? 0 : state.tokenVersion
  switch (move.type) {
    case 'flow_succeeded':
      return {
        type: move.type,
        atMs,
        flow,
        providerAccountId: move.account,
        scopes: move.scopes,
        isAccountTaken: move.isAccountTaken,
        isConfirmed: move.isConfirmed,
      }
    case 'flow_failed':
      return { type: move.type, atMs, flow, reason: 'access_denied' }
    case 'grant_rejected':
      return { type: move.type, atMs, fromVersion: version - move.lag }
    case 'data_call_rejected':
      return { type: move.type, atMs, httpStatus: 403, fromVersion: version - move.lag }
    case 'scopes_changed':
      return { type: move.type, atMs, scopes: move.scopes }
    case 'connection_worked':
      return { type: move.type, atMs, by: 'data_call' }
    case 'disconnect_requested':
    case 'account_moved':
    case 'access_revoked':
      return { type: move.type, atMs }
  }
}

function check(invariant: (steps: Step[], policy: Policy) => void): void {
  fc.assert(
    fc.property(HISTORY, POLICY, (history, policy) => invariant(replay(history, policy), policy)),
    { numRuns: 1_000 },
  )
}

const userIdOf = (state: ConnectionState): string | undefined =>
  state.status === 'absent' ? undefined : state.user.userId

describe('decide, over any history', () => {
  it('decides the same when a history is replayed', () => {
    fc.assert(
      fc.property(HISTORY, POLICY, (history, policy) => {
        expect(replay(history, policy)).toEqual(replay(history, policy))
      }),
    )
  })

  it('leaves what it was given as it was', () => {
    check((steps) => {
      for (const { before, signal } of steps) {
        const copy = structuredClone({ before, signal })
        decide(before, signal, {
          failedAuthShape: 'legacy',
          connect: { confirmation: 'off', accountPolicy: 'move' },
        })
        expect({ before, signal }).toEqual(copy)
      }
    })
  })

  it('announces nothing about a connection whose state stays as it was', () => {
    check((steps) => {
      for (const { before, state, signal, events, effects } of steps) {
        if (state !== before) continue
        expect(effects).toEqual([])
        // A flow that failed is news of its own: its end is stored with the flow.
        expect(events).toHaveLength(signal.type === 'flow_failed' ? 1 : 0)
      }
    })
  })

  it('announces the error of a user at most once a day', () => {
    check((steps) => {
      const lastMs = new Map<string, number>()
      for (const { signal, events } of steps) {
        for (const event of events) {
          if (event.type !== 'connection_error') continue
          const before = lastMs.get(event.user.userId) ?? Number.NEGATIVE_INFINITY
          expect(signal.atMs - before).toBeGreaterThanOrEqual(CONNECTION_ERROR_INTERVAL_MS)
          lastMs.set(event.user.userId, signal.atMs)
        }
      }
    })
  })

  it('announces errors and recoveries of a user in turns', () => {
    check((steps) => {
      const last = new Map<string, string>()
      for (const event of steps.flatMap(({ events }) => events)) {
        if (event.type !== 'connection_error' && event.type !== 'connection_recovered') continue
        const { userId } = event.user
        const previous = last.get(userId) ?? 'connection_recovered'
        expect(event.type).not.toBe(previous)
        last.set(userId, event.type)
      }
    })
  })

  it('never brings a user_id back that was replaced', () => {
    check((steps) => {
      const seen = new Set<string>()
      for (const { before, state } of steps) {
        const userId = userIdOf(state)
        if (userId === undefined || userId === userIdOf(before)) continue
        expect(seen).not.toContain(userId)
        seen.add(userId)
      }
    })
  })

  it('leaves deleted only for a new connection', () => {
    check((steps) => {
      for (const { before, state, signal } of steps) {
        if (before.status !== 'deleted' || signal.type === 'flow_succeeded') continue
        expect(state).toBe(before)
      }
    })
  })

  it('swallows what the provider says about a connection that has ended', () => {
    check((steps) => {
      for (const { before, signal, events } of steps) {
        if (before.status === 'active' || signal.type.startsWith('flow_')) continue
        if (before.status === 'inactive' && signal.type === 'disconnect_requested') continue
        expect(events).toEqual([])
      }
    })
  })

  it('changes nothing for the rejection of a token that has been replaced', () => {
    check((steps) => {
      for (const { before, state, signal } of steps) {
        if (signal.type !== 'grant_rejected' && signal.type !== 'data_call_rejected') continue
        if (before.status === 'absent' || signal.fromVersion === before.tokenVersion) continue
        expect(state).toBe(before)
      }
    })
  })

  it('revokes a grant only on disconnecting and when the account changes, and always the old one', () => {
    check((steps) => {
      for (const { before, state, signal, effects } of steps) {
        const had = before.status === 'active' ? before.providerAccountId : undefined
        const moves =
          signal.type === 'disconnect_requested' ||
          (signal.type === 'flow_succeeded' && signal.providerAccountId !== had && state !== before)
        const expected =
          had !== undefined && moves ? [{ type: 'revoke_grant', providerAccountId: had }] : []
        expect(effects).toEqual(expected)
        expect(state === before && effects.length > 0).toBe(false)
      }
    })
  })

  it('connects nothing that waits for the app, or that the policy refuses', () => {
    check((steps, { connect }) => {
      for (const { before, state, signal, events, effects, withheld } of steps) {
        if (signal.type !== 'flow_succeeded') continue
        const had = before.status === 'active' ? before.providerAccountId : undefined
        const isStrange =
          signal.isAccountTaken || (had !== undefined && had !== signal.providerAccountId)
        const isRefused = connect.accountPolicy === 'reject' && isStrange
        const isWaiting = connect.confirmation === 'required' && !signal.isConfirmed
        expect(withheld !== undefined).toBe(isRefused || isWaiting)
        const isUntouched = state === before && events.length === 0 && effects.length === 0
        expect(isUntouched).toBe(withheld !== undefined)
      }
    })
  })

  it('ties two accounts into one history only where an environment allows it', () => {
    check((steps, { connect }) => {
      for (const { before, state, events } of steps) {
        if (before.status === 'absent' || state.status === 'absent') continue
        if (before.providerAccountId === state.providerAccountId) continue
        const isTied = events.some(({ type }) => type === 'user_reauth')
        expect(isTied).toBe(before.status === 'active' && connect.accountPolicy === 'allow')
      }
    })
  })

  it('follows every user_reauth with the auth of the same new user', () => {
    check((steps) => {
      for (const { events } of steps) {
        for (const [i, event] of events.entries()) {
          if (event.type !== 'user_reauth') continue
          expect(event.newUser.userId).not.toBe(event.oldUser.userId)
          expect(events[i + 1]).toMatchObject({ type: 'auth', user: event.newUser })
        }
      }
    })
  })

  it('counts token versions up and never down', () => {
    check((steps) => {
      for (const { before, state } of steps) {
        const from = before.status === 'absent' ? 0 : before.tokenVersion
        const to = state.status === 'absent' ? 0 : state.tokenVersion
        expect(to - from).toBe(userIdOf(state) === userIdOf(before) ? 0 : 1)
      }
    })
  })
})
