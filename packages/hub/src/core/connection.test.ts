import { describe, expect, it } from 'vitest'
import {
  type ConnectPolicy,
  type ConnectionState,
  type EndedFlow,
  type EventDraft,
  type Policy,
  type Signal,
  type User,
  decide,
} from './connection.ts'
import { DAY_MS, HOUR_MS } from './time.ts'

const CONNECT: ConnectPolicy = { confirmation: 'off', accountPolicy: 'allow' }
const ORDINARY = { isAccountTaken: false, isConfirmed: false } as const
const POLICY: Policy = { failedAuthShape: 'auth_cancelled', connect: CONNECT }
const LEGACY: Policy = { failedAuthShape: 'legacy', connect: CONNECT }
const NOW_MS = Date.UTC(2024, 9, 7, 3, 45)

const USER: User = {
  userId: 'user-1',
  referenceId: 'tony_stark',
  provider: 'GARMIN',
  scopes: ['ACTIVITY_EXPORT', 'HEALTH_EXPORT'],
  createdAtMs: NOW_MS - 30 * DAY_MS,
  lastWebhookUpdateMs: NOW_MS - DAY_MS,
}
const KNOWN = { user: USER, providerAccountId: 'account-1', tokenVersion: 7 }
const FLOW: EndedFlow = {
  flowId: 'flow-2',
  widgetSessionId: 'session-2',
  referenceId: 'tony_stark',
  provider: 'GARMIN',
  reservedUserId: 'user-2',
}

const STATES = {
  absent: { status: 'absent' },
  active: {
    ...KNOWN,
    status: 'active',
    degradedAtMs: null,
    degradedBy: null,
    errorAnnouncedAtMs: null,
  },
  degraded: {
    ...KNOWN,
    status: 'active',
    degradedAtMs: NOW_MS - HOUR_MS,
    degradedBy: 'grant_rejected',
    errorAnnouncedAtMs: NOW_MS - HOUR_MS,
  },
  inactive: { ...KNOWN, status: 'inactive' },
  deleted: { ...KNOWN, status: 'deleted', endedBy: 'disconnect' },
} as const satisfies Record<string, ConnectionState>
type StateName = keyof typeof STATES

const atMs = NOW_MS
const SIGNALS = {
  'flow_succeeded, same account': {
    type: 'flow_succeeded',
    atMs,
    flow: FLOW,
    providerAccountId: 'account-1',
    scopes: ['HEALTH_EXPORT'],
    ...ORDINARY,
  },
  'flow_succeeded, other account': {
    type: 'flow_succeeded',
    atMs,
    flow: FLOW,
    providerAccountId: 'account-2',
    scopes: ['HEALTH_EXPORT'],
    ...ORDINARY,
  },
  flow_failed: { type: 'flow_failed', atMs, flow: FLOW, reason: 'access_denied' },
  disconnect_requested: { type: 'disconnect_requested', atMs },
  account_moved: { type: 'account_moved', atMs },
  access_revoked: { type: 'access_revoked', atMs },
  grant_rejected: { type: 'grant_rejected', atMs, fromVersion: 7 },
  'grant_rejected, older token': { type: 'grant_rejected', atMs, fromVersion: 6 },
  'grant_rejected, newer token': { type: 'grant_rejected', atMs, fromVersion: 8 },
  'data_call_rejected 401': { type: 'data_call_rejected', atMs, httpStatus: 401, fromVersion: 7 },
  'data_call_rejected 403': { type: 'data_call_rejected', atMs, httpStatus: 403, fromVersion: 7 },
  'data_call_rejected 412': { type: 'data_call_rejected', atMs, httpStatus: 412, fromVersion: 7 },
  'data_call_rejected, older token': {
    type: 'data_call_rejected',
    atMs,
    httpStatus: 401,
    fromVersion: 6,
  },
  connection_worked: { type: 'connection_worked', atMs, by: 'refresh' },
  end_foreseen: { type: 'end_foreseen', atMs, endsAtMs: NOW_MS + 7 * 24 * HOUR_MS },
  'scopes_changed, one more': {
    type: 'scopes_changed',
    atMs,
    scopes: ['ACTIVITY_EXPORT', 'HEALTH_EXPORT', 'COURSE_IMPORT'],
  },
  'scopes_changed, none left': { type: 'scopes_changed', atMs, scopes: [] },
  'scopes_changed, other order': {
    type: 'scopes_changed',
    atMs,
    scopes: ['HEALTH_EXPORT', 'ACTIVITY_EXPORT'],
  },
} as const satisfies Record<string, Signal>
type SignalName = keyof typeof SIGNALS

