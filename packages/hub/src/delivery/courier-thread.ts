/** A thread of `courier-threads.ts`: signs and sends what it is given, and tells what came of it. */
import { setImmediate } from 'node:timers'
import { parentPort, workerData } from 'node:worker_threads'
import { assert } from '../errors.ts'
import { type Letter, createCourier } from './courier.ts'
import type { FromThread, LetterBatch, ThreadData, ToThread } from './courier-threads.ts'
import { createSender, type SendResult } from './send.ts'
import { createUrlGuard } from './url-guard.ts'

assert(parentPort !== null, 'this file is run as a thread')
const port = parentPort
const { allowedRanges } = workerData as ThreadData
const courier = createCourier(createSender(createUrlGuard(allowedRanges)))

let results: [number, SendResult | string][] = []

function tell(): void {
  port.postMessage(results satisfies FromThread)
  results = []
}

function deliver({ addressees, letters }: LetterBatch): void {
  for (const [number, index, id, body, orderingMs, nowMs, isReplay] of letters) {
    const addressee = addressees[index]
    assert(addressee !== undefined, 'a batch has the addressees of its letters')
    const letter: Letter = { addressee, event: { id, body, orderingMs }, nowMs, isReplay }
    courier.deliver(letter).then(
      (result) => answer(number, result),
      // A bug, which must not take the others with it.
      (error: unknown) => answer(number, String(error)),
    )
  }
}

function answer(number: number, result: SendResult | string): void {
  results.push([number, result])
  // Answers that come together are told together.
  if (results.length === 1) setImmediate(tell)
}

// It has been loaded: whoever has started it knows by this that it can send.
tell()
port.on('message', (message: ToThread) => {
  if (message !== 'close') return deliver(message)
  // What is cut off is told before the port closes.
  void courier.close().then(() => setImmediate(() => port.close()))
})
