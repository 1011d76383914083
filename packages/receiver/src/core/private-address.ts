/** Addresses that nothing outside should make us connect to: loopback, private, link-local, metadata, multicast, reserved. */

/** IPv4 networks as first address and length of the prefix, from the IANA registry of special-purpose addresses. */
const PRIVATE_V4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]
const V4_PATTERN = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/
/** The only part of IPv6 that is given to the public. */
const GLOBAL_V6_PATTERN = /^[23][0-9a-f]{3}:/
/** Parts of it that are not: documentation, tunnels that carry an IPv4 address, benchmarking. */
const SPECIAL_V6_PATTERN = /^(?:2001:0*db8:|2002:|2001:0{0,4}:|2001::|2001:0*[12][0-9a-f]:|3fff:)/

/** Whether a text is an IP address that is not public; `undefined` when it is no address at all. */
export function isPrivateAddress(address: string): boolean | undefined {
  const bare = address.replace(/^\[|\]$/g, '').toLowerCase()
  const v4 = toNumber(bare)
  if (v4 !== undefined) {
    return PRIVATE_V4.some(([first, bits]) => {
      const size = 2 ** (32 - bits)
      return Math.floor(v4 / size) === Math.floor((toNumber(first) ?? 0) / size)
    })
  }
  if (!bare.includes(':')) return undefined
  // Everything that is not global unicast is refused, IPv4 in IPv6 clothes included.
  return !GLOBAL_V6_PATTERN.test(bare) || SPECIAL_V6_PATTERN.test(bare)
}

function toNumber(address: string): number | undefined {
  const match = V4_PATTERN.exec(address)
  if (match === null) return undefined
  const parts = match.slice(1).map(Number)
  if (parts.some((part) => part > 255)) return undefined
  return parts.reduce((sum, part) => sum * 256 + part, 0)
}