function nameOf(state: ConnectionState): string {
  return state.status === 'active' && state.degradedAtMs !== null ? 'degraded' : state.status
}

/** `state | events | revoked account`; `=` for a signal that changes nothing. */
const TABLE: Record<SignalName, Record<StateName, string>> = {
  'flow_succeeded, same account': {
    absent: 'active | auth |',
    active: 'active | user_reauth auth |',
    degraded: 'active | user_reauth auth |',
    inactive: 'active | auth |',
    deleted: 'active | auth |',
  },
  'flow_succeeded, other account': {
    absent: 'active | auth |',
    active: 'active | user_reauth auth | account-1',
    degraded: 'active | user_reauth auth | account-1',
    inactive: 'active | auth |',
    deleted: 'active | auth |',
  },
  flow_failed: {
    absent: 'absent | auth_cancelled |',
    active: 'active | auth_cancelled |',
    degraded: 'degraded | auth_cancelled |',
    inactive: 'inactive | auth_cancelled |',
    deleted: 'deleted | auth_cancelled |',
  },
  disconnect_requested: {
    absent: '=',
    active: 'deleted | deauth | account-1',
    degraded: 'deleted | deauth | account-1',
    inactive: 'deleted | deauth |',
    deleted: '=',
  },
  account_moved: {
    absent: '=',
    active: 'deleted | deauth |',
    degraded: 'deleted | deauth |',
    inactive: '=',
    deleted: '=',
  },
  access_revoked: {
    absent: '=',
    active: 'inactive | access_revoked |',
    degraded: 'inactive | access_revoked |',
    inactive: '=',
    deleted: '=',
  },
  ...rows(['grant_rejected', 'data_call_rejected 401', 'data_call_rejected 403'], {
    absent: '=',
    active: 'degraded | connection_error |',
    degraded: '=',
    inactive: '=',
    deleted: '=',
  }),
  'data_call_rejected 412': {
    absent: '=',
    active: 'degraded | connection_error |',
    degraded: '=',
    inactive: '=',
    deleted: '=',
  },
  ...rows(
    [
      'grant_rejected, older token',
      'grant_rejected, newer token',
      'data_call_rejected, older token',
      'scopes_changed, other order',
    ],
    { absent: '=', active: '=', degraded: '=', inactive: '=', deleted: '=' },
  ),
  connection_worked: {
    absent: '=',
    active: '=',
    degraded: 'active | connection_recovered |',
    inactive: '=',
    deleted: '=',
  },
  end_foreseen: {
    absent: '=',
    active: 'active | expiry_warning |',
    degraded: 'degraded | expiry_warning |',
    inactive: '=',
    deleted: '=',
  },
  ...rows(['scopes_changed, one more', 'scopes_changed, none left'], {
    absent: '=',
    active: 'active | permission_change |',
    degraded: 'degraded | permission_change |',
    inactive: '=',
    deleted: '=',
  }),
}

function rows<Name extends SignalName>(
  names: readonly Name[],
  row: Record<StateName, string>,
): Record<Name, Record<StateName, string>> {
  return Object.fromEntries(names.map((name) => [name, row])) as Record<
    Name,
    Record<StateName, string>
  >
}

