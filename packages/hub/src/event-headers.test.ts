import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { verifyTerraWebhookSignature } from 'terra-api'
import { describe, expect, it } from 'vitest'
import { destinationRow, eventRow } from '../test/support/store-rows.ts'
import { isCustomHeaderName, toDestinationHeaders } from './event-headers.ts'
import { Redacted } from './secret.ts'
import type { SigningKey } from './store/signing-keys.ts'

const NOW_MS = Date.now()
const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const OLDER = `whsec_${Buffer.alloc(32, 2).toString('base64')}`
const OPTIONS = { nowMs: NOW_MS, isReplay: false }

function key(change: Partial<SigningKey>): SigningKey {
  return {
    id: 'key-1',
    environmentId: 'e',
    destinationId: 'd',
    kind: 'hmac',
    secret: new Redacted(OLDER),
    publicKey: null,
    createdAtMs: 0,
    expiresAtMs: NOW_MS + 1_000,
    ...change,
  }
}

const event = eventRow({ body: '{"type":"auth","name":"ü"}' })

describe('toDestinationHeaders', () => {
  it('signs with both secrets while one is being replaced, so that either verifies', async () => {
    const destination = destinationRow({ secret: new Redacted(SECRET), signingKeys: [key({})] })
    const headers = await toDestinationHeaders(event, destination, OPTIONS)
    for (const secret of [SECRET, OLDER]) {
      expect(new Webhook(secret).verify(event.body, headers)).toEqual(JSON.parse(event.body))
      expect(
        await verifyTerraWebhookSignature(event.body, headers['x-terra-signature'] ?? '', secret),
      ).toBe(true)
    }
  })

  it('signs no more with a secret whose time is over', async () => {
    const over = key({ expiresAtMs: NOW_MS })
    const destination = destinationRow({ secret: new Redacted(SECRET), signingKeys: [over] })
    const headers = await toDestinationHeaders(event, destination, OPTIONS)
    expect(() => new Webhook(OLDER).verify(event.body, headers)).toThrow('No matching signature')
    expect(headers['x-terra-signature']?.match(/v1=/g)).toHaveLength(1)
  })

  it('signs with Ed25519 as Standard Webhooks have it', async () => {
    const pair = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
    const { d = '', x = '' } = pair
    const ed25519 = key({
      kind: 'ed25519',
      secret: new Redacted(d),
      publicKey: x,
      expiresAtMs: null,
    })
    const headers = await toDestinationHeaders(
      event,
      destinationRow({ signingKeys: [ed25519] }),
      OPTIONS,
    )
    const [, signature = ''] = /v1a,(\S+)/.exec(headers['webhook-signature'] ?? '') ?? []
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    const message = Buffer.from(
      `${headers['webhook-id']}.${headers['webhook-timestamp']}.${event.body}`,
    )
    expect(verify(null, message, publicKey, Buffer.from(signature, 'base64'))).toBe(true)
  })

  it('adds the operator’s headers, and never in place of ours', async () => {
    const own = new Redacted({ authorization: 'Bearer x', 'webhook-id': 'forged' })
    const headers = await toDestinationHeaders(event, destinationRow({ headers: own }), OPTIONS)
    expect(headers).toMatchObject({ authorization: 'Bearer x', 'webhook-id': event.id })
    expect(headers).not.toHaveProperty('x-firma-replay-of')
  })

  it('says what is sent again, under the same trace id', async () => {
    const headers = await toDestinationHeaders(event, destinationRow(), {
      ...OPTIONS,
      isReplay: true,
    })
    expect(headers).toMatchObject({
      'x-firma-replay-of': event.id,
      'x-terra-trace-id': event.id,
      'webhook-id': event.id,
    })
  })
})

describe('isCustomHeaderName', () => {
  it.each(['authorization', 'x-api-key', 'x-tenant', 'cookie'])('takes %s', (name) => {
    expect(isCustomHeaderName(name)).toBe(true)
  })

  it.each([
    'content-length',
    'host',
    'x-terra-signature',
    'webhook-id',
    'x-firma-replay-of',
    'traceparent',
    'transfer-encoding',
    'X-Upper',
    'with space',
    '',
    'a\r\nb',
    'x'.repeat(65),
  ])('refuses %j', (name) => {
    expect(isCustomHeaderName(name)).toBe(false)
  })
})
