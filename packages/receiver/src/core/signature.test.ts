import { createHmac } from 'node:crypto'
import * as fc from 'fast-check'
import { verifyTerraWebhookSignature } from 'terra-api'
import { describe, expect, it } from 'vitest'
import { isEqualConstantTime, toBase64, toBytes, toHex, type Hmac } from './bytes.ts'
import {
  checkTolerance,
  parseTerraSignature,
  SIGNATURE_HEADER_LENGTH_MAX,
  signStandardWebhooksWith,
  signTerraWith,
  verifySignature,
  type SignatureHeaders,
  type VerifySignatureInput,
} from './signature.ts'

const hmac: Hmac = (key, ...parts) => {
  const hash = createHmac('sha256', key)
  for (const part of parts) hash.update(part)
  return hash.digest()
}
const T = 12_345_678
const BODY = toBytes("{'bar':'baz'}")
const VECTOR = '599aa529690b885a43f184327c582375068d70705b7a471af15e10682c6f5313'
const NO_HEADERS: SignatureHeaders = {
  terra: undefined,
  webhookId: undefined,
  webhookTimestamp: undefined,
  webhookSignature: undefined,
}

const terra = (header: string): SignatureHeaders => ({ ...NO_HEADERS, terra: header })
const verify = (change: Partial<VerifySignatureInput>): ReturnType<typeof verifySignature> =>
  verifySignature({
    body: BODY,
    headers: terra(`t=${T},v1=${VECTOR}`),
    secrets: [{ secret: 'foo' }],
    nowSeconds: T,
    hmac,
    ...change,
  })

describe('signTerraWith', () => {
  it('gives the published test vector', async () => {
    const header = await signTerraWith(hmac, { secret: 'foo', timestampSeconds: T, body: BODY })
    expect(header).toBe(`t=${T},v1=${VECTOR}`)
  })

  it('adds one v1 per secret while a secret is being replaced', async () => {
    const input = { secret: ['new', 'foo'], timestampSeconds: T, body: BODY }
    const header = await signTerraWith(hmac, input)
    expect(parseTerraSignature(header).v1.map(toHex)[1]).toBe(VECTOR)
    expect(await verify({ headers: terra(header) })).toMatchObject({ scheme: 'terra' })
  })

  it('refuses to sign with no secret, an empty one, or a time that is none', async () => {
    const input = { timestampSeconds: T, body: BODY }
    await expect(signTerraWith(hmac, { ...input, secret: [] })).rejects.toMatchObject({
      reason: 'secret_missing',
    })
    await expect(signTerraWith(hmac, { ...input, secret: '' })).rejects.toMatchObject({
      reason: 'secret_missing',
    })
    await expect(
      signTerraWith(hmac, { ...input, secret: 'foo', timestampSeconds: 1.5 }),
    ).rejects.toBeInstanceOf(RangeError)
  })
})

describe('parseTerraSignature', () => {
  it('reads spaces, unknown schemes, several v1 and upper-case hex', () => {
    const parsed = parseTerraSignature(
      ` t = 17 , v0=00, v1=${VECTOR.toUpperCase()},v2=zz,v1=${'00'.repeat(32)},flag`,
    )
    expect(parsed.timestamp).toBe('17')
    expect(parsed.v1.map(toHex)).toEqual([VECTOR, '00'.repeat(32)])
  })

  it.each([
    ['nothing', ''],
    ['no time', `v1=${VECTOR}`],
    ['a time that is no number', `t=soon,v1=${VECTOR}`],
    ['two times', `t=1,t=2,v1=${VECTOR}`],
    ['no v1', 't=1'],
    ['only an older scheme', `t=1,v0=${VECTOR}`],
    ['a v1 of the wrong length', 't=1,v1=abcd'],
    ['a v1 that is no hex', `t=1,v1=${'zz'.repeat(32)}`],
    ['too long a header', `t=1,v1=${VECTOR}${' '.repeat(SIGNATURE_HEADER_LENGTH_MAX)}`],
  ])('refuses %s', (_, header) => {
    expect(() => parseTerraSignature(header)).toThrow(
      expect.objectContaining({ reason: 'header_malformed' }),
    )
  })
})

