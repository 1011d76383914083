import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  REDIRECT_URL_LENGTH_MAX,
  type RedirectPolicy,
  appendParameters,
  refuseRedirectUrl,
} from './redirect.ts'

const OPEN: RedirectPolicy = { schemes: ['myapp', 'com.acme.app'], allowList: null }
const STRICT: RedirectPolicy = {
  schemes: ['myapp'],
  allowList: [
    'https://app.example/connected',
    'https://app.example:8443/connected?from=firma',
    'http://localhost:3000/',
    'https://xn--bcher-kva.example/ok',
    'https://[2001:db8::1]/ok',
  ],
}

const CHARACTER =
  'contains a space, a backslash, a control character or one beyond ASCII; encode it'
const ABSOLUTE = 'is not an absolute URL; send one like https://app.example/connected'
const USERINFO = 'must not contain a user name or password'
const schemeRefused = (scheme: string) =>
  `uses the scheme "${scheme}"; use http or https, or allow the scheme of your deep links in this environment's settings`
const notListed = (bare: string) =>
  `"${bare}" is not in this environment's allow-list; add it there`

describe('refuseRedirectUrl', () => {
  it.each([
    'https://app.example',
    'https://app.example/connected',
    'https://app.example/connected?tab=devices#top',
    'https://app.example/?',
    'https://app.example/#',
    'https://app.example:8443/a/b/../c',
    'HTTPS://APP.EXAMPLE/Connected',
    'http://localhost:3000/done',
    'http://127.0.0.1:8080/done',
    'http://[::1]:3000/done',
    'https://xn--bcher-kva.example/zur%C3%BCck',
    'https://app.example/path/with/@at/and:colon',
    'https://app.example/?next=https://other.example/@me',
    'https://app.example/a//b',
    'https://app.example/%00',
    'myapp://connected',
    'MYAPP://connected',
    'myapp:connected',
    'myapp:///connected?x=1#y',
    'com.acme.app://oauth/done',
  ])('accepts %s', (url) => {
    expect(refuseRedirectUrl(url, OPEN)).toBeNull()
  })

  it.each([
    // Code and files, whatever the environment allows.
    ['javascript:alert(1)', schemeRefused('javascript')],
    ['JaVaScRiPt:alert(1)', schemeRefused('javascript')],
    ['javascript://app.example/%0aalert(1)', schemeRefused('javascript')],
    ['data:text/html,<script>alert(1)</script>', schemeRefused('data')],
    ['data:text/html;base64,PHNjcmlwdD4=', schemeRefused('data')],
    ['vbscript:msgbox(1)', schemeRefused('vbscript')],
    ['file:///etc/passwd', schemeRefused('file')],
    ['blob:https://app.example/1-2-3', schemeRefused('blob')],
    ['filesystem:https://app.example/x', schemeRefused('filesystem')],
    ['about:blank', schemeRefused('about')],
    ['view-source:https://app.example', schemeRefused('view-source')],
    ['intent://scan/#Intent;scheme=zxing;end', schemeRefused('intent')],
    ['mailto:a@app.example', schemeRefused('mailto')],
    ['tel:+123', schemeRefused('tel')],
    ['ftp://app.example/x', schemeRefused('ftp')],
    ['ws://app.example/', schemeRefused('ws')],
    ['wss://app.example/', schemeRefused('wss')],
    ['otherapp://connected', schemeRefused('otherapp')],
    ['myapp2://connected', schemeRefused('myapp2')],
    ['x-myapp://connected', schemeRefused('x-myapp')],
    // A browser reads these as something else than they look like.
    [' https://app.example', CHARACTER],
    ['https://app.example ', CHARACTER],
    ['https://app.example/a b', CHARACTER],
    ['https://app.example\\@evil.example', CHARACTER],
    ['https:\\\\evil.example', CHARACTER],
    ['https://evil.example\\.app.example', CHARACTER],
    ['java\tscript:alert(1)', CHARACTER],
    ['\tjavascript:alert(1)', CHARACTER],
    ['java\nscript:alert(1)', CHARACTER],
    ['https://app.example/\r\nset-cookie: a=b', CHARACTER],
    ['https://app.example/\u0000', CHARACTER],
    ['https://app.example/\u007f', CHARACTER],
    ['\u0001javascript:alert(1)', CHARACTER],
    // A Location header carries no more than ASCII.
    ['https://app.example/zurück', CHARACTER],
    ['https://app.example/接続', CHARACTER],
    ['https://аpp.example/', CHARACTER],
    ['https://ａｐｐ.example/', CHARACTER],
    ['https://app。example/', CHARACTER],
    ['https://app.example/\u0085', CHARACTER],
    ['https://app.example/\u00a0', CHARACTER],
    ['https://app.example/\u2028', CHARACTER],
    ['https://app.example/\u202egpj', CHARACTER],
    ['https://app.example/\u200b', CHARACTER],
    ['https://app.example/\ufeff', CHARACTER],
    ['https://app.example/\ud800', CHARACTER],
    ['myapp://connected/ü', CHARACTER],
    // Not absolute: the browser would go on from where it is.
    ['', ABSOLUTE],
    ['/connected', ABSOLUTE],
    ['//evil.example', ABSOLUTE],
    ['///evil.example', ABSOLUTE],
    ['connected', ABSOLUTE],
    ['app.example/connected', ABSOLUTE],
    ['?user_id=1', ABSOLUTE],
    ['#top', ABSOLUTE],
    ['https:evil.example', ABSOLUTE],
    ['HTTPS:evil.example', ABSOLUTE],
    ['https:/evil.example', ABSOLUTE],
    ['https:///evil.example', ABSOLUTE],
    ['https:////evil.example', ABSOLUTE],
    ['http:3000/connected', ABSOLUTE],
    ['https://', ABSOLUTE],
    ['https://?x', ABSOLUTE],
    ['https://#x', ABSOLUTE],
    ['https://app.example:99999/', ABSOLUTE],
    ['https://app.example:port/', ABSOLUTE],
    ['https://[::1/', ABSOLUTE],
    ['https://[fe80::1%25eth0]/', ABSOLUTE],
    ['https://app%00.example/', ABSOLUTE],
    ['://app.example', ABSOLUTE],
    ['1app://connected', ABSOLUTE],
    // Before the @ stands what a person takes for the host.
    ['https://app.example@evil.example/', USERINFO],
    ['https://app.example:443@evil.example/', USERINFO],
    ['https://:secret@evil.example/', USERINFO],
    ['https://@evil.example/', USERINFO],
    ['https://:@evil.example/', USERINFO],
    ['https://app.example%40@evil.example/', USERINFO],
    ['myapp://app.example@evil.example/', USERINFO],
  ])('refuses %j, because it %s', (url, reason) => {
    expect(refuseRedirectUrl(url, OPEN)).toBe(reason)
  })

  it('refuses schemes that run code even where an environment lists them', () => {
    const schemes = ['javascript', 'data', 'vbscript', 'file', 'blob', 'intent']
    for (const scheme of schemes) {
      const refusal = refuseRedirectUrl(`${scheme}:x`, { schemes, allowList: null })
      expect(refusal).toBe(schemeRefused(scheme))
    }
  })

  it('takes an URL of the greatest length and none longer', () => {
    const longest = `https://app.example/${'a'.repeat(REDIRECT_URL_LENGTH_MAX - 20)}`
    expect(longest).toHaveLength(2_048)
    expect(refuseRedirectUrl(longest, OPEN)).toBeNull()
    expect(refuseRedirectUrl(`${longest}a`, OPEN)).toBe(
      'is 2049 characters long; at most 2048 are allowed',
    )
  })
})

