import { describe, expect, it } from 'vitest'
import {
  type AccountPolicy,
  type ConnectPolicy,
  type ConnectionState,
  type EndedFlow,
  type Policy,
  type Signal,
  type User,
  decide,
} from './connection.ts'

const FLOW: EndedFlow = {
  flowId: 'flow-2',
  widgetSessionId: null,
  referenceId: 'tony_stark',
  provider: 'GARMIN',
  reservedUserId: 'user-2',
}
const USER: User = {
  userId: 'user-1',
  referenceId: 'tony_stark',
  provider: 'GARMIN',
  scopes: [],
  createdAtMs: 0,
  lastWebhookUpdateMs: null,
}
const KNOWN = { user: USER, providerAccountId: 'account-1', tokenVersion: 1 }
const ACTIVE: ConnectionState = {
  ...KNOWN,
  status: 'active',
  degradedAtMs: null,
  degradedBy: null,
  errorAnnouncedAtMs: null,
}
const DEGRADED: ConnectionState = { ...ACTIVE, degradedAtMs: 1, degradedBy: 'http_401' }
const INACTIVE: ConnectionState = { ...KNOWN, status: 'inactive' }
const DELETED: ConnectionState = { ...KNOWN, status: 'deleted', endedBy: 'disconnect' }
const ABSENT: ConnectionState = { status: 'absent' }

const SAME: Extract<Signal, { type: 'flow_succeeded' }> = {
  type: 'flow_succeeded',
  atMs: 2,
  flow: FLOW,
  providerAccountId: 'account-1',
  scopes: [],
  isAccountTaken: false,
  isConfirmed: false,
}
const OTHER: Signal = { ...SAME, providerAccountId: 'account-2' }
const TAKEN: Signal = { ...SAME, isAccountTaken: true }
const FOREIGN: Signal = { ...SAME, flow: { ...FLOW, referenceId: 'pepper_potts' } }
const MOVED: Signal = { type: 'account_moved', atMs: 2 }

function policy(
  accountPolicy: AccountPolicy,
  confirmation: ConnectPolicy['confirmation'] = 'off',
): Policy {
  return { failedAuthShape: 'auth_cancelled', connect: { confirmation, accountPolicy } }
}

/** What is announced, or why nothing is connected. */
function outcome(state: ConnectionState, signal: Signal, under: Policy): string {
  const decision = decide(state, signal, under)
  if (decision.withheld === undefined) return decision.events.map(({ type }) => type).join(' ')
  expect(decision).toEqual({ state, events: [], effects: [], withheld: decision.withheld })
  return decision.withheld
}

describe('whose account it is', () => {
  it.each<[string, ConnectionState, Signal, [allow: string, reject: string, move: string]]>([
    ['nobody’s', ABSENT, SAME, ['auth', 'auth', 'auth']],
    ['the same', ACTIVE, SAME, ['user_reauth auth', 'user_reauth auth', 'user_reauth auth']],
    ['another', ACTIVE, OTHER, ['user_reauth auth', 'other_account', 'deauth auth']],
    [
      'another, after errors',
      DEGRADED,
      OTHER,
      ['user_reauth auth', 'other_account', 'deauth auth'],
    ],
    ['another, after a revocation', INACTIVE, OTHER, ['auth', 'auth', 'auth']],
    ['another, after a disconnection', DELETED, OTHER, ['auth', 'auth', 'auth']],
    ['somebody else’s', ABSENT, TAKEN, ['auth', 'account_in_use', 'auth']],
    [
      'also somebody else’s',
      ACTIVE,
      TAKEN,
      ['user_reauth auth', 'account_in_use', 'user_reauth auth'],
    ],
    [
      'matched, with somebody else',
      ACTIVE,
      FOREIGN,
      ['user_reauth auth', 'account_in_use', 'user_reauth auth'],
    ],
    ['matched, with nobody any more', DELETED, FOREIGN, ['auth', 'auth', 'auth']],
  ])('%s', (_whose, state, signal, expected) => {
    const policies = (['allow', 'reject', 'move'] as const).map((name) => policy(name))
    expect(policies.map((under) => outcome(state, signal, under))).toEqual(expected)
  })

  it('gives back the earlier account’s grant, and only that', () => {
    const revoked = [{ type: 'revoke_grant', providerAccountId: 'account-1' }]
    expect(decide(ACTIVE, OTHER, policy('allow')).effects).toEqual(revoked)
    expect(decide(ACTIVE, OTHER, policy('move')).effects).toEqual(revoked)
    expect(decide(ACTIVE, MOVED, policy('move')).effects).toEqual([])
  })

  it('is remembered of a connection that lost it', () => {
    const { state, events } = decide(ACTIVE, MOVED, policy('move'))
    expect(state).toEqual({ ...KNOWN, status: 'deleted', endedBy: 'account_moved' })
    expect(events).toEqual([{ type: 'deauth', user: USER }])
    for (const ended of [INACTIVE, DELETED, ABSENT]) {
      expect(decide(ended, MOVED, policy('move')).state).toBe(ended)
    }
  })
})

describe('who it was', () => {
  it('is waited for where the app has to say it', () => {
    expect(outcome(ABSENT, SAME, policy('allow', 'required'))).toBe('unconfirmed')
    const confirmed = { ...SAME, isConfirmed: true }
    expect(outcome(ABSENT, confirmed, policy('allow', 'required'))).toBe('auth')
  })

  it('is not waited for when the account is refused anyway, and saves none that is', () => {
    const under = policy('reject', 'required')
    expect(outcome(ABSENT, TAKEN, under)).toBe('account_in_use')
    expect(outcome(ABSENT, { ...SAME, isAccountTaken: true, isConfirmed: true }, under)).toBe(
      'account_in_use',
    )
  })
})
