/** Tells the app what was not taken in: a sender sees the answer, and whoever set a secret wrongly sees nothing else. */
import { EventError } from './core/event-error.ts'
import { VerificationError } from './core/verification-error.ts'
import { ReceiverError } from './receiver-error.ts'

/** Told of requests that are answered with 4xx. What it throws is ignored. */
export type OnRefused = (refusal: Refusal) => void

/** Why a request was refused. */
export interface Refusal {
  /** For code: `signature_mismatch`, `body_not_raw`, `not_json` …, as in the answer. */
  reason: string
  /** The likely cause, and what to do; no secret and nothing of the body. */
  message: string
}

const PAUSE_MS = 60_000

/** Makes a function that tells `onRefused` of errors that are refusals, and whose caller need not fear it. */
export function toRefusalReporter(
  onRefused: OnRefused | undefined,
  clock: () => number,
): (error: unknown) => void {
  const tell = onRefused ?? createRefusalLog(clock)
  return (error) => {
    const isRefusal =
      error instanceof VerificationError ||
      error instanceof EventError ||
      error instanceof ReceiverError
    if (!isRefusal) return
    try {
      tell({ reason: error.reason, message: error.message })
    } catch {
      // Whoever is told must not change the answer.
    }
  }
}

/** Once a minute for each reason: anybody can send what is refused, as often as they like. */
function createRefusalLog(clock: () => number): OnRefused {
  const said = new Map<string, { atMs: number; unsaid: number }>()
  return ({ reason, message }) => {
    const last = said.get(reason)
    const nowMs = clock()
    if (last !== undefined && Math.abs(nowMs - last.atMs) < PAUSE_MS) {
      last.unsaid += 1
      return
    }
    said.set(reason, { atMs: nowMs, unsaid: 0 })
    const more = last === undefined || last.unsaid === 0 ? '' : ` (${last.unsaid} more since then)`
    // eslint-disable-next-line no-console -- The default of an option; there is no other place that an app is sure to see.
    console.warn(`firma-receiver: refused a request, ${reason}: ${message}${more}`)
  }
}
