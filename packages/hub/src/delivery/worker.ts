/**
 * Sends what is owed. A delivery is claimed with a lease, sent without any transaction being open, and
 * settled together with the record of its attempt; if the process dies in between, the lease ends and
 * the delivery is sent again.
 */
import { signStandardWebhooks, signTerra } from 'firma-receiver'
import {
  ATTEMPT_TIMEOUT_MS_MAX,
  type AttemptOutcome,
  judgeAttempt,
  parseRetryAfter,
} from '../core/delivery.ts'
import { DELIVERY_RETRIES, type RetrySchedule } from '../core/retry.ts'
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, LogDep, RandomDep, TimerDep } from '../deps.ts'
import { type Loop, startLoop } from '../loop.ts'
import type { ClaimedDelivery } from '../store/deliveries.ts'
import type { Destination } from '../store/destinations.ts'
import type { StoreDep } from '../store/open.ts'
import type { SendResult, Sender } from './send.ts'

/** Deliveries that one process has under way at most. */
export const DELIVERIES_IN_FLIGHT_MAX = 64
/** Of these, to one destination: a slow one cannot take every place. */
export const DELIVERIES_PER_DESTINATION_MAX = 8
/** How long a lease outlives the longest attempt that a destination may ask for. */
const LEASE_MARGIN_MS = 5 * SECOND_MS
export interface DeliveryDeps extends ClockDep, TimerDep, RandomDep, IdsDep, LogDep, StoreDep {
  readonly sender: Sender
}

export interface DeliveryWorker {
  wake(): void
  /** Resolves when nothing is under way and nothing is due. */
  idle(): Promise<void>
  /** Claims no more, and finishes what is under way. */
  stop(): Promise<void>
}

/** @param schedule When failed attempts are repeated; Terra's by default. */
export function startDeliveryWorker(
  deps: DeliveryDeps,
  schedule: RetrySchedule = DELIVERY_RETRIES,
): DeliveryWorker {
  const inFlight = new Map<number, { destinationId: string; done: Promise<void> }>()
  const busyWith = (destinationId: string): number =>
    [...inFlight.values()].filter((sent) => sent.destinationId === destinationId).length

  const loop: Loop = startLoop(deps, 'delivery', async () => {
    const nowMs = deps.clock.nowMs()
    const free = DELIVERIES_IN_FLIGHT_MAX - inFlight.size
    const claimId = deps.ids.claim()
    const claimed = free === 0 ? [] : await claim(claimId, nowMs, free)
    const surplus: number[] = []
    for (const delivery of claimed) {
      if (busyWith(delivery.destinationId) >= DELIVERIES_PER_DESTINATION_MAX) {
        surplus.push(delivery.id)
        continue
      }
      const done = deliver(deps, schedule, delivery)
        .catch((error: unknown) => {
          // Not settled: the lease ends and it is sent again.
          deps.log.error({ delivery: delivery.id, error }, 'a delivery could not be carried out')
        })
        .finally(() => {
          inFlight.delete(delivery.id)
          loop.wake()
        })
      inFlight.set(delivery.id, { destinationId: delivery.destinationId, done })
    }
    if (surplus.length > 0) {
      await deps.store.deliveries.release(surplus, claimId)
      // One destination had taken the places: what is due to others is behind it, and it is full now.
      loop.wake()
    }
    return await nextTurnAtMs(deps, nowMs)
  })

  const claim = async (id: string, nowMs: number, limit: number): Promise<ClaimedDelivery[]> => {
    const destinations = [...new Set([...inFlight.values()].map((sent) => sent.destinationId))]
    return await deps.store.deliveries.claimDue({
      id,
      nowMs,
      untilMs: nowMs + ATTEMPT_TIMEOUT_MS_MAX + LEASE_MARGIN_MS,
      limit,
      except: destinations.filter((id) => busyWith(id) >= DELIVERIES_PER_DESTINATION_MAX),
    })
  }

  const settleAll = async (): Promise<void> => {
    while (inFlight.size > 0) await Promise.all([...inFlight.values()].map((sent) => sent.done))
  }

  return {
    wake: () => loop.wake(),
    idle: async () => {
      do {
        await loop.idle()
        await settleAll()
        await loop.idle()
      } while (inFlight.size > 0)
    },
    stop: async () => {
      await loop.stop()
      await settleAll()
    },
  }
}

async function nextTurnAtMs(deps: StoreDep, nowMs: number): Promise<number | undefined> {
  const dueAtMs = await deps.store.deliveries.nextDueAtMs(nowMs)
  const claimEndMs = await deps.store.deliveries.nextClaimEndMs(nowMs)
  if (dueAtMs === undefined) return claimEndMs
  return claimEndMs === undefined ? dueAtMs : Math.min(dueAtMs, claimEndMs)
}

