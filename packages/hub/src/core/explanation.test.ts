/** What is said of a connection, for every state and everything that a provider may have said of it. */
import { describe, expect, it } from 'vitest'
import type { ConnectionState, Degradation } from './connection.ts'
import { type Circumstances, type RefreshHistory, explainState } from './explanation.ts'

const NOW_MS = Date.UTC(2026, 0, 1)
const LATER_MS = NOW_MS + 60_000

const KNOWN: Circumstances = {
  provider: 'Garmin',
  nowMs: NOW_MS,
  refreshes: {
    lastFailure: null,
    rejections: 0,
    isOurFault: false,
    expiresAtMs: LATER_MS,
    retryAtMs: null,
  },
  permissions: { missing: [], areTooFew: false, areSwitchedThere: true },
  limitedUntilMs: null,
  endsAtMs: null,
  move: null,
}

const IDENTITY = {
  user: {
    userId: 'u',
    referenceId: 'tony',
    provider: 'GARMIN',
    scopes: [],
    createdAtMs: 0,
    lastWebhookUpdateMs: null,
  },
  providerAccountId: 'a',
  tokenVersion: 1,
}

function active(degradedBy: Degradation | null = null): ConnectionState & { status: 'active' } {
  const degradedAtMs = degradedBy === null ? null : 1
  return {
    ...IDENTITY,
    status: 'active',
    degradedBy,
    degradedAtMs,
    errorAnnouncedAtMs: degradedAtMs,
  }
}

function failing(more: Partial<RefreshHistory>): Partial<Circumstances> {
  return { refreshes: { ...KNOWN.refreshes!, lastFailure: '503', retryAtMs: LATER_MS, ...more } }
}

const permissions = (more: Partial<Circumstances['permissions']>): Partial<Circumstances> => ({
  permissions: { ...KNOWN.permissions, missing: ['HEALTH_EXPORT'], ...more },
})
const LINK = { move: { to: 'Google Health', isByItself: false } }
const EXCHANGE = { move: { to: 'Google Health', isByItself: true } }

describe('a connection that works', () => {
  it.each<[string, Partial<Circumstances>, string, RegExp, RegExp]>([
    ['and nothing else', {}, 'nothing', /^The person connected Garmin\.$/, /^Nothing\.$/],
    ['without tokens', { refreshes: null }, 'nothing', /^The person connected/, /^Nothing\.$/],
    [
      'with all permissions off',
      permissions({ areTooFew: true }),
      'grant_permissions',
      /does not let the app have what it needs \(HEALTH_EXPORT\): no data comes/,
      /^Ask the person to switch the permissions on again in the settings of Garmin/,
    ],
    [
      'with too few scopes, where they are chosen at the login',
      permissions({ areTooFew: true, areSwitchedThere: false, missing: [] }),
      'grant_permissions',
      /what it needs: no data/,
      /^Ask the person to connect again, and to leave every box ticked/,
    ],
    [
      'with some permissions off',
      permissions({}),
      'nothing',
      /without HEALTH_EXPORT/,
      /switch it on in the settings of Garmin/,
    ],
    [
      'with narrowed scopes',
      permissions({ areSwitchedThere: false }),
      'nothing',
      /without HEALTH_EXPORT/,
      /connect again and allow it/,
    ],
    [
      'while the provider is down',
      failing({}),
      'nothing',
      /failed \(503\), which says nothing about the access/,
      /^Nothing\.$/,
    ],
    [
      'while the provider is down, for longer than the access lives',
      failing({ expiresAtMs: NOW_MS }),
      'wait',
      /^The access ended at .* could not be asked for a new one \(503\)/,
      /tries again at 2026-01-01T00:01:00\.000000\+00:00; the person has nothing to do/,
    ],
    [
      'while the provider is down, without an end of the access',
      failing({ expiresAtMs: null }),
      'nothing',
      /last refresh failed/,
      /^Nothing/,
    ],
    [
      'when the grant was refused once',
      failing({ rejections: 1 }),
      'wait',
      /refused once to renew the access/,
      /^Wait; the hub tries again at /,
    ],
    [
      'when the credentials of the app are refused',
      failing({ isOurFault: true, retryAtMs: null }),
      'correct_credentials',
      /refuses the credentials of the app, not the person/,
      /^Correct client id and secret of Garmin; the person has nothing to do/,
    ],
    [
      'while calls are limited',
      { limitedUntilMs: LATER_MS },
      'wait',
      /takes no calls until 2026-01-01T00:01/,
      /^Wait; the person has nothing to do/,
    ],
    [
      'until an end that nothing can prevent',
      { endsAtMs: LATER_MS },
      'connect_again',
      /this one ends at 2026-01-01T00:01/,
      /^Ask the person to connect again before that/,
    ],
    [
      'until an end, awaiting migration',
      { endsAtMs: LATER_MS, ...LINK },
      'connect_again',
      /this one ends/,
      /^Ask the person to connect Google Health in its place, by their link of the move/,
    ],
    [
      'awaiting migration, by a link',
      LINK,
      'connect_again',
      /moving to Google Health, where everybody has to consent again/,
      /^Send the person their link/,
    ],
    [
      'awaiting migration, by an exchange',
      EXCHANGE,
      'nothing',
      /moving to Google Health\.$/,
      /^Nothing; the hub turns the access into one of Google Health/,
    ],
  ])('%s', (...[, more, code, why, todo]) => {
    expect(explainState(active(), { ...KNOWN, ...more })).toEqual({
      status: 'active',
      code,
      why: expect.stringMatching(why),
      todo: expect.stringMatching(todo),
    })
  })
})

