/** Why a body is no event; see {@link EventError}. */
export type EventErrorReason = 'not_json' | 'not_an_object' | 'type_missing'

/** A genuine body that is no event at all. Unknown types and missing fields are not errors. */
export class EventError extends Error {
  override readonly name = 'EventError'
  /** What is wrong with the body. */
  readonly reason: EventErrorReason

  constructor(reason: EventErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}