async function deliver(
  deps: DeliveryDeps,
  schedule: RetrySchedule,
  delivery: ClaimedDelivery,
): Promise<void> {
  const destination = await deps.store.destinations.find(delivery.destinationId)
  if (destination === undefined || destination.status === 'disabled') {
    await putAside(deps, delivery)
    return
  }
  const startedAtMs = deps.clock.nowMs()
  const result = await deps.sender.send({
    url: destination.url,
    headers: await toHeaders(destination, delivery, startedAtMs),
    body: delivery.event.body,
    timeoutMs: Math.min(destination.timeoutMs, ATTEMPT_TIMEOUT_MS_MAX),
  })
  await settle(deps, schedule, { delivery, destination, startedAtMs, result })
}

/** A delivery to a disabled destination waits for it; if it has been enabled meanwhile, it is due again. */
async function putAside(deps: DeliveryDeps, delivery: ClaimedDelivery): Promise<void> {
  const { attempts, tryingSinceMs, destinationId } = delivery
  const nowMs = deps.clock.nowMs()
  await deps.store.transaction(async (tx) => {
    // Read again: enabling lets go of what is held, and would not find what is held only after it.
    const isEnabled = await tx.destinations.isEnabledForShare(destinationId)
    const status = isEnabled ? 'pending' : 'held'
    const to = { status, attempts, tryingSinceMs, dueAtMs: nowMs, atMs: nowMs } as const
    await tx.deliveries.settle(delivery, to)
  })
}

/** Signed anew at each attempt: the signature carries the time of the attempt. */
async function toHeaders(
  destination: Destination,
  { event }: ClaimedDelivery,
  nowMs: number,
): Promise<Record<string, string>> {
  const timestampSeconds = Math.floor(nowMs / 1_000)
  const { body, id } = event
  const secret = destination.secret.reveal()
  const signature = await signTerra({ secret, timestampSeconds, body })
  return {
    'content-type': 'application/json',
    'user-agent': 'Firma/0.1',
    'x-terra-signature': signature,
    'terra-signature': signature,
    'terra-reference': id,
    'x-terra-trace-id': id,
    'x-terra-ordering-timestamp': String(event.orderingMs),
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': await signStandardWebhooks({ secret, id, timestampSeconds, body }),
  }
}

async function settle(
  deps: DeliveryDeps,
  schedule: RetrySchedule,
  sent: {
    delivery: ClaimedDelivery
    destination: Destination
    startedAtMs: number
    result: SendResult
  },
): Promise<void> {
  const { delivery, destination, startedAtMs, result } = sent
  const nowMs = deps.clock.nowMs()
  const attempts = delivery.attempts + 1
  // Not since the event was made: one that waited behind another for days has not been tried for days.
  const tryingSinceMs = delivery.tryingSinceMs ?? startedAtMs
  const verdict = judgeAttempt(toOutcome(result, nowMs), schedule, {
    attempts,
    sinceMs: tryingSinceMs,
    nowMs,
    fraction: deps.random.fraction(),
  })
  await deps.store.transaction(async (tx) => {
    const isOurs = await tx.deliveries.settle(delivery, {
      status: STATUS_AFTER[verdict.type],
      attempts,
      tryingSinceMs,
      dueAtMs: verdict.type === 'retry' ? verdict.dueAtMs : nowMs,
      atMs: nowMs,
    })
    // Our lease ended and somebody else has it: that attempt will be recorded, this one was extra.
    if (!isOurs) return
    await tx.deliveries.addAttempt({
      id: deps.ids.ordered(),
      deliveryId: delivery.id,
      number: attempts,
      startedAtMs,
      durationMs: nowMs - startedAtMs,
      httpStatus: result.type === 'answered' ? result.httpStatus : null,
      error: result.type === 'answered' ? null : result.error,
      responseBody: result.type === 'answered' ? result.body : null,
    })
    if (verdict.type !== 'gone') return
    await tx.destinations.disable(destination.id, 'the destination answered 410 Gone')
    await tx.deliveries.hold(destination.id)
  })
  if (verdict.type === 'gone' || verdict.type === 'failed') {
    const subject = { destination: destination.id, event: delivery.eventId, attempts }
    deps.log.warn(subject, verdict.type === 'gone' ? 'destination disabled' : 'delivery given up')
  }
}

const STATUS_AFTER = {
  delivered: 'delivered',
  retry: 'pending',
  failed: 'failed',
  gone: 'held',
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
