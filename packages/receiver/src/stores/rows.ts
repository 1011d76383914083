/** Rows of a SQL database, read into what the receiver works with. The column names are the same in SQLite and PostgreSQL. */
import type { UserRecord } from '../core/user-record.ts'
import type { EventFilter, HandlerState, InboxEvent, StoredUser } from '../store.ts'

/** A row as a driver gives it. */
export type Row = Record<string, unknown>

/** Begins the names of tables: letters, digits and underscores, at most 32. */
const PREFIX_PATTERN = /^[a-z_][a-z0-9_]{0,31}$/i

/** @throws RangeError for what cannot begin a table's name. */
export function checkTablePrefix(tablePrefix: string): void {
  if (PREFIX_PATTERN.test(tablePrefix)) return
  throw new RangeError(
    `tablePrefix must be letters, digits and underscores, at most 32; found ${JSON.stringify(tablePrefix)}`,
  )
}

/** Conditions on numbers and times, each to be followed by its value. */
export function toBounds({
  throughSeq,
  receivedFromMs,
  receivedBeforeMs,
}: EventFilter): (readonly [condition: string, value: number])[] {
  const bounds = [
    ['seq <=', throughSeq],
    ['received_at_ms >=', receivedFromMs],
    ['received_at_ms <', receivedBeforeMs],
  ] as const
  return bounds.flatMap(([condition, value]) => (value === undefined ? [] : [[condition, value]]))
}

/** States of events that are not to be deleted. */
export function toKeptStates(isUnhandledIncluded: boolean): HandlerState[] {
  return isUnhandledIncluded ? ['pending', 'failed'] : ['pending', 'failed', 'parked', 'dead']
}

export function toStoredUser(row: Row): StoredUser {
  const record: UserRecord = JSON.parse(readText(row, 'record'))
  return { record, componentId: readText(row, 'component_id') }
}

export function toInboxEvent(row: Row): InboxEvent {
  const body = row['body']
  if (!(body instanceof Uint8Array)) throw new TypeError('column body holds no bytes')
  const headers: Record<string, string> = JSON.parse(readText(row, 'headers'))
  return {
    seq: readNumber(row, 'seq'),
    environment: readText(row, 'environment'),
    eventKey: readText(row, 'event_key'),
    traceId: findText(row, 'trace_id'),
    type: readText(row, 'type'),
    userId: findText(row, 'user_id'),
    orderingMs: findNumber(row, 'ordering_ms'),
    receivedAtMs: readNumber(row, 'received_at_ms'),
    body: new Uint8Array(body),
    headers,
    handlerState: toHandlerState(readText(row, 'handler_state')),
    handlerStateAtMs: readNumber(row, 'handler_state_at_ms'),
    handlerDueAtMs: findNumber(row, 'handler_due_at_ms'),
    handlerError: findText(row, 'handler_error'),
    attempts: readNumber(row, 'attempts'),
  }
}

export function readText(row: Row, column: string): string {
  const value = row[column]
  if (typeof value === 'string') return value
  throw new TypeError(`column ${column} holds ${typeof value} where text was expected`)
}

export function findText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : readText(row, column)
}

export function readNumber(row: Row, column: string): number {
  const value = row[column]
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
  // node-postgres returns int8 as text unless the app has told it otherwise.
  if (typeof value === 'string' && Number.isSafeInteger(Number(value))) return Number(value)
  throw new TypeError(`column ${column} holds ${typeof value} where a number was expected`)
}

function findNumber(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : readNumber(row, column)
}

/** @throws TypeError for a state that this version does not know. */
function toHandlerState(value: string): HandlerState {
  switch (value) {
    case 'none':
    case 'pending':
    case 'parked':
    case 'done':
    case 'failed':
    case 'dead':
      return value
  }
  throw new TypeError(`column handler_state holds the unknown state "${value}"`)
}
