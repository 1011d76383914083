import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { mergePatch } from './catalog-entry.ts'
import {
  CATALOG,
  PROVIDERS,
  completeProvider,
  findEntry,
  findProvider,
  getProvider,
  givenBy,
  readCatalog,
  readEntries,
} from './catalog.ts'
import { findFact } from './provider-faults.ts'

const GARMIN_FILE = readFileSync(new URL('./entries/garmin.json', import.meta.url), 'utf8')

/** Garmin's file with a patch. */
function garminWith(patch: unknown): string {
  return JSON.stringify(mergePatch(JSON.parse(GARMIN_FILE), patch))
}

describe('CATALOG', () => {
  it('knows more than two dozen providers, each under its own name', () => {
    expect(CATALOG.size).toBeGreaterThan(24)
    expect([...CATALOG.values()].map(({ resource }) => resource)).toEqual([...CATALOG.keys()])
    expect([...CATALOG.keys()]).toEqual([...CATALOG.keys()].toSorted())
    const names = [...CATALOG.values()].map(({ displayName }) => displayName)
    expect(new Set(names).size).toBe(names.length)
  })

  it('gives access back at fifteen of them or more', () => {
    const able = [...CATALOG.values()].filter(
      (entry) => completeProvider(entry, givenBy(entry)).revocation.kind !== 'unsupported',
    )
    expect(able.length).toBeGreaterThanOrEqual(15)
  })

  it('has one file for each, named after it', () => {
    for (const file of readdirSync(new URL('./entries/', import.meta.url))) {
      const resource = file.replace('.json', '').replaceAll('-', '_').toUpperCase()
      expect(CATALOG.has(resource), file).toBe(true)
    }
  })

  it.each([...CATALOG.values()])('uses https throughout for $resource', (entry) => {
    const texts = JSON.stringify(completeProvider(entry, givenBy(entry)))
    expect(texts).not.toContain('http://')
  })

  it('asks regularly wherever nothing is refreshed: else a lost notice would never be found out', () => {
    const unasked = [...CATALOG.values()]
      .map((entry) => completeProvider(entry, givenBy(entry)))
      .filter(({ refresh }) => refresh.kind === 'never')
      .filter(({ liveness }) => liveness.kind === 'request' && liveness.everySeconds === undefined)
    expect(unasked.map(({ resource }) => resource)).toEqual([])
  })

  it('says for every field where it comes from', () => {
    const garmin = getProvider('GARMIN')
    expect(findFact(garmin, 'token.url')).toMatchObject({ confidence: 'documented' })
    const dexcom = getProvider('DEXCOM')
    expect(findFact(dexcom, 'lifetimes.refreshRotation')).toMatchObject({
      confidence: 'unverified',
    })
    expect(findFact(dexcom, 'lifetimes.accessTokenSeconds')).toMatchObject({
      confidence: 'documented',
    })
  })
})

describe('rates', () => {
  it.each([...PROVIDERS.values()].filter(({ limits }) => limits?.rates !== undefined))(
    'of $resource have a source',
    (provider) => expect(findFact(provider, 'limits.rates')?.source).toMatch(/^https:/),
  )

  it('are known of those that publish them', () => {
    const rated = [...PROVIDERS.values()].filter(({ limits }) => limits?.rates !== undefined)
    expect(rated.map(({ resource }) => resource)).toEqual(
      expect.arrayContaining(['DEXCOM', 'FITBIT', 'STRAVA', 'WAHOO', 'WHOOP', 'WITHINGS']),
    )
  })

  it('are one for each time', () => {
    const hourly = { requests: 1, perSeconds: 3_600 }
    const garmin = findEntry('GARMIN')!
    expect(() => completeProvider(garmin, { limits: { rates: [hourly, hourly] } })).toThrow(
      'limits.rates has two for the same time and scope',
    )
    expect(() =>
      completeProvider(garmin, { limits: { rates: [{ requests: 0, perSeconds: 60 }] } }),
    ).toThrow('limits.rates')
  })
})

