/** Where a request comes from, for counting. */
import { isIPv4, isIPv6 } from 'node:net'

/**
 * The client's address. An IPv6 network of 64 bits counts as one address, because whoever has one
 * address of it has them all.
 *
 * @param socketAddress The other end of the connection.
 * @param proxies How many proxies of ours stand before the hub; each has added one address to
 *   `X-Forwarded-For`, and what is left of those was written by the client.
 */
export function clientAddress(
  request: Request,
  socketAddress: string | undefined,
  proxies: number,
): string {
  const forwarded = (request.headers.get('x-forwarded-for') ?? '').split(',')
  const told = proxies === 0 ? undefined : forwarded.at(-proxies)?.trim()
  const address = told !== undefined && told !== '' ? told : (socketAddress ?? '')
  const bare = address.replace(/^::ffff:(?=[\d.]+$)/i, '')
  if (isIPv4(bare)) return bare
  return isIPv6(bare) ? toNetwork(bare) : 'unknown'
}

/**
 * What is kept of an address: enough to see that two things came from different places, too little to name a person.
 *
 * @param address As {@link clientAddress} gives it.
 * @returns 24 bits of IPv4, 48 of IPv6; undefined where nobody knows the address.
 */
export function toSharedNetwork(address: string): string | undefined {
  if (isIPv4(address)) return `${address.split('.').slice(0, 3).join('.')}.0/24`
  const groups = address.split(':')
  return groups.length === 4 ? `${groups.slice(0, 3).join(':')}::/48` : undefined
}

/** What proxies add to the requests that they pass on. */
const PASSED_ON = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip']

/** Whether a program on this machine asks for itself: a proxy on this machine asks for others. */
export function isLocal(request: Request, socketAddress: string | undefined): boolean {
  const bare = (socketAddress ?? '').replace(/^::ffff:(?=[\d.]+$)/i, '')
  const isLoopback = bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'))
  return isLoopback && PASSED_ON.every((name) => !request.headers.has(name))
}

function toNetwork(address: string): string {
  const [head = '', tail] = (address.split('%')[0] ?? '').toLowerCase().split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  return [...before, ...zeros, ...after].slice(0, 4).join(':')
}
