/** Why a {@link VerificationError} was thrown; stable, for code and for the `reason` of an HTTP answer. */
export type VerificationErrorReason =
  | 'header_missing'
  | 'header_malformed'
  | 'signature_mismatch'
  | 'timestamp_too_old'
  | 'timestamp_in_future'
  | 'body_not_raw'
  | 'secret_missing'

/**
 * Something is not proved to be genuine, and nothing in it may be believed.
 *
 * The message names the likely cause. It never contains a secret, a signature that would have been right, or the body.
 */
export class VerificationError extends Error {
  override readonly name = 'VerificationError'
  /** What failed. */
  readonly reason: VerificationErrorReason

  constructor(reason: VerificationErrorReason, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.reason = reason
  }
}