describe('completeProvider', () => {
  it('takes the region that the operator chooses', () => {
    const withings = findEntry('WITHINGS')!
    expect(completeProvider(withings, { variant: 'us' }).token.url).toBe(
      'https://wbsapi.us.withingsmed.net/v2/oauth2',
    )
    expect(() => completeProvider(withings, { variant: 'mars' })).toThrow(
      'WITHINGS has no variant "mars"; it has us',
    )
  })

  it('replaces what the operator says differently, and nothing else', () => {
    const oura = findEntry('OURA')!
    const changed = completeProvider(oura, {
      authorization: { scopes: ['personal'] },
      refresh: { kind: 'ahead', aheadSeconds: 60 },
      resource: 'OTHER',
    })
    expect(changed).toEqual({
      ...getProvider('OURA'),
      authorization: { ...getProvider('OURA').authorization, scopes: ['personal'] },
      refresh: { kind: 'ahead', aheadSeconds: 60 },
    })
  })

  it.each([
    [
      { token: { url: 'nowhere' } },
      'provider OURA: token.url: expected an absolute http(s) URL with a path',
    ],
    [{ tokens: {} }, 'provider OURA: Unrecognized key: "tokens"'],
    [{ authorization: { scopes: ['nothing'] } }, 'provider OURA: scopes.known lacks nothing'],
    [
      { authorization: { scopes: ['daily'] } },
      'provider OURA: personal is required but not asked for',
    ],
    [{ token: null }, 'provider OURA: token: expected object, received undefined'],
    [
      { api: { headers: { a: '{secret.b}' } } },
      'provider OURA: secrets lacks b, which a placeholder names',
    ],
  ])('refuses %j', (overrides, message) => {
    expect(() => completeProvider(findEntry('OURA')!, overrides)).toThrow(message)
  })

  it('cannot do without what nobody has published', () => {
    const cronometer = findEntry('CRONOMETER')!
    expect(findProvider('CRONOMETER')).toBeUndefined()
    expect(() => completeProvider(cronometer)).toThrow('provider CRONOMETER: authorization.url')
    const given = {
      authorization: { url: 'https://partner.test/authorize' },
      token: { url: 'https://partner.test/token' },
      identity: { from: 'token_response', field: 'user_id' },
    }
    expect(completeProvider(cronometer, given).token.url).toBe('https://partner.test/token')
  })

  it('offers another region as a provider of its own where connections need both at once', () => {
    expect(getProvider('DEXCOM_EU').authorization.url).toBe('https://api.dexcom.eu/v2/oauth2/login')
    expect(Object.keys(findEntry('DEXCOM')!.variants)).toEqual(['sandbox'])
  })
})

describe('readEntries', () => {
  it.each([
    ['no JSON', '{', 'x.json: it is not JSON'],
    ['no provider', '[]', 'x.json: '],
    ['an unknown field', garminWith({ colour: 'red' }), 'Unrecognized key: "colour"'],
    [
      'a lower case name',
      garminWith({ resource: 'garmin' }),
      'resource: expected an upper case name',
    ],
    [
      'facts without a source',
      garminWith({ facts: [{ about: ['token'], confidence: 'documented' }] }),
      'facts say nothing about authorization',
    ],
    [
      'refreshing without refresh tokens',
      garminWith({ refresh: { kind: 'never' } }),
      'refresh.kind is never exactly where',
    ],
    [
      'a token that is due at once',
      garminWith({ refresh: { kind: 'ahead', aheadSeconds: 90_000 } }),
      'refresh.aheadSeconds is longer than the token lives',
    ],
    [
      'unsigned notices without a way to ask',
      garminWith({ liveness: { kind: 'unsupported', request: null, goneStatuses: null } }),
      'unsigned notices of a revocation need liveness',
    ],
    [
      'a code of two kinds',
      garminWith({ failures: { dead: ['invalid_client'] } }),
      'a code is in failures.dead and in failures.config',
    ],
    [
      'half of OAuth 1.0a',
      garminWith({ protocol: 'oauth1' }),
      'token.requestTokenUrl belongs to OAuth 1.0a',
    ],
  ])('refuses a file with %s', (_, text, message) => {
    expect(() => readEntries('x.json', text)).toThrow(message)
  })
})

describe('readCatalog', () => {
  const write = (...files: [name: string, text: string][]): URL => {
    const folder = mkdtempSync(join(tmpdir(), 'firma-catalog-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    for (const [name, text] of files) writeFileSync(join(folder, name), text)
    return pathToFileURL(`${folder}/`)
  }

  it('names the file, what is wrong, and what to do', () => {
    const folder = write(['garmin.json', garminWith({ colour: 'red' })])
    expect(() => readCatalog(folder)).toThrow(
      /\/garmin\.json: .*"colour"; correct the file \(docs\/adding-a-provider\.md\), or take it away$/,
    )
  })

  it('takes each provider once', () => {
    const folder = write(['a.json', GARMIN_FILE], ['b.json', GARMIN_FILE])
    expect(() => readCatalog(folder)).toThrow(/b\.json: GARMIN is in \S+a\.json already; correct/)
  })
})

describe('findProvider', () => {
  it('finds a resource in any case', () => {
    expect(findProvider('garmin')).toBe(PROVIDERS.get('GARMIN'))
    expect(findEntry('FITBIT')?.displayName).toBe('Fitbit')
  })

  it('gives undefined for anything else', () => {
    expect(findProvider('NOBODY')).toBeUndefined()
    expect(findEntry('constructor')).toBeUndefined()
    expect(() => getProvider('NOBODY')).toThrow('the catalog has no complete provider "NOBODY"')
  })
})

describe('mergePatch', () => {
  it('follows the examples of RFC 7396', () => {
    expect(mergePatch({ a: 'b' }, { a: 'c' })).toEqual({ a: 'c' })
    expect(mergePatch({ a: 'b', b: 'c' }, { a: null })).toEqual({ b: 'c' })
    expect(mergePatch({ a: ['b'] }, { a: 'c' })).toEqual({ a: 'c' })
    expect(mergePatch({ a: { b: 'c' } }, { a: { b: 'd', c: null } })).toEqual({ a: { b: 'd' } })
    expect(mergePatch(['a', 'b'], ['c', 'd'])).toEqual(['c', 'd'])
    expect(mergePatch({ e: null }, { a: 1 })).toEqual({ e: null, a: 1 })
    expect(mergePatch({}, { a: { bb: { ccc: null } } })).toEqual({ a: { bb: {} } })
  })

  it('takes __proto__ for an ordinary member', () => {
    const merged = mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'))
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype)
  })
})
