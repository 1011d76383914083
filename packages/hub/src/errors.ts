/**
 * Every failure that a caller can meet, with the HTTP status it answers with and whether trying the
 * same request again can help. `docs/errors.md` lists exactly these keys; a test compares them.
 */
export const ERRORS = {
  bad_request: { status: 400, retryable: false, title: 'bad request' },
  malformed_json: { status: 400, retryable: false, title: 'bad request' },
  redirect_url_refused: { status: 400, retryable: false, title: 'bad request' },
  unauthorized: { status: 401, retryable: false, title: 'unauthorized' },
  other_end_user: { status: 403, retryable: false, title: 'forbidden' },
  forbidden: { status: 403, retryable: false, title: 'forbidden' },
  not_found: { status: 404, retryable: false, title: 'not found' },
  user_not_found: { status: 404, retryable: false, title: 'not found' },
  event_not_found: { status: 404, retryable: false, title: 'not found' },
  destination_not_found: { status: 404, retryable: false, title: 'not found' },
  environment_not_found: { status: 404, retryable: false, title: 'not found' },
  key_not_found: { status: 404, retryable: false, title: 'not found' },
  job_not_found: { status: 404, retryable: false, title: 'not found' },
  confirm_code_unknown: { status: 404, retryable: false, title: 'not found' },
  resource_unknown: { status: 404, retryable: false, title: 'not found' },
  method_not_allowed: { status: 405, retryable: false, title: 'method not allowed' },
  conflict: { status: 409, retryable: false, title: 'conflict' },
  confirm_code_used: { status: 409, retryable: false, title: 'conflict' },
  connection_refused: { status: 409, retryable: false, title: 'conflict' },
  connection_broken: { status: 409, retryable: false, title: 'conflict' },
  cursor_unknown: { status: 409, retryable: false, title: 'conflict' },
  request_in_progress: { status: 409, retryable: true, title: 'conflict' },
  request_interrupted: { status: 409, retryable: false, title: 'conflict' },
  cursor_expired: { status: 410, retryable: false, title: 'gone' },
  confirm_code_expired: { status: 410, retryable: false, title: 'gone' },
  precondition_failed: { status: 412, retryable: false, title: 'precondition failed' },
  body_too_large: { status: 413, retryable: false, title: 'content too large' },
  unsupported_content_type: { status: 415, retryable: false, title: 'unsupported media type' },
  idempotency_key_reused: { status: 422, retryable: false, title: 'unprocessable content' },
  too_many_requests: { status: 429, retryable: true, title: 'too many requests' },
  provider_limited: { status: 429, retryable: true, title: 'too many requests' },
  provider_unavailable: { status: 502, retryable: true, title: 'bad gateway' },
  database_unavailable: { status: 503, retryable: true, title: 'service unavailable' },
  hub_starting: { status: 503, retryable: true, title: 'service unavailable' },
  configuration_invalid: { status: 500, retryable: false, title: 'internal server error' },
  internal: { status: 500, retryable: true, title: 'internal server error' },
} as const

/** Key of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS

/** A failure of input or of the world, with a message made for whoever has to act on it. */
export class FirmaError extends Error {
  override readonly name = 'FirmaError'
  /** Which of {@link ERRORS} this is. */
  readonly code: ErrorCode
  /** What an answer with this error must carry, for example `retry-after`. */
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ErrorCode,
    message: string,
    options?: { cause?: unknown; headers?: Readonly<Record<string, string>> },
  ) {
    super(message, options)
    this.code = code
    this.headers = options?.headers ?? {}
  }
}

/**
 * Stops the request or the worker turn when a condition that the code relies on does not hold.
 *
 * @param message A sentence that says what must hold.
 */
export function assert(condition: unknown, message: string): asserts condition {
  // A bug is not a FirmaError: nobody outside can do anything about it.
  if (!condition) throw new TypeError(`assertion failed: ${message}`)
}
