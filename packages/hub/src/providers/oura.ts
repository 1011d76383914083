import { CONFIG_ERROR_CODES, type Provider } from './provider.ts'

const DOCS = 'https://cloud.ouraring.com/docs'

const SCOPES = [
  'personal',
  'daily',
  'heartrate',
  'workout',
  'session',
  'spo2',
  'ring_configuration',
  'heart_health',
] as const

const PERSONAL_INFO = 'https://api.ouraring.com/v2/usercollection/personal_info'

/**
 * Oura. Nothing announces a revocation: a 401, or a refused refresh, is the first sign. A refused
 * refresh says `invalid_request` where others say `invalid_grant`, and 403 means that the membership
 * has ended, not the grant.
 */
export const OURA: Provider = {
  resource: 'OURA',
  displayName: 'Oura',
  authorization: {
    url: 'https://cloud.ouraring.com/oauth/authorize',
    scopes: SCOPES,
    scopeSeparator: ' ',
    extraParameters: {},
    pkce: 'S256',
  },
  token: {
    url: 'https://api.ouraring.com/oauth/token',
    clientAuthentication: 'body',
    refreshParameters: {},
    errorCodePath: 'error',
  },
  lifetimes: {
    accessTokenSeconds: 86_400,
    refreshTokenSeconds: null,
    refreshRotation: 'single_use',
  },
  refresh: { kind: 'ahead', aheadSeconds: 600 },
  identity: {
    from: 'request',
    request: { method: 'GET', url: PERSONAL_INFO, token: { in: 'bearer' } },
    field: 'id',
  },
  scopes: {
    known: SCOPES,
    granted: { from: 'callback', parameter: 'scope' },
    // The account's id is part of the personal information.
    required: ['personal'],
  },
  revocation: {
    kind: 'request',
    request: {
      method: 'POST',
      url: 'https://api.ouraring.com/oauth/revoke',
      token: { in: 'query', name: 'access_token' },
    },
    reach: 'token',
    goneStatuses: [400, 401],
  },
  liveness: {
    kind: 'request',
    request: { method: 'GET', url: PERSONAL_INFO, token: { in: 'bearer' } },
    goneStatuses: [401],
  },
  notices: { kind: 'none' },
  failures: {
    dead: ['invalid_grant', 'invalid_token', 'invalid_request'],
    config: CONFIG_ERROR_CODES,
  },
  facts: {
    authorization: {
      confidence: 'documented',
      source: `${DOCS}/authentication`,
      note: 'PKCE is sent although Oura does not mention it: an unknown parameter is ignored.',
    },
    token: { confidence: 'documented', source: `${DOCS}/authentication` },
    lifetimes: {
      confidence: 'unverified',
      source: `${DOCS}/authentication`,
      note: 'Single use of refresh tokens is documented, 24 h for access tokens is general knowledge.',
    },
    identity: { confidence: 'documented', source: 'https://cloud.ouraring.com/v2/docs' },
    scopes: {
      confidence: 'documented',
      source: `${DOCS}/authentication`,
      note: 'People may untick scopes; that the redirect then names the granted ones is unverified.',
    },
    revocation: {
      confidence: 'third_party',
      source: 'RADAR-Rest-Source-Auth',
      note: 'That client sends HTTP Basic as well; the reach of a revocation is not established.',
    },
    liveness: { confidence: 'documented', source: `${DOCS}/error-handling` },
    notices: { confidence: 'documented', source: 'https://cloud.ouraring.com/v2/docs' },
    failures: { confidence: 'third_party', source: 'clients in the field' },
  },
}
