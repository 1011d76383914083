/** Which addresses the hub may send to: none of its own network unless the operator says so. */
import { type LookupAddress, type LookupOptions, lookup as resolveByDns } from 'node:dns'
import { BlockList, type LookupFunction, isIP } from 'node:net'
import { FirmaError } from '../errors.ts'

/**
 * Address ranges that are not on the public internet (IANA special-purpose registries).
 *
 * No `::ffff:0:0/96`: BlockList takes every IPv4 address for a part of it, and compares an address that is
 * mapped into it with the IPv4 ranges by itself.
 */
const REFUSED_RANGES = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Azure's host service, reached from virtual machines there under an address that looks public.
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
]

/** Carried through undici to the attempt, which reports it as `address_refused`. */
export const ADDRESS_REFUSED = 'FIRMA_ADDRESS_REFUSED'

export interface UrlGuard {
  /** Whether the hub may connect to this address. */
  allows(address: string): boolean
  /** DNS lookup that gives only allowed addresses, so that the one checked is the one connected to. */
  readonly lookup: LookupFunction
}

/** Asks for all addresses of a name, as `dns.lookup` does. */
export type ResolveHost = (
  hostname: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => void,
) => void

/**
 * @param allowedRanges CIDR ranges that are allowed although they are not public, for example `127.0.0.0/8`.
 * @throws FirmaError `configuration_invalid` for a range that is none.
 */
export function createUrlGuard(
  allowedRanges: readonly string[],
  resolveHost: ResolveHost = resolveByDns,
): UrlGuard {
  const refused = toBlockList(REFUSED_RANGES)
  const allowed = toBlockList(allowedRanges)
  const allows = (address: string): boolean => {
    const version = isIP(address)
    if (version === 0) return false
    const family = version === 4 ? 'ipv4' : 'ipv6'
    return allowed.check(address, family) || !refused.check(address, family)
  }
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolveHost(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, '', 0)
      const usable = found.filter(({ address }) => allows(address))
      const [first] = usable
      if (first === undefined) return callback(refusal(hostname), '', 0)
      if (options.all === true) return callback(null, usable)
      return callback(null, first.address, first.family)
    })
  }
  return { allows, lookup }
}

function refusal(hostname: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(
    `${hostname} has no address that this hub may connect to`,
  )
  error.code = ADDRESS_REFUSED
  return error
}

function toBlockList(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [network = '', prefix = ''] = range.split('/')
    const version = isIP(network)
    const bits = Number(prefix)
    if (version === 0 || !/^\d{1,3}$/.test(prefix) || bits > (version === 4 ? 32 : 128)) {
      throw new FirmaError(
        'configuration_invalid',
        `"${range}" is not an address range; write it like 10.0.0.0/8 or fd00::/8`,
      )
    }
    list.addSubnet(network, bits, version === 4 ? 'ipv4' : 'ipv6')
  }
  return list
}
