import type { LookupAddress, LookupOptions } from 'node:dns'
import { describe, expect, it } from 'vitest'
import { ADDRESS_REFUSED, type UrlGuard, createUrlGuard } from './url-guard.ts'

const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '93.184.216.34',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.1',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '203.0.114.0',
  '223.255.255.255',
  '2001:200::1',
  '2001:4860:4860::8888',
  '2606:4700:4700::1111',
  '2a00:1450:4001:80b::200e',
]

/** First, last and one address in between of every range that is not public. */
const REFUSED = [
  ['this network', ['0.0.0.0', '0.1.2.3', '0.255.255.255']],
  ['private', ['10.0.0.0', '10.255.255.255', '172.16.0.0', '172.31.255.255', '192.168.0.0']],
  ['shared, with a cloud’s metadata', ['100.64.0.0', '100.100.100.200', '100.127.255.255']],
  ['loopback', ['127.0.0.0', '127.0.0.1', '127.255.255.255', '::1']],
  ['link-local, with the clouds’ metadata', ['169.254.0.0', '169.254.169.254', 'fe80::1']],
  ['a cloud’s host service at a public address', ['168.63.129.16']],
  ['protocol assignments', ['192.0.0.0', '192.0.0.192', '192.88.99.1', '2001::1', '2001:1ff::1']],
  ['documentation', ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1']],
  ['benchmarks', ['198.18.0.0', '198.19.255.255']],
  ['multicast', ['224.0.0.1', '239.255.255.255', 'ff02::1']],
  ['reserved and broadcast', ['240.0.0.1', '255.255.255.255']],
  ['unspecified', ['::']],
  ['IPv4 inside IPv6, mapped', ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254']],
  ['IPv4 inside IPv6, compatible', ['::127.0.0.1', '::a9fe:a9fe', '::808:808']],
  ['IPv4 inside IPv6, translated', ['64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::a00:1']],
  ['IPv4 inside IPv6, tunnelled', ['2002:7f00:1::', '2002:a00:1::1', '2001:0:1::1']],
  ['discard, segment routing', ['100::1', '5f00::1']],
  ['unique local', ['fc00::1', 'fd00:ec2::254', 'fdff::1']],
  ['site-local', ['fec0::1', 'feff::1']],
] as const

describe('createUrlGuard', () => {
  it.each(PUBLIC)('allows the public address %s', (address) => {
    expect(createUrlGuard([]).allows(address)).toBe(true)
  })

  it.each(REFUSED)('refuses addresses that are not public: %s', (_range, addresses) => {
    const guard = createUrlGuard([])
    expect(addresses.filter((address) => guard.allows(address))).toEqual([])
  })

  it.each([
    '',
    'localhost',
    '1.2.3',
    '1.2.3.4.5',
    '8.8.8.8/32',
    ' 8.8.8.8',
    'fe80::1%eth0',
    '[::1]',
  ])('refuses %j, which is no address of the public internet', (text) => {
    expect(createUrlGuard([]).allows(text)).toBe(false)
  })

  it('judges an IPv4 address inside IPv6 as the IPv4 address that is connected to', () => {
    const guard = createUrlGuard([])
    expect(guard.allows('::ffff:8.8.8.8')).toBe(true)
    expect(guard.allows('::ffff:10.0.0.1')).toBe(false)
    expect(createUrlGuard(['10.0.0.0/8']).allows('::ffff:10.0.0.1')).toBe(true)
  })

  it('allows what the operator allows, and nothing beside it', () => {
    const guard = createUrlGuard(['127.0.0.0/8', 'fd00:1::/32', '10.1.2.3/32'])
    expect(guard.allows('127.0.0.1')).toBe(true)
    expect(guard.allows('fd00:1::5')).toBe(true)
    expect(guard.allows('10.1.2.3')).toBe(true)
    expect(guard.allows('10.1.2.4')).toBe(false)
    expect(guard.allows('fd00:2::5')).toBe(false)
    expect(guard.allows('::1')).toBe(false)
    expect(guard.allows('8.8.8.8')).toBe(true)
  })

  it.each(['', '127.0.0.1', '127.0.0.0/', '127.0.0.0/33', '::1/129', 'localhost/8', '10.0.0.0/-1'])(
    'refuses the range %j with an example of a right one',
    (range) => {
      expect(() => createUrlGuard([range])).toThrow(
        `"${range}" is not an address range; write it like 10.0.0.0/8 or fd00::/8`,
      )
    },
  )
})

function look(
  guard: UrlGuard,
  hostname: string,
  options: LookupOptions,
): Promise<{ code: string | undefined; found: string | LookupAddress[] }> {
  return new Promise((resolve) => {
    guard.lookup(hostname, options, (error, found) => resolve({ code: error?.code, found }))
  })
}

describe('UrlGuard.lookup', () => {
  it('refuses a name whose addresses are all refused', async () => {
    const guard = createUrlGuard([])
    expect((await look(guard, 'localhost', { all: true })).code).toBe(ADDRESS_REFUSED)
    expect((await look(guard, 'localhost', {})).code).toBe(ADDRESS_REFUSED)
  })

  it('gives only the allowed addresses of a name, in both forms that Node asks for', async () => {
    const guard = createUrlGuard(['127.0.0.0/8'])
    const { found: list } = await look(guard, 'localhost', { all: true })
    expect(list).toEqual([{ address: '127.0.0.1', family: 4 }])
    expect(await look(guard, 'localhost', {})).toEqual({ code: undefined, found: '127.0.0.1' })
  })

  it('passes on that a name does not exist', async () => {
    // Longer than a label may be, so no name server is asked.
    const { code } = await look(createUrlGuard([]), `${'x'.repeat(64)}.invalid`, { all: true })
    expect(code).not.toBe(ADDRESS_REFUSED)
    expect(code).toMatch(/^E/)
  })
})
