import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { hmacSha256, hmacSha256Web, sha256Hex, sha256HexWeb } from './crypto.ts'
import { parseRedirect, signRedirect, verifyRedirect } from './redirect.ts'

const SECRET = 'redirect-secret'
const NOW_MS = 1_790_000_000_000
const EXPIRES = 1_790_000_300
const clock = (): number => NOW_MS

async function signedUrl(base: string, parameters: Record<string, string>): Promise<URL> {
  const url = new URL(base)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.append(name, value)
  for (const [name, value] of Object.entries(await signRedirect(parameters, SECRET, EXPIRES))) {
    url.searchParams.append(name, value)
  }
  return url
}

describe('parseRedirect', () => {
  it('reads a success, from a full address, a deep link or a path', () => {
    const query = '?keep=1&user_id=u-1&reference_id=tony%20stark&resource=GARMIN'
    for (const base of ['https://app.test/done', 'app://done', '/done']) {
      expect(parseRedirect(base + query)).toEqual({
        userId: 'u-1',
        referenceId: 'tony stark',
        resource: 'GARMIN',
        reason: undefined,
      })
    }
  })

  it('reads a failure, and no user where Terra writes a word for none', () => {
    for (const none of ['', 'None', 'null']) {
      expect(parseRedirect(`https://app.test/?user_id=${none}&reason=access_denied`)).toEqual({
        userId: undefined,
        referenceId: undefined,
        resource: undefined,
        reason: 'access_denied',
      })
    }
  })

  it("takes the flow's parameter when the app's own address had one of that name", () => {
    expect(parseRedirect('https://app.test/?user_id=mine&user_id=u-1').userId).toBe('u-1')
  })
})

describe('verifyRedirect', () => {
  const parameters = { user_id: 'u-1', reference_id: 'ä&=/ stark', resource: 'GARMIN' }

  it('signs the sorted, encoded parameters', async () => {
    const { firma_sig } = await signRedirect(parameters, SECRET, EXPIRES)
    const canonical = `firma_exp=${EXPIRES}&reference_id=%C3%A4%26%3D%2F%20stark&resource=GARMIN&user_id=u-1`
    expect(firma_sig).toBe(createHmac('sha256', SECRET).update(canonical).digest('hex'))
  })

  it('accepts what was signed, whatever else is in the address', async () => {
    const url = await signedUrl('https://app.test/done?theme=dark', parameters)
    expect(await verifyRedirect(url, SECRET, { clock })).toEqual({
      userId: 'u-1',
      referenceId: 'ä&=/ stark',
      resource: 'GARMIN',
      reason: undefined,
    })
  })

  it('carries a half character the way an address does', async () => {
    const url = await signedUrl('https://app.test/', { reference_id: 'x\uD800' })
    expect((await verifyRedirect(url, SECRET, { clock })).referenceId).toBe('x\uFFFD')
  })

  it('leaves absent parameters out and refuses one that is added later', async () => {
    const { firma_exp, firma_sig } = await signRedirect(
      { user_id: 'u-1', reference_id: null, resource: undefined },
      SECRET,
      EXPIRES,
    )
    const url = `https://app.test/?user_id=u-1&firma_exp=${firma_exp}&firma_sig=${firma_sig}`
    expect((await verifyRedirect(url, SECRET, { clock })).userId).toBe('u-1')
    await expect(verifyRedirect(`${url}&reason=x`, SECRET, { clock })).rejects.toMatchObject({
      reason: 'signature_mismatch',
    })
  })

  it('refuses what is not signed, changed, signed with another secret, or over', async () => {
    const url = await signedUrl('https://app.test/', parameters)
    const changed = url.href.replace('u-1', 'u-2')
    const verifyWith = (address: string, secret: string, now = NOW_MS): Promise<unknown> =>
      verifyRedirect(address, secret, { clock: () => now }).catch((error: unknown) => error)
    expect(await verifyWith('https://app.test/?user_id=u-1', SECRET)).toMatchObject({
      reason: 'header_missing',
    })
    expect(await verifyWith(changed, SECRET)).toMatchObject({ reason: 'signature_mismatch' })
    expect(await verifyWith(url.href, 'other')).toMatchObject({ reason: 'signature_mismatch' })
    expect(await verifyWith(url.href, SECRET, EXPIRES * 1_000 + 1_000)).toMatchObject({
      reason: 'timestamp_too_old',
    })
    expect(await verifyWith(url.href, '')).toMatchObject({ reason: 'secret_missing' })
  })

  it('refuses to sign with an expiry that is no whole number', async () => {
    await expect(signRedirect({}, SECRET, 1.5)).rejects.toBeInstanceOf(RangeError)
  })
})

describe('crypto', () => {
  it('gives the same with node:crypto and webcrypto', async () => {
    const data = new Uint8Array([1, 2, 3])
    const key = new TextEncoder().encode('key')
    expect([...(await hmacSha256(key, data))]).toEqual([...(await hmacSha256Web(key, data))])
    expect(await sha256Hex(data)).toBe(await sha256HexWeb(data))
  })
})
