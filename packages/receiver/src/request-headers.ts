import { toStorable } from './core/json-fields.ts'

/** Headers of a request: a `Headers` object, or a record as Node has it; names in any case. */
export type RequestHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>

/** Longest header value that is kept, in characters. */
const HEADER_LENGTH_MAX = 4_096

/** What is stored with an event: enough to verify it again, and to find it in the sender's log. */
const KEPT_NAMES = [
  'content-type',
  'terra-reference',
  'terra-signature',
  'user-agent',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
  'x-firma-replay-of',
  'x-terra-ordering-timestamp',
  'x-terra-signature',
  'x-terra-trace-id',
] as const

/** A header that is kept, by its lower-case name. */
export type KeptName = (typeof KEPT_NAMES)[number]

/** The headers of interest that are there, by lower-case name. */
export function keepHeaders(headers: RequestHeaders): Partial<Record<KeptName, string>> {
  const read = createReader(headers)
  const kept: Partial<Record<KeptName, string>> = {}
  for (const name of KEPT_NAMES) {
    const value = read(name)
    if (value !== undefined) kept[name] = toStorable(value, HEADER_LENGTH_MAX)
  }
  return kept
}

function createReader(headers: RequestHeaders): (name: string) => string | undefined {
  if (hasGet(headers)) return (name) => headers.get(name) ?? undefined
  const byName = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue
    // Sent twice, a header reads like a list (RFC 9110, section 5.3).
    byName.set(name.toLowerCase(), Array.isArray(value) ? value.join(', ') : toText(value))
  }
  return (name) => byName.get(name)
}

/** Hosts that build records of their own put numbers and worse in them, and no header may cost an event. */
function toText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function hasGet(headers: RequestHeaders): headers is { get(name: string): string | null } {
  return 'get' in headers && typeof headers.get === 'function'
}
