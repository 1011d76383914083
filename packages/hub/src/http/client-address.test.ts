import { describe, expect, it } from 'vitest'
import { clientAddress, toSharedNetwork } from './client-address.ts'

function from(socket: string | undefined, forwarded?: string, proxies = 0): string {
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
  return clientAddress(new Request('http://hub.test/', { headers }), socket, proxies)
}

describe('clientAddress', () => {
  it('is the other end of the connection', () => {
    expect(from('192.0.2.1')).toBe('192.0.2.1')
    expect(from('::ffff:192.0.2.1')).toBe('192.0.2.1')
    expect(from(undefined)).toBe('unknown')
  })

  it('counts an IPv6 network as one address', () => {
    expect(from('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2')
    expect(from('2001:db8::6')).toBe('2001:db8:0:0')
    expect(from('fe80::1%eth0')).toBe('fe80:0:0:0')
    expect(from('::1')).toBe('0:0:0:0')
  })

  it('believes as many proxies as there are, and nobody else', () => {
    expect(from('10.0.0.1', '198.51.100.7')).toBe('10.0.0.1')
    expect(from('10.0.0.1', '203.0.113.9, 198.51.100.7', 1)).toBe('198.51.100.7')
    expect(from('10.0.0.1', '203.0.113.9, 198.51.100.7, 10.0.0.2', 2)).toBe('198.51.100.7')
    expect(from('10.0.0.1', undefined, 1)).toBe('10.0.0.1')
    expect(from('10.0.0.1', 'not an address', 1)).toBe('unknown')
  })
})

describe('toSharedNetwork', () => {
  it.each([
    ['203.0.113.77', '203.0.113.0/24'],
    ['2001:db8:1:2', '2001:db8:1::/48'],
    ['unknown', undefined],
  ])('keeps of %s no more than %s', (address, network) => {
    expect(toSharedNetwork(address)).toBe(network)
  })
})
