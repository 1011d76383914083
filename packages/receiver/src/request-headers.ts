import { toStorable } from './core/json-fields.ts'

/** Headers of a request: a `Headers` object, or a record as Node has it; names in any case. */
export type RequestHeaders =
  | {
      /** The value under a name in any case; `null` without one. */
      get(name: string): string | null
    }
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

/** Of these there is one value, which says which event it is and when. */
const SINGLE_NAMES: ReadonlySet<string> = new Set([
  'webhook-id',
  'webhook-timestamp',
  'x-terra-ordering-timestamp',
  'x-terra-trace-id',
])

/** Headers that are kept, by lower-case name. */
export type KeptHeaders = { [Name in (typeof KEPT_NAMES)[number]]?: string }

/** The headers of interest that are there. */
export function keepHeaders(headers: RequestHeaders): KeptHeaders {
  const kept: KeptHeaders = {}
  if (hasGet(headers)) {
    for (const name of KEPT_NAMES) keep(kept, name, headers.get(name) ?? undefined)
    return kept
  }
  for (const [written, value] of Object.entries(headers)) {
    const name = findKeptName(written)
    // Sent twice, a header reads like a list (RFC 9110, section 5.3).
    if (name !== undefined) keep(kept, name, Array.isArray(value) ? value.join(', ') : value)
  }
  return kept
}

function keep(kept: KeptHeaders, name: keyof KeptHeaders, value: unknown): void {
  if (value === undefined) return
  const text = toText(value)
  const stated = text.includes(',') && SINGLE_NAMES.has(name) ? toStatedOnce(text) : text
  kept[name] = toStorable(stated.slice(0, HEADER_LENGTH_MAX))
}

/** A proxy that repeats a header must not give the event another name: "a, a" is "a". Values that differ are left as they are. */
function toStatedOnce(list: string): string {
  const [first = '', ...others] = list.split(',').map((value) => value.trim())
  return others.every((value) => value === first) ? first : list
}

const keptNames = new Map<string, keyof KeptHeaders>(KEPT_NAMES.map((name) => [name, name]))

function findKeptName(written: string): keyof KeptHeaders | undefined {
  // Node has them in lower case already.
  return keptNames.get(written) ?? keptNames.get(written.toLowerCase())
}

/** Hosts that build records of their own put numbers and worse in them, and no header may cost an event. */
function toText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function hasGet(headers: RequestHeaders): headers is { get(name: string): string | null } {
  return 'get' in headers && typeof headers.get === 'function'
}