describe('decide', () => {
  const cases = Object.entries(TABLE).flatMap(([signal, row]) =>
    Object.entries(row).map(
      ([state, expected]) => [signal as SignalName, state as StateName, expected] as const,
    ),
  )
  it.each(cases)('answers %s in state %s with: %s', (signal, stateName, expected) => {
    const before = STATES[stateName]
    const { state, events, effects } = decide(before, SIGNALS[signal], POLICY)
    const types = events.map(({ type }) => type).join(' ')
    const revoked = effects.map((effect) => effect.providerAccountId).join(' ')
    const isUnchanged = state === before && types === '' && revoked === ''
    expect(isUnchanged ? '=' : `${nameOf(state)} | ${types} | ${revoked}`.trim()).toBe(expected)
  })

  it('makes the user that the flow has promised', () => {
    const { state, events } = decide(STATES.absent, SIGNALS['flow_succeeded, same account'], POLICY)
    const user = {
      userId: 'user-2',
      referenceId: 'tony_stark',
      provider: 'GARMIN',
      scopes: ['HEALTH_EXPORT'],
      createdAtMs: NOW_MS,
      lastWebhookUpdateMs: null,
    }
    expect(state).toEqual({
      status: 'active',
      user,
      providerAccountId: 'account-1',
      tokenVersion: 1,
      degradedAtMs: null,
      degradedBy: null,
      errorAnnouncedAtMs: null,
    })
    expect(events).toEqual([{ type: 'auth', user, widgetSessionId: 'session-2' }])
  })

  it('names the replaced user and the new one when a person connects again', () => {
    const { state, events } = decide(
      STATES.degraded,
      SIGNALS['flow_succeeded, same account'],
      POLICY,
    )
    expect(state).toMatchObject({ tokenVersion: 8, degradedAtMs: null, errorAnnouncedAtMs: null })
    // Other scopes make no event of their own: docs/decisions/091-one-event-for-a-new-consent.md.
    const newUser = { userId: 'user-2', scopes: ['HEALTH_EXPORT'] }
    expect(events).toMatchObject([
      { type: 'user_reauth', oldUser: USER, newUser },
      { type: 'auth', user: newUser },
    ])
  })

  it('never gives a token version a second time, whatever the connection went through', () => {
    for (const before of [STATES.active, STATES.inactive, STATES.deleted]) {
      const { state } = decide(before, SIGNALS['flow_succeeded, other account'], POLICY)
      expect(state).toMatchObject({ tokenVersion: 8, providerAccountId: 'account-2' })
    }
  })

  it('announces a failed flow in the older shape where an environment asks for it', () => {
    const { state, events } = decide(STATES.active, SIGNALS.flow_failed, LEGACY)
    expect(state).toBe(STATES.active)
    expect(events).toEqual([
      { type: 'auth_failed_legacy', flow: FLOW, reason: 'access_denied', atMs: NOW_MS },
    ])
  })

  it('replaces the scopes and says which came and which went', () => {
    const { state, events } = decide(
      STATES.degraded,
      { type: 'scopes_changed', atMs, scopes: ['HEALTH_EXPORT', 'COURSE_IMPORT'] },
      POLICY,
    )
    const user = { ...USER, scopes: ['HEALTH_EXPORT', 'COURSE_IMPORT'] }
    expect(state).toEqual({ ...STATES.degraded, user })
    expect(events).toEqual([
      {
        type: 'permission_change',
        user,
        scopesAdded: ['COURSE_IMPORT'],
        scopesRemoved: ['ACTIVITY_EXPORT'],
      },
    ])
  })

  it('counts a scope once that a provider lists twice', () => {
    const scopes = ['HEALTH_EXPORT', 'B', 'B', 'HEALTH_EXPORT']
    const changed = decide(STATES.active, { type: 'scopes_changed', atMs, scopes }, POLICY)
    expect(changed.events).toMatchObject([
      { user: { scopes: ['HEALTH_EXPORT', 'B'] }, scopesAdded: ['B'] },
    ])
    const connected = decide(
      STATES.absent,
      { ...SIGNALS['flow_succeeded, same account'], scopes },
      POLICY,
    )
    expect(connected.events).toMatchObject([{ user: { scopes: ['HEALTH_EXPORT', 'B'] } }])
  })

  it('announces an error once however often the provider rejects', () => {
    let state: ConnectionState = STATES.active
    const announced: EventDraft[] = []
    for (let i = 0; i < 1_000; i += 1) {
      const signal = { type: 'grant_rejected', atMs: NOW_MS + i * HOUR_MS, fromVersion: 7 } as const
      const decision = decide(state, signal, POLICY)
      state = decision.state
      announced.push(...decision.events)
    }
    expect(announced).toEqual([{ type: 'connection_error', user: USER }])
  })
})

