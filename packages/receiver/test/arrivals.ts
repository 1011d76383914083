/** Histories as they arrive, with accidents between, and what a receiver must answer after them. */
import * as fc from 'fast-check'
import { expect } from 'vitest'
import type { Receiver } from '../src/receiver-api.ts'
import { memoryStore } from '../src/stores/memory.ts'
import { arbitraryDeliveries, type TestDelivery } from './histories.ts'
import { open, secrets } from './open-receiver.ts'
import { sign, type Sent } from './send.ts'

/** Of all histories. */
export const USER_IDS = ['u1', 'u2', 'u3', 'u4', 'u5', 'u6']
/** What happens to a batch of deliveries that arrive at once. */
export interface Batch {
  deliveries: TestDelivery[]
  /** `rollback`: the commit fails, and all are sent again; `restart`: the process ends after it and a new one opens the store. */
  accident: 'none' | 'rollback' | 'restart'
}

/** A history, and how it arrives. */
export const arbitraryArrival = arbitraryDeliveries().chain((history) =>
  fc.record({
    history: fc.constant(history),
    batches: fc
      .record({
        // Every event at least once, any of them again, in any order.
        all: fc.shuffledSubarray(history, { minLength: history.length }),
        again: fc.shuffledSubarray(history),
        mix: fc.boolean(),
        cuts: fc.array(fc.nat(history.length * 2), { maxLength: 6 }),
        accidents: fc.array(fc.constantFrom('none', 'rollback', 'restart'), {
          minLength: 7,
          maxLength: 7,
        }),
      })
      .map(({ all, again, mix, cuts, accidents }): Batch[] => {
        const arrived = mix ? [...again, ...all] : [...all, ...again]
        const ends = [0, ...cuts.toSorted((a, b) => a - b), arrived.length]
        return ends.slice(1).map((end, i) => ({
          deliveries: arrived.slice(ends[i], end),
          accident:
            accidents[i] === 'rollback' || accidents[i] === 'restart' ? accidents[i] : 'none',
        }))
      }),
  }),
)

/** Signs a delivery. */
export async function signDelivery({ body, ...rest }: TestDelivery): Promise<Sent> {
  const { orderingMs, environment, traceId } = rest
  const headers = {
    'X-Terra-Trace-Id': traceId,
    'X-Terra-Ordering-Timestamp': String(orderingMs ?? ''),
  }
  return sign(body, headers, environment)
}

/** Delivers it to a receiver of this process. */
export async function deliver(receiver: Receiver, delivery: TestDelivery): Promise<void> {
  await receiver.receive(await signDelivery(delivery))
}

/** Everything that can be asked. */
export async function ask(receiver: Receiver): Promise<unknown> {
  const answers: unknown[] = []
  for (const { environment } of secrets) {
    for (const userId of USER_IDS) {
      const connection = await receiver.resolve(userId, { environment })
      answers.push(connection)
      if (connection === undefined) continue
      const { lineageId } = connection
      expect(await receiver.findLineage(lineageId, { environment })).toEqual(connection)
      expect(await receiver.findLineage(`lin_${userId}`, { environment })).toEqual(connection)
    }
  }
  for (const referenceId of ['tony', 'pepper']) {
    const all = await receiver.findByReferenceId(referenceId)
    for (const provider of ['GARMIN', 'FITBIT']) {
      const some = await receiver.findByReferenceId(referenceId, { provider })
      expect(some).toEqual(all.filter((connection) => connection.provider === provider))
    }
    answers.push(all)
  }
  return answers
}

/** What a receiver answers that saw the history once and in order. */
export async function expected(history: readonly TestDelivery[]): Promise<unknown> {
  const receiver = open(memoryStore())
  for (const delivery of history) await deliver(receiver, delivery)
  return ask(receiver)
}
