/** Hands events to the app: one signed POST each. Whatever is not 2xx throws, and the receiver tries again later. */
import { createHash } from 'node:crypto'
import { type OnEvent, signStandardWebhooks, signTerra } from 'firma-receiver'
import type { Sender } from '../../delivery/send.ts'
import type { Log } from '../../deps.ts'
import { VERSION } from '../version.ts'
import type { ForwardConfig } from './config.ts'
import type { Metrics } from './metrics.ts'
import type { Slots } from './slots.ts'
import { toWireConnection } from './wire.ts'

export interface ForwardDeps {
  readonly sender: Sender
  readonly slots: Slots
  readonly metrics: Pick<Metrics, 'handled'>
  readonly log: Log
  /** Epoch milliseconds. */
  readonly clock: () => number
}

/** Calls until an event is set aside as dead: about a day and a half. */
export const ATTEMPTS_MAX = 15

/** @returns The receiver's handler. */
export function createForward(config: ForwardConfig, deps: ForwardDeps): OnEvent {
  const { slots, metrics, log, clock } = deps
  let isFailing = false
  return async (event, { connection, traceId, eventKey, environment, isReplay, attempt }) => {
    const body = JSON.stringify({
      event: event.body,
      connection: connection === undefined ? null : toWireConnection(connection),
      environment,
      trace_id: traceId ?? null,
      event_key: eventKey,
      attempt,
      is_replay: isReplay,
    })
    await slots.run(async () => {
      const startedAtMs = clock()
      const failure = await send(config, deps, { id: toMessageId(environment, eventKey), body })
      const result = toResult(failure, attempt)
      metrics.handled(result, Math.max(0, clock() - startedAtMs) / 1_000)
      // Once per change: an app that is down for an hour must not fill the log.
      if (failure !== undefined && !isFailing) log.warn({ failure }, 'the app takes no events')
      if (failure === undefined && isFailing) log.warn({}, 'the app takes events again')
      isFailing = failure !== undefined
      if (failure !== undefined) throw new ForwardError(failure)
    })
  }
}

function toResult(failure: string | undefined, attempt: number): 'done' | 'failed' | 'dead' {
  if (failure === undefined) return 'done'
  return attempt >= ATTEMPTS_MAX ? 'dead' : 'failed'
}

/** @returns Why it was not taken; `undefined` when it was. */
async function send(
  { url, secret, timeoutMs }: ForwardConfig,
  { sender, clock }: ForwardDeps,
  { id, body }: { id: string; body: string },
): Promise<string | undefined> {
  const timestampSeconds = Math.floor(clock() / 1_000)
  const signing = { secret: secret.reveal(), timestampSeconds, body }
  const headers = {
    'content-type': 'application/json',
    'user-agent': `firma-receive/${VERSION}`,
    'x-terra-signature': await signTerra(signing),
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': await signStandardWebhooks({ ...signing, id }),
  }
  const answer = await sender.send({ url, headers, body, timeoutMs })
  if (answer.type === 'unanswered') return `no answer from the app: ${answer.error}`
  const { httpStatus } = answer
  return httpStatus >= 200 && httpStatus < 300 ? undefined : `the app answered ${httpStatus}`
}

/** The same at every attempt; a digest, because a key may hold a full stop, which Standard Webhooks forbids. */
function toMessageId(environment: string, eventKey: string): string {
  const named = JSON.stringify([environment, eventKey])
  return `msg_${createHash('sha256').update(named).digest('hex').slice(0, 40)}`
}

/** The app did not take an event. Kept with the event, so it names no secret. */
class ForwardError extends Error {
  override readonly name = 'ForwardError'
}
