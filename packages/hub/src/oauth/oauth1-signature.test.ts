import { describe, expect, it } from 'vitest'
import { createSignature, percentEncode, signRequest } from './oauth1-signature.ts'

describe('createSignature', () => {
  it('signs the request for a photo of RFC 5849, section 1.2, as it does', () => {
    const credentials = { clientId: 'dpf43f3p2l4k3l03', clientSecret: 'kd94hf93k423kf44' }
    const photo = createSignature(
      {
        credentials,
        method: 'GET',
        url: new URL('http://photos.example.net/photos?file=vacation.jpg&size=original'),
        token: { token: 'nnch734d00sl2jdk', secret: 'pfkkdhi9sl3r4s00' },
      },
      {
        realm: 'Photos',
        oauth_consumer_key: credentials.clientId,
        oauth_signature_method: 'HMAC-SHA1',
        oauth_token: 'nnch734d00sl2jdk',
        oauth_timestamp: '137131202',
        oauth_nonce: 'chapoH',
      },
    )
    expect(photo).toBe('MdpQcU8iPSUjWoN/UDMsK2sui9I=')
  })

  it('agrees with the well-known request of OAuth Core 1.0, appendix A', () => {
    const signature = createSignature(
      {
        credentials: { clientId: 'dpf43f3p2l4k3l03', clientSecret: 'kd94hf93k423kf44' },
        method: 'GET',
        url: new URL('http://photos.example.net/photos?file=vacation.jpg&size=original'),
        token: { token: 'nnch734d00sl2jdk', secret: 'pfkkdhi9sl3r4s00' },
      },
      {
        oauth_consumer_key: 'dpf43f3p2l4k3l03',
        oauth_token: 'nnch734d00sl2jdk',
        oauth_signature_method: 'HMAC-SHA1',
        oauth_timestamp: '1191242096',
        oauth_nonce: 'kllo9940pd9333jh',
        oauth_version: '1.0',
      },
    )
    expect(signature).toBe('tR3+Ty81lMeYAr/Fid0kMTYa/WM=')
  })

  it('signs the members of a form, by encoded name and then value', () => {
    const sign = (form: Record<string, string>, query = '') =>
      createSignature(
        {
          credentials: { clientId: 'c', clientSecret: 's' },
          method: 'POST',
          url: new URL(`https://a.test/x${query}`),
          form,
        },
        { oauth_nonce: 'n' },
      )
    expect(sign({ b: '2', a: '1' })).toBe(sign({ a: '1', b: '2' }))
    expect(sign({ a: '1', b: '2' })).toBe(sign({ b: '2' }, '?a=1'))
    expect(sign({ a: '1' })).not.toBe(sign({ a: '2' }))
  })
})

describe('percentEncode', () => {
  it('leaves only what RFC 3986 calls unreserved', () => {
    expect(percentEncode("aZ09-._~ !*'()+é")).toBe('aZ09-._~%20%21%2A%27%28%29%2B%C3%A9')
  })
})

describe('signRequest', () => {
  it('never goes back in time for one consumer key, whatever the clock does', () => {
    const timestampAt = (nowMs: number, clientId = 'one-key'): number => {
      const credentials = { clientId, clientSecret: 's' }
      const url = new URL('https://a.test/')
      const header = signRequest(
        { clock: { nowMs: () => nowMs } },
        { credentials, method: 'GET', url },
      )
      return Number(/oauth_timestamp="(\d+)"/.exec(header)?.[1])
    }
    expect([5_000, 9_000, 1_000].map((nowMs) => timestampAt(nowMs))).toEqual([5, 9, 9])
    expect(timestampAt(1_000, 'another-key')).toBe(1)
  })
})
