/** Reads what a lookup asks for. Unknown parameters are refused: a filter with a typing error would answer with everything. */
import type { HandlerState, ListEventsOptions, ReferenceLookupOptions } from 'firma-receiver'
import type { Context } from 'hono'
import { type ErrorCode, FirmaError } from '../../errors.ts'

/** A page holds its events' bodies while it is made, and a body can have ten megabytes. */
const EVENTS_MAX = 100
const ID_LENGTH_MAX = 4_096
/** What PostgreSQL refuses in a text; no identifier has it. */
const UNSTORABLE = /\p{Surrogate}|\0/u
const STATES: readonly HandlerState[] = ['none', 'pending', 'parked', 'done', 'failed', 'dead']

/** @throws FirmaError `notFound` for what cannot be an id. */
export function readId(text: string, notFound: ErrorCode): string {
  if (text.length <= ID_LENGTH_MAX && !UNSTORABLE.test(text)) return text
  throw new FirmaError(notFound, 'there is nobody with this id')
}

/** @throws FirmaError `event_not_found`. */
export function readSeq(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new FirmaError('event_not_found', 'events are named by their number, from 1')
}

export function readLookupQuery(c: Context, more: readonly string[] = []): ReferenceLookupOptions {
  const { environment, provider } = readQuery(c, ['environment', ...more])
  return {
    ...(environment === undefined ? {} : { environment }),
    ...(provider === undefined ? {} : { provider }),
  }
}

const EVENT_NAMES = [
  'environment',
  'user_id',
  'lineage_id',
  'type',
  'from',
  'before',
  'state',
  'after',
  'limit',
]

export function readEventQuery(c: Context): ListEventsOptions {
  const { environment, user_id: userId, lineage_id: lineageId, ...rest } = readQuery(c, EVENT_NAMES)
  const { type, from, before, state, after, limit } = rest
  return {
    limit: limit === undefined ? EVENTS_MAX : readWhole('limit', limit, EVENTS_MAX),
    ...(environment === undefined ? {} : { environment }),
    ...(userId === undefined ? {} : { userId }),
    ...(lineageId === undefined ? {} : { lineageId }),
    ...(type === undefined ? {} : { types: type.split(',') }),
    ...(from === undefined ? {} : { receivedFromMs: readTime('from', from) }),
    ...(before === undefined ? {} : { receivedBeforeMs: readTime('before', before) }),
    ...(state === undefined ? {} : { handlerStates: state.split(',').map(readState) }),
    ...(after === undefined ? {} : { after: readWhole('after', after, Number.MAX_SAFE_INTEGER) }),
  }
}

function readQuery(c: Context, names: readonly string[]): Partial<Record<string, string>> {
  const query = c.req.query()
  for (const [name, value] of Object.entries(query)) {
    if (!names.includes(name)) {
      throw bad(`"${name}" is no parameter here; those are ${names.join(', ')}`)
    }
    if (UNSTORABLE.test(value)) throw bad(`${name} holds a character that no id has`)
  }
  return query
}

function readState(text: string): HandlerState {
  const state = STATES.find((each) => each === text)
  if (state !== undefined) return state
  throw bad(`state is "${text}"; it must be of ${STATES.join(', ')}, joined by commas`)
}

function readTime(name: string, text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (!Number.isNaN(ms)) return ms
  throw bad(`${name} is "${text}"; it must be a time like 2026-11-22T09:00:00Z, or a day`)
}

function readWhole(name: string, text: string, max: number): number {
  const value = Number(text)
  if (/^\d{1,16}$/.test(text) && value >= 1 && value <= max) return value
  throw bad(`${name} is "${text}"; it must be a whole number from 1 to ${max}`)
}

function bad(message: string): FirmaError {
  return new FirmaError('bad_request', message)
}
