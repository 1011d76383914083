import { createReceiver } from '../src/receiver.ts'
import type { Receiver } from '../src/receiver-api.ts'
import type { ReceiverStore } from '../src/store.ts'
import { NOW_MS } from './send.ts'

/** Of the two environments of all histories. */
export const secrets = ['live', 'testing'].map((environment) => ({
  secret: environment,
  environment,
}))

/** A receiver for these histories. */
export const open = (store: ReceiverStore): Receiver =>
  createReceiver({ secrets, store, clock: () => NOW_MS, onError: () => undefined })
