import { CONFIG_ERROR_CODES, type Provider } from './provider.ts'

const USER_API = 'https://apis.garmin.com/wellness-api/rest/user'

/**
 * Garmin Connect, OAuth 2.0 with PKCE. There are no scopes: people switch permissions on and off, during
 * consent and later, and a second API tells which. Notices are not signed.
 */
export const GARMIN: Provider = {
  resource: 'GARMIN',
  displayName: 'Garmin',
  authorization: {
    url: 'https://connect.garmin.com/oauth2Confirm',
    scopes: [],
    scopeSeparator: ' ',
    extraParameters: {},
    pkce: 'S256',
  },
  token: {
    url: 'https://diauth.garmin.com/di-oauth2-service/oauth/token',
    clientAuthentication: 'body',
    refreshParameters: {},
    errorCodePath: 'error',
  },
  lifetimes: {
    accessTokenSeconds: 86_400,
    refreshTokenSeconds: 7_776_000,
    refreshExpiresInField: 'refresh_token_expires_in',
    refreshRotation: 'single_use',
  },
  refresh: { kind: 'ahead', aheadSeconds: 600 },
  identity: {
    from: 'request',
    request: { method: 'GET', url: `${USER_API}/id`, token: { in: 'bearer' } },
    field: 'userId',
  },
  scopes: {
    known: ['ACTIVITY_EXPORT', 'HEALTH_EXPORT', 'COURSE_IMPORT', 'WORKOUT_IMPORT'],
    granted: {
      from: 'request',
      request: { method: 'GET', url: `${USER_API}/permissions`, token: { in: 'bearer' } },
      // Clients in the field meet both shapes: a bare array and an object around it.
      fields: ['', 'permissions'],
    },
    required: [],
  },
  revocation: {
    kind: 'request',
    request: { method: 'DELETE', url: `${USER_API}/registration`, token: { in: 'bearer' } },
    reach: 'account',
    goneStatuses: [401, 404],
  },
  liveness: {
    kind: 'request',
    request: { method: 'GET', url: `${USER_API}/id`, token: { in: 'bearer' } },
    // Not 403: a permission that was switched off must not look like a lost grant.
    goneStatuses: [401],
  },
  notices: {
    kind: 'json',
    authentication: { kind: 'unsigned', clientIdHeader: 'garmin-client-id' },
    patterns: [
      { type: 'access_revoked', items: 'deregistrations', where: {}, accountId: 'userId' },
      {
        type: 'scopes_changed',
        items: 'userPermissionsChange',
        where: {},
        accountId: 'userId',
        scopes: 'permissions',
      },
    ],
    replyStatus: 200,
    rejectStatus: 403,
    handshake: { kind: 'none' },
    answerWithinSeconds: 30,
    subscription: 'none',
  },
  failures: { dead: ['invalid_grant', 'invalid_token'], config: CONFIG_ERROR_CODES },
  facts: {
    authorization: { confidence: 'documented', source: 'https://developer.garmin.com' },
    token: { confidence: 'documented', source: 'https://developer.garmin.com' },
    lifetimes: {
      confidence: 'documented',
      source: 'https://developer.garmin.com',
      note: 'About three months for the refresh token; the answer itself is authoritative.',
    },
    identity: { confidence: 'documented', source: 'https://developer.garmin.com' },
    scopes: {
      confidence: 'documented',
      source: 'https://developer.garmin.com',
      note: 'An empty list means that sharing is off; the grant itself lives on.',
    },
    revocation: {
      confidence: 'documented',
      source: 'https://developer.garmin.com',
      note: 'Mandatory when a person disconnects; Garmin answers it with a deregistration notice.',
    },
    liveness: { confidence: 'unverified', source: 'RFC 6750, section 3.1' },
    notices: {
      confidence: 'documented',
      source: 'https://developer.garmin.com',
      note: 'Unsigned: ask before acting on a deregistration.',
    },
    failures: { confidence: 'unverified', source: 'RFC 6749, section 5.2' },
  },
}