describe('refuseRedirectUrl, with an allow-list', () => {
  it.each([
    'https://app.example/connected',
    'https://app.example/connected?any=query#and-fragment',
    'https://app.example:443/connected',
    'HTTPS://APP.example/connected',
    'https://app.example/elsewhere/../connected',
    'https://app.example:8443/connected',
    'http://localhost:3000',
    'https://xn--bcher-kva.example/ok',
    'https://[2001:db8::1]/ok',
    'https://[2001:db8:0::1]/ok',
    'myapp://anything',
  ])('accepts %s', (url) => {
    expect(refuseRedirectUrl(url, STRICT)).toBeNull()
  })

  it.each([
    ['http://app.example/connected', 'http://app.example/connected'],
    ['https://app.example/', 'https://app.example/'],
    ['https://app.example/connected/', 'https://app.example/connected/'],
    ['https://app.example/Connected', 'https://app.example/Connected'],
    ['https://app.example/connected/../admin', 'https://app.example/admin'],
    ['https://app.example/connected%2f..', 'https://app.example/connected%2f..'],
    ['https://app.example/connected;x', 'https://app.example/connected;x'],
    ['https://app.example//connected', 'https://app.example//connected'],
    ['https://app.example:444/connected', 'https://app.example:444/connected'],
    ['https://app.example:80/connected', 'https://app.example:80/connected'],
    ['https://app.example./connected', 'https://app.example./connected'],
    ['https://www.app.example/connected', 'https://www.app.example/connected'],
    ['https://app.example.evil.example/connected', 'https://app.example.evil.example/connected'],
    ['https://evil.example/?https://app.example/connected', 'https://evil.example/'],
    ['https://evil.example/#https://app.example/connected', 'https://evil.example/'],
    ['http://localhost:3001/', 'http://localhost:3001/'],
    ['http://127.0.0.1:3000/', 'http://127.0.0.1:3000/'],
    ['https://[2001:db8::2]/ok', 'https://[2001:db8::2]/ok'],
  ])('refuses %s', (url, bare) => {
    expect(refuseRedirectUrl(url, STRICT)).toBe(notListed(bare))
  })

  it('refuses every http URL where the list is empty', () => {
    const policy = { schemes: [], allowList: [] }
    expect(refuseRedirectUrl('https://app.example/', policy)).toBe(
      notListed('https://app.example/'),
    )
  })

  it('passes over an entry that is no URL', () => {
    const policy = { schemes: [], allowList: ['app.example', 'https://app.example/'] }
    expect(refuseRedirectUrl('https://app.example/', policy)).toBeNull()
    expect(refuseRedirectUrl('https://evil.example/', policy)).toBe(
      notListed('https://evil.example/'),
    )
  })
})

