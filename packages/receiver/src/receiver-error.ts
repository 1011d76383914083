/** Why a {@link ReceiverError} was thrown. */
export type ReceiverErrorReason =
  | 'body_too_large'
  | 'environment_required'
  | 'changes_missed'
  | 'payload_refused'
  | 'payload_failed'

/** A request or a question that the receiver cannot serve as it is. */
export class ReceiverError extends Error {
  override readonly name = 'ReceiverError'
  /** What is wrong. */
  readonly reason: ReceiverErrorReason

  constructor(reason: ReceiverErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}
