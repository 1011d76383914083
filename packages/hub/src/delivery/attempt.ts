/** One attempt at a delivery: what is sent, and what its outcome means. */
import { SpanStatusCode } from '@opentelemetry/api'
import {
  type AttemptOutcome,
  type DeliveryVerdict,
  findQuietUntilMs,
  judgeAttempt,
  parseRetryAfter,
} from '../core/delivery.ts'
import { DELIVERY_RETRIES, type RetrySchedule } from '../core/retry.ts'
import type { ClockDep, IdsDep, RandomDep } from '../deps.ts'
import type { Attempt } from '../store/attempts.ts'
import type { Settlement } from '../store/deliveries.ts'
import type { ClaimedDelivery } from '../store/delivery-claims.ts'
import type { Destination } from '../store/destinations.ts'
import type { StoredEvent } from '../store/events.ts'
import { withAttemptSpan } from '../tracing.ts'
import { type Courier, toAddressee } from './courier.ts'
import type { SendResult } from './send.ts'

export interface AttemptDeps extends ClockDep, RandomDep, IdsDep {
  readonly courier: Courier
}

/** An attempt that was made, and what is to be written about it. */
export interface Made extends Settlement {
  readonly delivery: ClaimedDelivery
  readonly orderKey: string
  readonly destination: Destination
  readonly verdict: DeliveryVerdict
  /** Whether the breaker was open for its kind when it was claimed. */
  readonly isProbe: boolean
  /** When the destination asks to be sent anything again; null where it does not ask. */
  readonly quietUntilMs: number | null
  readonly isAnswered: boolean
  readonly attempt: Attempt
}

/** An answer that took longer is no brisk one. */
const BRISK_MS_MAX = 100

/** Whether it was answered that nothing else is to be sent there, for a time or at all. */
export function isAsking({ quietUntilMs, verdict }: Made): boolean {
  return quietUntilMs !== null || verdict.type === 'gone'
}

/** What nothing else is to be sent of: to data, such an answer is about data, unless it says that nobody is there. */
export function toHeld({ delivery, verdict }: Made): {
  readonly destinationId: string
  readonly isData: boolean
} {
  const isData = delivery.isData && verdict.type !== 'gone'
  return { destinationId: delivery.destinationId, isData }
}

/** Whether it was taken so quickly that the next place of its destination is about to become free, too. */
export function isBrisk({ verdict, attempt }: Made): boolean {
  return verdict.type === 'delivered' && attempt.durationMs <= BRISK_MS_MAX
}

/** Sends a delivery; never throws for what the other side does. */
export async function attemptDelivery(
  deps: AttemptDeps,
  schedule: RetrySchedule,
  { destination, delivery, isProbe }: Pick<Made, 'destination' | 'delivery' | 'isProbe'>,
): Promise<Made> {
  const startedAtMs = deps.clock.nowMs()
  const result = await send(deps.courier, destination, delivery, startedAtMs)
  const nowMs = deps.clock.nowMs()
  const series = presentSeries(delivery, destination)
  const tries = series.tries + 1
  // Not since the event was made: one that waited behind another for days has not been tried for days.
  const tryingSinceMs = series.tryingSinceMs ?? startedAtMs
  const outcome = toOutcome(result, nowMs)
  const verdict = judgeAttempt(outcome, destination.retries ?? schedule, {
    attempts: tries,
    sinceMs: tryingSinceMs,
    nowMs,
    fraction: deps.random.fraction(),
  })
  const status = STATUS_AFTER[verdict.type]
  const attempts = delivery.attempts + 1
  return {
    id: delivery.id,
    claimId: delivery.claimId,
    status,
    attempts,
    tries,
    tryingSinceMs,
    dueAtMs: verdict.type === 'retry' ? verdict.dueAtMs : nowMs,
    endedAtMs: status === 'pending' ? null : nowMs,
    delivery,
    orderKey: delivery.event.orderKey,
    destination,
    verdict,
    isProbe,
    quietUntilMs: findQuietUntilMs(outcome, nowMs),
    isAnswered: result.type === 'answered',
    attempt: {
      deliveryId: delivery.id,
      number: attempts,
      startedAtMs,
      durationMs: nowMs - startedAtMs,
      httpStatus: result.type === 'answered' ? result.httpStatus : null,
      error: result.type === 'answered' ? null : result.error,
      responseHeaders: result.type === 'answered' ? result.headers : null,
      responseBody: result.type === 'answered' ? result.body : null,
      processId: deps.ids.processId,
    },
  }
}

async function send(
  courier: Courier,
  destination: Destination,
  delivery: ClaimedDelivery,
  nowMs: number,
): Promise<SendResult> {
  const { event } = delivery
  const attributes = {
    'firma.environment': event.environmentId,
    'firma.event': event.id,
    'firma.event.type': event.type,
    'firma.destination': destination.id,
    'firma.delivery': delivery.id,
    'firma.attempt': delivery.attempts + 1,
  }
  return await withAttemptSpan(event.traceParent, attributes, async (span) => {
    const addressee = toAddressee(destination)
    const isReplay = delivery.resendId !== null
    const result = await courier.deliver({ addressee, event, nowMs, isReplay })
    if (result.type === 'answered') {
      span.setAttribute('http.response.status_code', result.httpStatus)
    } else {
      span.setAttribute('error.type', result.error)
    }
    if (result.type !== 'answered' || result.httpStatus >= 300) {
      span.setStatus({ code: SpanStatusCode.ERROR })
    }
    return result
  })
}

/** One attempt at an event that is not owed: a test. Nothing is written about it. */
export async function attemptOnce(
  deps: AttemptDeps,
  destination: Destination,
  event: StoredEvent,
): Promise<Attempt> {
  const nowMs = deps.clock.nowMs()
  const delivery = {
    id: 0,
    claimId: '',
    destinationId: destination.id,
    isData: false,
    resendId: null,
    attempts: 0,
    tries: 0,
    tryingSinceMs: null,
    dueAtMs: nowMs,
    createdAtMs: nowMs,
    event,
  }
  const made = await attemptDelivery(deps, DELIVERY_RETRIES, {
    destination,
    delivery,
    isProbe: false,
  })
  return made.attempt
}

/** What was tried before the destination was enabled counts neither for the delay nor for giving up. */
function presentSeries(
  { tries, tryingSinceMs }: ClaimedDelivery,
  { resumedAtMs }: Destination,
): { tries: number; tryingSinceMs: number | null } {
  const isOver = tryingSinceMs !== null && resumedAtMs !== null && tryingSinceMs < resumedAtMs
  return isOver ? { tries: 0, tryingSinceMs: null } : { tries, tryingSinceMs }
}

/** A destination that is gone keeps what it is owed: held, because it is disabled with it. */
const STATUS_AFTER = {
  delivered: 'delivered',
  retry: 'pending',
  failed: 'failed',
  gone: 'pending',
} as const

function toOutcome(result: SendResult, nowMs: number): AttemptOutcome {
  if (result.type === 'unanswered') return result
  const { httpStatus, retryAfter } = result
  return {
    type: 'answered',
    httpStatus,
    retryAfterMs: parseRetryAfter(retryAfter, nowMs, parseHttpDate),
  }
}

function parseHttpDate(text: string): number {
  // Reading a given date is pure; the present one still comes from the clock.
  // eslint-disable-next-line no-restricted-globals
  return Date.parse(text)
}