describe('verifySignature', () => {
  it('tells which environment signed', async () => {
    const secrets = [
      { secret: 'bar', environment: 'staging' },
      { secret: 'foo', environment: 'live' },
    ]
    expect(await verify({ secrets })).toEqual({
      scheme: 'terra',
      environment: 'live',
      timestampSeconds: T,
    })
  })

  it('accepts a time within the tolerance in both directions, 300 s by default', async () => {
    await verify({ nowSeconds: T + 300 })
    await verify({ nowSeconds: T - 300 })
    await expect(verify({ nowSeconds: T + 301 })).rejects.toMatchObject({
      reason: 'timestamp_too_old',
    })
    await expect(verify({ nowSeconds: T - 301 })).rejects.toMatchObject({
      reason: 'timestamp_in_future',
    })
    await verify({ nowSeconds: T + 600, tolerance: 600 })
  })

  it("accepts any time with tolerance 'off' and refuses values that would mean it by accident", async () => {
    await verify({ nowSeconds: T * 2, tolerance: 'off' })
    for (const tolerance of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => checkTolerance(tolerance)).toThrow(RangeError)
      await expect(verify({ tolerance })).rejects.toBeInstanceOf(RangeError)
    }
  })

  it('names the reason and the likely cause', async () => {
    const cases: [Partial<VerifySignatureInput>, string, RegExp][] = [
      [{ headers: NO_HEADERS }, 'header_missing', /X-Terra-Signature/],
      [{ secrets: [] }, 'secret_missing', /no signing secret/],
      [{ secrets: [{ secret: '' }] }, 'secret_missing', /environment variable/],
      [{ secrets: [{ secret: 'bar' }] }, 'signature_mismatch', /another environment/],
      [{ body: toBytes("{'bar': 'baz'}") }, 'signature_mismatch', /parsed and serialised/],
    ]
    for (const [change, reason, message] of cases) {
      const error: unknown = await verify(change).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ name: 'VerificationError', reason })
      expect(String(error)).toMatch(message)
    }
  })

  it('says that a parser ran first when the body is no bytes', async () => {
    const input = { body: {}, headers: NO_HEADERS, secrets: [{ secret: 'x' }], nowSeconds: 0, hmac }
    // What JavaScript callers can do and the types forbid.
    await expect(Reflect.apply(verifySignature, undefined, [input])).rejects.toMatchObject({
      reason: 'body_not_raw',
    })
    const text = { ...input, body: '{}' }
    await expect(Reflect.apply(verifySignature, undefined, [text])).rejects.toThrow(/a string/)
  })

  it('does not judge the time of a forged signature', async () => {
    const forged = { nowSeconds: T * 2, secrets: [{ secret: 'bar' }] }
    await expect(verify(forged)).rejects.toMatchObject({ reason: 'signature_mismatch' })
  })

  it('refuses every body that differs in one byte', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(BODY.length - 1),
        fc.integer({ min: 1, max: 255 }),
        async (at, by) => {
          const body = Uint8Array.from(BODY, (byte, i) => (i === at ? byte ^ by : byte))
          await expect(verify({ body })).rejects.toMatchObject({ reason: 'signature_mismatch' })
        },
      ),
    )
  })
})

describe('against the official client', () => {
  const official = { tolerance: Number.MAX_SAFE_INTEGER }

  it('makes headers that it accepts, for any text', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, unit: 'binary' }),
        fc.string({ minLength: 1 }),
        async (body, secret) => {
          const header = await signTerraWith(hmac, { secret, timestampSeconds: T, body })
          expect(await verifyTerraWebhookSignature(body, header, secret, official)).toBe(true)
        },
      ),
    )
  })

  it('refuses and accepts the same headers', async () => {
    const header = `t=${T},v1=${VECTOR}`
    for (const candidate of [
      header,
      ` ${header},v0=1`,
      `t=${T}`,
      `v1=${VECTOR}`,
      `t=1,v1=${VECTOR}`,
    ]) {
      const theirs = await verifyTerraWebhookSignature(
        "{'bar':'baz'}",
        candidate,
        'foo',
        official,
      ).catch(() => false)
      const ours = await verify({ headers: terra(candidate), tolerance: 'off' }).then(
        () => true,
        () => false,
      )
      expect([candidate, ours]).toEqual([candidate, theirs])
    }
  })
})

