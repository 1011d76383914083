/** The headers that an event travels with, pushed or pulled. */
import { signStandardWebhooks, signTerra } from 'firma-receiver'
import type { StoredEvent } from './store/events.ts'

/**
 * Signed anew each time: the signatures carry the time.
 *
 * @param secrets Every one that is live: while one is being replaced there is a signature by each.
 */
export async function toEventHeaders(
  { id, body, orderingMs }: Pick<StoredEvent, 'id' | 'body' | 'orderingMs'>,
  secrets: readonly string[],
  nowMs: number,
): Promise<Record<string, string>> {
  const timestampSeconds = Math.floor(nowMs / 1_000)
  const signature = await signTerra({ secret: secrets, timestampSeconds, body })
  const signing = { secret: secrets, id, timestampSeconds, body }
  return {
    'content-type': 'application/json',
    'user-agent': 'Firma/0.1',
    'x-terra-signature': signature,
    'terra-signature': signature,
    'terra-reference': id,
    'x-terra-trace-id': id,
    'x-terra-ordering-timestamp': String(orderingMs),
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': await signStandardWebhooks(signing),
  }
}
