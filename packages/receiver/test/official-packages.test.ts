// The packages that senders and other receivers use: we accept what they sign, and they accept what we sign.
import * as fc from 'fast-check'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { verifyTerraWebhookSignature } from 'terra-api'
import { describe, expect, it } from 'vitest'
import { createReceiver } from '../src/receiver.ts'
import { signTerra } from '../src/sign.ts'
import { memoryStore } from '../src/stores/memory.ts'
import * as kit from '../src/testing.ts'

/** What the packages make of a secret: base64 after the prefix. */
const secret = `whsec_${Buffer.from('a key of thirty-two bytes, or so').toString('base64')}`
const libraries = [
  ['standardwebhooks', new StandardWebhook(secret)],
  ['svix', new SvixWebhook(secret)],
] as const
const receiver = createReceiver({ secrets: ['another one', secret], store: memoryStore() })
const anyText = fc.string({ unit: 'binary', maxLength: 200 })

describe.each(libraries)('%s', (_, library) => {
  it('signs what we accept', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, fc.uuid(), async (text, id) => {
        const at = new Date()
        const body = JSON.stringify({ type: 'auth', message: text })
        const headers = {
          'webhook-id': id,
          'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
          'webhook-signature': library.sign(id, at, body),
        }
        // One of its own: an id that is drawn a second time would be a duplicate.
        const fresh = createReceiver({ secrets: [secret], store: memoryStore() })
        const outcome = await fresh.receive({ body: new TextEncoder().encode(body), headers })
        expect(outcome).toMatchObject({ status: 'accepted', traceId: id })
      }),
      { numRuns: 50 },
    )
  })

  it('accepts what we sign, and neither of us what was changed', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const event = { type: 'auth', message: text }
        const sent = await kit.signedRequest(event, { secret, scheme: 'standard-webhooks' })
        const body = new TextDecoder().decode(sent.body)
        library.verify(body, sent.headers)
        const changed = `${body} `
        expect(() => library.verify(changed, sent.headers)).toThrow(/signature|timestamp/i)
        const forged = { body: new TextEncoder().encode(changed), headers: sent.headers }
        await expect(receiver.receive(forged)).rejects.toMatchObject({
          reason: 'signature_mismatch',
        })
      }),
      { numRuns: 50 },
    )
  })

  it('and we agree on what is too old, and on several signatures', async () => {
    const old = { secret, scheme: 'standard-webhooks', signedAtMs: Date.now() - 400_000 } as const
    const late = await kit.signedRequest(kit.auth(), old)
    expect(() => library.verify(new TextDecoder().decode(late.body), late.headers)).toThrow(
      /signature|timestamp/i,
    )
    await expect(receiver.receive(late)).rejects.toMatchObject({ reason: 'timestamp_too_old' })
    const sent = await kit.signedRequest(kit.auth(), { secret, scheme: 'standard-webhooks' })
    const wrong = `v1,${Buffer.alloc(32).toString('base64')}`
    const headers = {
      ...sent.headers,
      'webhook-signature': `${wrong} ${sent.headers['webhook-signature']}`,
    }
    library.verify(new TextDecoder().decode(sent.body), headers)
    expect((await receiver.receive({ ...sent, headers })).status).toBe('accepted')
  })
})

describe('terra-api', () => {
  it('accepts what we sign, and refuses what was changed, like we do', async () => {
    await fc.assert(
      fc.asyncProperty(anyText, async (text) => {
        const sent = await kit.signedRequest({ type: 'auth', message: text }, { secret })
        const body = new TextDecoder().decode(sent.body)
        const header = sent.headers['x-terra-signature'] ?? ''
        await verifyTerraWebhookSignature(body, header, secret)
        await expect(verifyTerraWebhookSignature(`${body} `, header, secret)).rejects.toThrow(
          /signature|timestamp/i,
        )
        expect((await receiver.receive(sent)).status).toBe('accepted')
      }),
      { numRuns: 50 },
    )
  })

  // It has nothing that signs, so what Terra signs is seen in its verdicts: of any header, ours is the same.
  it('judges any header, any secret and any time as we do', async () => {
    const now = Math.floor(Date.now() / 1_000)
    const text = '{"type":"auth"}'
    const body = new TextEncoder().encode(text)
    const isAccepted = async (verdict: Promise<unknown>): Promise<boolean> =>
      verdict.then(
        () => true,
        () => false,
      )
    const elements = fc.record({
      ageSeconds: fc.constantFrom(0, 200, -200, 900, -900),
      kinds: fc.array(fc.constantFrom('right', 'wrong', 'short', 'changed'), { maxLength: 4 }),
      key: fc.constantFrom(secret, 'another one', 'a third'),
      others: fc.constantFrom('', ',v0=00', ',v2=11,flag', ', x=y '),
    })
    await fc.assert(
      fc.asyncProperty(elements, async ({ ageSeconds, kinds, key, others }) => {
        const timestampSeconds = now - ageSeconds
        const right = await signTerra({ secret: key, timestampSeconds, body })
        const [time = '', hash = ''] = right.split(',v1=')
        const made = {
          right: hash,
          wrong: '0'.repeat(64),
          short: hash.slice(2),
          changed: `${hash.slice(0, 63)}${hash.endsWith('0') ? '1' : '0'}`,
        }
        const header = [time, ...kinds.map((kind) => `v1=${made[kind]}`)].join(',') + others
        const theirs = await isAccepted(verifyTerraWebhookSignature(text, header, secret))
        const one = createReceiver({ secrets: [secret], store: memoryStore() })
        const ours = await isAccepted(one.receive({ body, headers: { 'terra-signature': header } }))
        expect([header, ours]).toEqual([header, theirs])
      }),
      { numRuns: 300 },
    )
  })
})
