/** What can be set of a destination and within which bounds, wherever it is set: by the API, the command, the dashboard or the file. */
import { ATTEMPT_TIMEOUT_MS_MAX } from './delivery.ts'
import {
  CONNECTION_EVENT_TYPES,
  DATA_EVENT_TYPES,
  EXTENSION_EVENT_TYPES,
  OTHER_TERRA_TYPES,
} from './event-body.ts'
import { suggest } from './nearest.ts'
import type { RetrySchedule } from './retry.ts'
import { HOUR_MS, SECOND_MS } from './time.ts'

/** Inclusive. */
export const DESTINATION_BOUNDS = {
  timeoutMs: { min: 100, max: ATTEMPT_TIMEOUT_MS_MAX },
  /** Deliveries of data that it may take at once, and as many of connections; per process. */
  concurrency: { min: 1, max: 256 },
  baseSeconds: { min: 1, max: 3_600 },
  capSeconds: { min: 1, max: 86_400 },
  windowHours: { min: 1, max: 24 * 30 },
  eventTypes: { min: 1, max: 100 },
  headersMax: 10,
} as const

export const EVENT_TYPES_ERROR = `must name 1 to ${DESTINATION_BOUNDS.eventTypes.max} event types; null takes all`

/** Before the name of a type that this version does not know, to say that it is no typing error. */
export const UNKNOWN_TYPE = 'unknown:'
const UNKNOWN_TYPE_PATTERN = /^unknown:[\w.-]{1,100}$/

const KNOWN_TYPES: readonly string[] = [
  ...CONNECTION_EVENT_TYPES,
  ...DATA_EVENT_TYPES,
  ...EXTENSION_EVENT_TYPES,
  ...OTHER_TERRA_TYPES,
]

/** Why a destination cannot ask for this type: a filter with a typing error would hold everything back without a word. */
export function findEventTypeFault(type: string): string | null {
  if (KNOWN_TYPES.includes(type) || UNKNOWN_TYPE_PATTERN.test(type)) return null
  const near = suggest(type.slice(0, 100), KNOWN_TYPES)
  const name = type.replaceAll(/[^\w.-]/g, '').slice(0, 100)
  const isName = name !== '' && !type.startsWith(UNKNOWN_TYPE)
  return `must be the name of an event type${near}, or ${UNKNOWN_TYPE}${isName ? name : 'name'} for one that this version does not know`
}

/** Of a value: printable ASCII without spaces around it. */
export const HEADER_VALUE_PATTERN = /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/
export const HEADER_VALUE_ERROR =
  'has a value that is not printable ASCII of at most 1024 characters'
export const HEADER_NAMES_ERROR =
  'names a header that is not yours to set: those of the connection, content-*, x-terra-*, terra-*, webhook-*, x-firma-*'
export const HEADERS_ERROR = `has more than ${DESTINATION_BOUNDS.headersMax} headers`

/** A schedule as people give it. */
export interface GivenSchedule {
  readonly baseSeconds: number
  readonly capSeconds: number
  readonly windowHours: number
}

export const SCHEDULE_ERROR = 'has a base that is longer than its cap'

export function isSchedule({ baseSeconds, capSeconds }: GivenSchedule): boolean {
  return baseSeconds <= capSeconds
}

export function toSchedule({ baseSeconds, capSeconds, windowHours }: GivenSchedule): RetrySchedule {
  return {
    baseMs: baseSeconds * SECOND_MS,
    capMs: capSeconds * SECOND_MS,
    windowMs: windowHours * HOUR_MS,
  }
}