describe('decide, on a connection that goes on at another provider', () => {
  const flow = { ...FLOW, provider: 'GOOGLE' }
  const moved = {
    type: 'flow_succeeded',
    atMs,
    flow,
    providerAccountId: KNOWN.providerAccountId,
    scopes: [],
    ...ORDINARY,
  } as const
  const exchanged = {
    type: 'grant_exchanged',
    atMs,
    userId: 'user-2',
    provider: 'GOOGLE',
    scopes: ['a', 'a'],
  } as const
  const by = { user: { ...USER, userId: 'user-2' }, providerAccountId: 'account-1' }

  it('gives the old provider its grant back, even under the same account id', () => {
    const { events, effects } = decide(STATES.active, moved, POLICY)
    expect(events.map(({ type }) => type)).toEqual(['user_reauth', 'auth'])
    expect(effects).toEqual([{ type: 'revoke_grant', providerAccountId: 'account-1' }])
  })

  it('tells whose it was also where access had been withdrawn', () => {
    const { events, effects } = decide(STATES.inactive, moved, POLICY)
    expect(events).toMatchObject([
      { type: 'user_reauth', oldUser: { userId: 'user-1' }, newUser: { userId: 'user-2' } },
      { type: 'auth' },
    ])
    expect(effects).toEqual([])
  })

  it('revokes nothing when the provider has exchanged the grant', () => {
    const { state, events, effects } = decide(STATES.degraded, exchanged, POLICY)
    expect(state).toMatchObject({
      status: 'active',
      user: { userId: 'user-2', provider: 'GOOGLE', referenceId: 'tony_stark', scopes: ['a'] },
      tokenVersion: 8,
      degradedAtMs: null,
    })
    expect(events.map(({ type }) => type)).toEqual(['user_reauth', 'auth'])
    expect(effects).toEqual([])
  })

  it.each(['absent', 'inactive', 'deleted'] as const)('exchanges nothing when %s', (name) => {
    expect(decide(STATES[name], exchanged, POLICY).events).toEqual([])
  })

  it('ends in another lineage, and gives back only what that one does not use', () => {
    const signal = { type: 'absorbed', atMs, by } as const
    const same = decide(STATES.active, signal, POLICY)
    expect(same.state.status).toBe('deleted')
    expect(same.events).toMatchObject([{ type: 'user_reauth', newUser: { userId: 'user-2' } }])
    expect(same.effects).toEqual([])
    const elsewhere = { ...signal, by: { ...by, providerAccountId: 'account-2' } }
    expect(decide(STATES.active, elsewhere, POLICY).effects).toHaveLength(1)
    expect(decide(STATES.inactive, elsewhere, POLICY).effects).toEqual([])
    expect(decide(STATES.deleted, signal, POLICY).events).toEqual([])
    expect(decide(STATES.absent, signal, POLICY).events).toEqual([])
  })
})

describe('decide, on a connection that comes and goes', () => {
  const reject = (state: ConnectionState, at: number) =>
    decide(state, { type: 'grant_rejected', atMs: at, fromVersion: 7 }, POLICY)
  const work = (state: ConnectionState, at: number) =>
    decide(state, { type: 'connection_worked', atMs: at, by: 'data_call' }, POLICY)

  /** Broken (announced), well (announced), broken again within the day. */
  function brokenAgain(at: number): ConnectionState {
    const broken = reject(STATES.active, NOW_MS).state
    return reject(work(broken, NOW_MS + 1).state, at).state
  }

  it('degrades without a word when the day’s error has been announced', () => {
    const well = work(reject(STATES.active, NOW_MS).state, NOW_MS + HOUR_MS).state
    const { state, events } = reject(well, NOW_MS + 2 * HOUR_MS)
    expect(nameOf(state)).toBe('degraded')
    expect(events).toEqual([])
  })

  it('says so when it is still broken after the day', () => {
    const state = brokenAgain(NOW_MS + 2 * HOUR_MS)
    expect(reject(state, NOW_MS + DAY_MS - 1).events).toEqual([])
    const later = reject(state, NOW_MS + DAY_MS)
    expect(later.events).toEqual([{ type: 'connection_error', user: USER }])
    expect(later.state).toMatchObject({ degradedAtMs: NOW_MS + 2 * HOUR_MS })
    expect(reject(later.state, NOW_MS + 10 * DAY_MS).events).toEqual([])
  })

  it('does not announce the recovery from an error that nobody has heard of', () => {
    const { state, events } = work(brokenAgain(NOW_MS + 2 * HOUR_MS), NOW_MS + 3 * HOUR_MS)
    expect(nameOf(state)).toBe('active')
    expect(events).toEqual([])
  })

  it('announces an error after a recovery also when all happens at one moment', () => {
    const state = brokenAgain(NOW_MS)
    expect(reject(state, NOW_MS + DAY_MS).events).toHaveLength(1)
  })

  it('announces an error again as soon as the day is over', () => {
    const well = work(reject(STATES.active, NOW_MS).state, NOW_MS + 1).state
    expect(reject(well, NOW_MS + DAY_MS).events).toEqual([{ type: 'connection_error', user: USER }])
  })
})