describe('a connection that is refused', () => {
  it.each<[string, Degradation, Partial<Circumstances>, string, RegExp, RegExp]>([
    [
      'by a grant that is dead',
      'grant_rejected',
      failing({ rejections: 2 }),
      'connect_again',
      /refused twice, minutes apart/,
      /^Ask the person to connect again\. The hub goes on asking/,
    ],
    [
      'by a grant that is dead, awaiting migration',
      'grant_rejected',
      { ...failing({ rejections: 2 }), ...LINK },
      'connect_again',
      /refused twice/,
      /^Ask the person to connect Google Health in its place/,
    ],
    [
      'by a grant that has ended, with nothing to renew it',
      'grant_rejected',
      failing({ rejections: 1 }),
      'connect_again',
      /has ended, and there is nothing to renew it with/,
      /^Ask the person to connect again\.$/,
    ],
    [
      'by a grant, with its tokens gone',
      'grant_rejected',
      { refreshes: null },
      'connect_again',
      /refused twice/,
      /^Ask the person to connect again/,
    ],
    ...([401, 403, 412] as const).map(
      (status): [string, Degradation, Partial<Circumstances>, string, RegExp, RegExp] => [
        `by ${status}`,
        `http_${status}`,
        {},
        'reconnect_if_it_lasts',
        new RegExp(`HTTP ${status}`),
        /^Wait a day\. If it stays like this/,
      ],
    ),
    [
      'by 403, for permissions that are off',
      'http_403',
      permissions({ areTooFew: true }),
      'grant_permissions',
      /does not let the app have/,
      /settings of Garmin/,
    ],
    [
      'by 401, whatever the permissions are',
      'http_401',
      permissions({ areTooFew: true }),
      'reconnect_if_it_lasts',
      /HTTP 401/,
      /^Wait a day/,
    ],
  ])('%s', (...[, degradedBy, more, code, why, todo]) => {
    expect(explainState(active(degradedBy), { ...KNOWN, ...more })).toEqual({
      status: 'degraded',
      code,
      why: expect.stringMatching(why),
      todo: expect.stringMatching(todo),
    })
  })
})

describe('a connection that has ended', () => {
  const ended = (endedBy: 'disconnect' | 'account_moved' | 'absorbed'): ConnectionState => ({
    ...IDENTITY,
    status: 'deleted',
    endedBy,
  })
  const revoked: ConnectionState = { ...IDENTITY, status: 'inactive' }
  it.each<[string, ConnectionState, Partial<Circumstances>, string, string, RegExp, RegExp]>([
    [
      'at the provider',
      revoked,
      {},
      'revoked',
      'connect_again',
      /took access away in the settings of Garmin/,
      /have to connect again\.$/,
    ],
    [
      'at the provider, awaiting migration',
      revoked,
      LINK,
      'revoked',
      'connect_again',
      /took access away/,
      /have to connect Google Health in its place/,
    ],
    [
      'at the provider, during an exchange',
      revoked,
      EXCHANGE,
      'revoked',
      'connect_again',
      /took access away/,
      /have to connect again\.$/,
    ],
    [
      'here',
      ended('disconnect'),
      {},
      'disconnected',
      'connect_again',
      /disconnected through the app, the API or the connect page/,
      /have to connect again\.$/,
    ],
    [
      'by another end user’s login',
      ended('account_moved'),
      {},
      'disconnected',
      'connect_again',
      /Another end user connected the same account at Garmin/,
      /with an account that is theirs alone/,
    ],
    [
      'in another one',
      ended('absorbed'),
      {},
      'disconnected',
      'nothing',
      /goes on in its place/,
      /^Nothing; look at the connection that goes on/,
    ],
  ])('%s', (...[, state, more, status, code, why, todo]) => {
    if (state.status === 'absent') throw new TypeError('nothing to explain')
    expect(explainState(state, { ...KNOWN, ...more })).toEqual({
      status,
      code,
      why: expect.stringMatching(why),
      todo: expect.stringMatching(todo),
    })
  })
})
