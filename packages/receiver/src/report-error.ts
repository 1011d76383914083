/** Tells somebody what went wrong where no caller can: a sender sees a status, and an app sees nothing. */

/** What a receiver was doing when something failed. */
export interface ErrorContext {
  /**
   * - `store`: an event could not be stored; its sender is told to repeat it (503).
   * - `handler`: the app's `onEvent` threw, or its transaction failed; the event is kept as `failed` or `dead`.
   * - `dispatch`: an event is stored, and the store failed around the call of `onEvent`; it is called again when it is due.
   * - `retry`: looking for what is due failed; it is looked for again.
   */
  during: 'store' | 'handler' | 'dispatch' | 'retry'
  /** Number of the event in the inbox, where it has one. */
  seq: number | undefined
  /** The wire's type of the event. */
  type: string | undefined
  /** `X-Terra-Trace-Id`, else `webhook-id`; `undefined` when the sender gave neither. */
  traceId: string | undefined
  /** Label of the environment whose secret signed the event. */
  environment: string | undefined
}

/** Told of failures. What it throws is ignored. */
export type OnError = (error: unknown, context: ErrorContext) => void

/** Makes a function that tells `onError`, and whose caller need not fear it. */
export function toReporter(
  onError: OnError = logError,
): (error: unknown, context: Partial<ErrorContext> & Pick<ErrorContext, 'during'>) => void {
  const nothing = { seq: undefined, type: undefined, traceId: undefined, environment: undefined }
  return (error, context) => {
    try {
      onError(error, { ...nothing, ...context })
    } catch {
      // Whoever is told of failures must not make one of an event that is stored.
    }
  }
}

const TEXT_LENGTH_MAX = 300

/** Says on the console what failed, without bodies and secrets: drivers put values into the fields of their errors, and an app into its messages. */
function logError(error: unknown, { during, seq, type, traceId }: ErrorContext): void {
  const named = [
    ['type', type],
    ['seq', seq],
    ['trace', traceId],
  ].flatMap(([name, value]) => (value === undefined ? [] : `${name} ${JSON.stringify(value)}`))
  const about = named.length === 0 ? '' : ` (${named.join(', ')})`
  const text =
    during === 'handler' ? `${nameOf(error)}; see handlerError of the event` : String(error)
  // eslint-disable-next-line no-console -- The default of an option; there is no other place that an app is sure to see.
  console.error(`firma-receiver: ${during} failed${about}: ${text.slice(0, TEXT_LENGTH_MAX)}`)
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}
