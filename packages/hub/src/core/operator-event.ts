/**
 * What the hub tells whoever operates it about a destination: events like all others, so that they are stored, shown as
 * they happen and sent to destinations that ask for extensions.
 */
import type { EventRecord } from './event-body.ts'

/** What became of a destination. */
export type DestinationNotice =
  /** Nothing that was sent to it for so long has succeeded. */
  | { readonly type: 'failing'; readonly hours: number }
  /** The same for 24 h: it is disabled. */
  | { readonly type: 'disable' }
  /** The same for 48 h, though it went on saying when to try again: it is disabled. */
  | { readonly type: 'unready' }
  /** It answered 410 Gone: it is disabled. */
  | { readonly type: 'gone' }
  /** It works again after it was warned of, or after its breaker was open. */
  | { readonly type: 'recovered' }

/** Begins the order key of what is told about a destination; its id follows. */
const DESTINATION_LANE = 'destination:'

/** What is told about one destination is told in order. */
export function toDestinationLane(destinationId: string): string {
  return DESTINATION_LANE + destinationId
}

/** Whom an event is about by its order key; null where that is no destination. */
export function destinationOfLane(orderKey: string): string | null {
  return orderKey.startsWith(DESTINATION_LANE) ? orderKey.slice(DESTINATION_LANE.length) : null
}

/** Why a destination is disabled, in words. */
export const DISABLED_REASONS = {
  gone: 'the destination answered 410 Gone',
  disable: 'nothing that was sent to it for 24 hours succeeded',
  unready:
    'nothing that was sent to it for 48 hours succeeded, though it said each time when to try again',
} as const

/** Writes the body of a notice. */
export function toOperatorRecord(destinationId: string, notice: DestinationNotice): EventRecord {
  const of = { destination_id: destinationId }
  switch (notice.type) {
    case 'failing':
      return toRecord({
        type: 'destination_failing',
        status: 'warning',
        message: `Nothing that was sent to the destination for ${notice.hours} hours succeeded`,
        ...of,
        hours: notice.hours,
      })
    case 'disable':
    case 'unready':
    case 'gone':
      return toRecord({
        type: 'destination_disabled',
        status: 'error',
        message: 'The destination was disabled; what it is owed is held until it is enabled',
        ...of,
        reason: DISABLED_REASONS[notice.type],
      })
    case 'recovered':
      return toRecord({
        type: 'destination_recovered',
        status: 'success',
        message: 'The destination works again',
        ...of,
      })
  }
}

function toRecord(body: { type: string } & Record<string, unknown>): EventRecord {
  const nobody = { userId: null, referenceId: null, provider: null }
  return { type: body.type, ...nobody, body: JSON.stringify(body) }
}