describe('appendParameters', () => {
  const added = { user_id: '1', reference_id: null, resource: 'GARMIN' }

  it.each([
    ['https://app.example', 'https://app.example?user_id=1&resource=GARMIN'],
    ['https://app.example/', 'https://app.example/?user_id=1&resource=GARMIN'],
    ['https://app.example/?', 'https://app.example/?user_id=1&resource=GARMIN'],
    ['https://app.example/?a=b', 'https://app.example/?a=b&user_id=1&resource=GARMIN'],
    ['https://app.example/?a=b&', 'https://app.example/?a=b&user_id=1&resource=GARMIN'],
    ['https://app.example/?a=%20+', 'https://app.example/?a=%20+&user_id=1&resource=GARMIN'],
    ['https://app.example/#top', 'https://app.example/?user_id=1&resource=GARMIN#top'],
    ['https://app.example/#', 'https://app.example/?user_id=1&resource=GARMIN#'],
    ['https://app.example/#/a?b=c', 'https://app.example/?user_id=1&resource=GARMIN#/a?b=c'],
    ['https://app.example/?a#b#c', 'https://app.example/?a&user_id=1&resource=GARMIN#b#c'],
    ['https://app.example/?a?b', 'https://app.example/?a?b&user_id=1&resource=GARMIN'],
    ['app://success', 'app://success?user_id=1&resource=GARMIN'],
    ['app://success/?x=1#y', 'app://success/?x=1&user_id=1&resource=GARMIN#y'],
    ['myapp:path', 'myapp:path?user_id=1&resource=GARMIN'],
    ['myapp:path#frag', 'myapp:path?user_id=1&resource=GARMIN#frag'],
  ])('extends %s to %s', (url, expected) => {
    expect(appendParameters(url, added)).toBe(expected)
  })

  it('leaves an URL as it is when there is nothing to add', () => {
    const url = 'https://app.example/?#top'
    expect(appendParameters(url, {})).toBe(url)
    expect(appendParameters(url, { reason: null })).toBe(url)
  })

  it('writes half a character as the replacement character, as a browser does', () => {
    const url = appendParameters('https://app.example/', { reference_id: 'a\ud800b' })
    expect(new URL(url).searchParams.get('reference_id')).toBe('a\ufffdb')
  })

  it('keeps the address, the query and the fragment, and its values come back as they were', () => {
    const word = fc.string({ unit: fc.constantFrom(...'abz09-._~%2F+&=/?:@'.split('')) })
    const base = fc.constantFrom('https://app.example', 'https://app.example/x', 'app://ok', 'my:a')
    const value = fc.string({ unit: 'grapheme' })
    fc.assert(
      fc.property(
        base,
        fc.option(word, { nil: undefined }),
        fc.option(word, { nil: undefined }),
        fc.record({ user_id: value, reference_id: fc.option(value), resource: value }),
        (address, query, fragment, parameters) => {
          const url = `${address}${query === undefined ? '' : `?${query}`}${fragment === undefined ? '' : `#${fragment}`}`
          const extended = new URL(appendParameters(url, parameters))
          const before = new URL(url)
          expect(extended.href.startsWith(before.href.split(/[?#]/)[0] ?? '')).toBe(true)
          expect(extended.hash).toBe(before.hash)
          const [names, found] = [['user_id', 'reference_id', 'resource'], extended.searchParams]
          expect([...found].filter(([name]) => !names.includes(name))).toEqual([
            ...before.searchParams,
          ])
          expect(found.getAll('user_id')).toEqual([parameters.user_id])
          expect(found.getAll('resource')).toEqual([parameters.resource])
          expect(found.get('reference_id')).toEqual(parameters.reference_id)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('makes no URL that the check would refuse where the one before was accepted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const url = appendParameters('https://app.example/?a#b', { reason: value })
        expect(refuseRedirectUrl(url, OPEN) ?? '').toMatch(/^$|characters long/)
      }),
    )
  })
})