describe('the comparison', () => {
  /** Counts the bytes that are read. */
  function counted(bytes: Uint8Array): { bytes: Uint8Array; reads: () => number } {
    let reads = 0
    const get = (target: Uint8Array, name: string | symbol): unknown => {
      if (typeof name === 'string' && /^\d+$/.test(name)) reads += 1
      return Reflect.get(target, name)
    }
    return { bytes: new Proxy(bytes, { get }), reads: () => reads }
  }

  it('reads every byte, wherever the first difference is', () => {
    const expected = createHmac('sha256', 's').update('b').digest()
    for (let at = 0; at <= 32; at += 1) {
      const other = new Uint8Array(expected)
      if (at < 32) other[at] = (other[at] ?? 0) ^ 1
      const [left, right] = [counted(new Uint8Array(expected)), counted(other)]
      expect(isEqualConstantTime(left.bytes, right.bytes)).toBe(at === 32)
      expect([left.reads(), right.reads()]).toEqual([32, 32])
    }
  })

  it('is made with every secret, however near a forgery comes', async () => {
    const secrets = ['a', 'b', 'c'].map((secret) => ({ secret }))
    const hash = createHmac('sha256', 'b').update(`${T}.`).update(BODY).digest()
    for (const at of [0, 15, 31]) {
      const forged = new Uint8Array(hash)
      forged[at] = (forged[at] ?? 0) ^ 1
      const keys: unknown[] = []
      const watched: Hmac = (key, ...parts) => {
        keys.push(key)
        return hmac(key, ...parts)
      }
      const headers = terra(`t=${T},v1=${toHex(forged)}`)
      await expect(verify({ headers, secrets, hmac: watched })).rejects.toMatchObject({
        reason: 'signature_mismatch',
      })
      expect(keys).toEqual(['a', 'b', 'c'])
    }
  })
})

describe('Standard Webhooks', () => {
  // The example of the Standard Webhooks reference implementations.
  const example = {
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestampSeconds: 1_614_265_330,
    body: '{"test": 2432232314}',
  }
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
  const headers: SignatureHeaders = {
    terra: undefined,
    webhookId: example.id,
    webhookTimestamp: String(example.timestampSeconds),
    webhookSignature: signature,
  }
  const change: Partial<VerifySignatureInput> = {
    body: toBytes(example.body),
    headers,
    secrets: [{ secret: example.secret }],
    nowSeconds: example.timestampSeconds,
  }

  it('gives the reference signature, one per secret', async () => {
    expect(await signStandardWebhooksWith(hmac, example)).toBe(signature)
    const both = await signStandardWebhooksWith(hmac, {
      ...example,
      secret: ['plain', example.secret],
    })
    expect(both.split(' ')[1]).toBe(signature)
    const plain = createHmac('sha256', 'plain')
      .update(`${example.id}.${example.timestampSeconds}.${example.body}`)
      .digest()
    expect(both.split(' ')[0]).toBe(`v1,${toBase64(plain)}`)
  })

  it('is verified where there is no Terra signature', async () => {
    expect(await verify(change)).toMatchObject({ scheme: 'standard-webhooks' })
    const several = { ...headers, webhookSignature: `v1a,xx v1,short ${signature}` }
    expect(await verify({ ...change, headers: several })).toMatchObject({
      scheme: 'standard-webhooks',
    })
  })

  it('does not excuse a broken Terra signature', async () => {
    const broken = { ...headers, terra: `t=${T},v1=${VECTOR}` }
    await expect(verify({ ...change, headers: broken })).rejects.toMatchObject({
      reason: 'signature_mismatch',
    })
  })

  it('refuses headers that are incomplete or not of the standard', async () => {
    const cases: [Partial<SignatureHeaders>, string][] = [
      [{ webhookId: undefined }, 'header_missing'],
      [{ webhookTimestamp: 'soon' }, 'header_malformed'],
      [{ webhookSignature: 'v1,@@' }, 'header_malformed'],
      [{ webhookId: 'a.b' }, 'header_malformed'],
      [{ webhookId: 'other' }, 'signature_mismatch'],
    ]
    for (const [part, reason] of cases) {
      const input = { ...change, headers: { ...headers, ...part } }
      await expect(verify(input)).rejects.toMatchObject({ reason })
    }
  })

  it('refuses an id with a full stop and a secret that is no base64', async () => {
    await expect(signStandardWebhooksWith(hmac, { ...example, id: 'a.b' })).rejects.toBeInstanceOf(
      RangeError,
    )
    await expect(
      signStandardWebhooksWith(hmac, { ...example, secret: 'whsec_@' }),
    ).rejects.toMatchObject({ reason: 'secret_missing' })
  })
})
