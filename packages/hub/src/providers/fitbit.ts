import { CONFIG_ERROR_CODES, type Provider } from './provider.ts'

const DOCS = 'https://dev.fitbit.com/build/reference/web-api'

/** Scopes of the Fitbit Web API; people can untick each of them. */
const SCOPES = [
  'activity',
  'cardio_fitness',
  'electrocardiogram',
  'heartrate',
  'irregular_rhythm_notifications',
  'location',
  'nutrition',
  'oxygen_saturation',
  'profile',
  'respiratory_rate',
  'settings',
  'sleep',
  'social',
  'temperature',
  'weight',
] as const

/**
 * Fitbit Web API. Its end is announced; Google Health is another provider with other tokens. Revoking
 * any token ends every session of that person in the app.
 */
export const FITBIT: Provider = {
  resource: 'FITBIT',
  displayName: 'Fitbit',
  retiresOn: '2026-11-02',
  authorization: {
    url: 'https://www.fitbit.com/oauth2/authorize',
    scopes: SCOPES,
    scopeSeparator: ' ',
    extraParameters: {},
    pkce: 'S256',
  },
  token: {
    url: 'https://api.fitbit.com/oauth2/token',
    clientAuthentication: 'basic',
    refreshParameters: {},
    // {"errors":[{"errorType":"invalid_grant","message":…}],"success":false}; the message repeats the token.
    errorCodePath: 'errors.0.errorType',
  },
  lifetimes: {
    accessTokenSeconds: 28_800,
    refreshTokenSeconds: null,
    refreshRotation: 'single_use',
  },
  refresh: { kind: 'ahead', aheadSeconds: 600 },
  identity: { from: 'token_response', field: 'user_id' },
  scopes: { known: SCOPES, granted: { from: 'token_response' }, required: [] },
  revocation: { kind: 'rfc7009', url: 'https://api.fitbit.com/oauth2/revoke', reach: 'account' },
  liveness: {
    kind: 'request',
    request: {
      method: 'GET',
      url: 'https://api.fitbit.com/1/user/-/profile.json',
      token: { in: 'bearer' },
    },
    // Not 403: that is a grant without the profile scope.
    goneStatuses: [401],
  },
  notices: {
    kind: 'json',
    authentication: {
      kind: 'hmac',
      header: 'x-fitbit-signature',
      hash: 'sha1',
      encoding: 'base64',
      keySuffix: '&',
    },
    patterns: [
      {
        type: 'access_revoked',
        items: '',
        where: { collectionType: 'userRevokedAccess' },
        accountId: 'ownerId',
      },
      {
        type: 'access_revoked',
        items: '',
        where: { collectionType: 'deleteUser' },
        accountId: 'ownerId',
      },
    ],
    replyStatus: 204,
    rejectStatus: 404,
    handshake: {
      kind: 'query_code',
      parameter: 'verify',
      rightStatus: 204,
      wrongStatus: 404,
    },
    answerWithinSeconds: 5,
    subscription: 'account',
  },
  failures: { dead: ['invalid_grant', 'invalid_token'], config: CONFIG_ERROR_CODES },
  facts: {
    authorization: { confidence: 'documented', source: `${DOCS}/authorization/authorize/` },
    token: {
      confidence: 'documented',
      source: `${DOCS}/authorization/oauth2-token/`,
      note: 'The shape of error answers is confirmed by public bug reports that quote them.',
    },
    lifetimes: { confidence: 'documented', source: `${DOCS}/authorization/refresh-token/` },
    identity: { confidence: 'documented', source: `${DOCS}/authorization/oauth2-token/` },
    scopes: { confidence: 'documented', source: `${DOCS}/developer-guide/application-design/` },
    revocation: { confidence: 'documented', source: `${DOCS}/authorization/revoke-token/` },
    liveness: { confidence: 'documented', source: `${DOCS}/user/get-profile/` },
    notices: {
      confidence: 'documented',
      source: `${DOCS}/developer-guide/using-subscriptions/`,
      note: 'Sent only for accounts that the app has subscribed to.',
    },
    failures: { confidence: 'documented', source: `${DOCS}/troubleshooting-guide/error-messages/` },
  },
}
