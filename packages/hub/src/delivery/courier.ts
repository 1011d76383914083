/** Signs an event for a destination, and sends it. */
import { ATTEMPT_TIMEOUT_MS_MAX } from '../core/delivery.ts'
import { type SignedEvent, type Signing, toSignedHeaders, toSigning } from '../event-headers.ts'
import type { Destination } from '../store/destinations.ts'
import type { SendResult, Sender } from './send.ts'

/** Where a letter goes: what sending needs of a destination, opened, so that it can go to another thread. */
export interface Addressee {
  readonly url: string
  readonly timeoutMs: number
  readonly signing: Signing
}

/** An event on its way to a destination. */
export interface Letter {
  readonly addressee: Addressee
  readonly event: SignedEvent
  /** When this attempt is made: the signatures carry it. */
  readonly nowMs: number
  /** Whether it was sent before and is sent again because somebody asked for it. */
  readonly isReplay: boolean
}

export interface Courier {
  deliver(letter: Letter): Promise<SendResult>
  /** Cuts off what is still under way. */
  close(): Promise<void>
}

/** A courier in this thread. */
export function createCourier(sender: Sender): Courier {
  return {
    deliver: async ({ addressee, event, nowMs, isReplay }) =>
      await sender.send({
        url: addressee.url,
        headers: await toSignedHeaders(event, addressee.signing, { nowMs, isReplay }),
        body: event.body,
        timeoutMs: addressee.timeoutMs,
      }),
    close: async () => await sender.close(),
  }
}

/** A destination is read anew when it changes, so each is opened once. */
const addressees = new WeakMap<Destination, Addressee>()

export function toAddressee(destination: Destination): Addressee {
  const known = addressees.get(destination)
  if (known !== undefined) return known
  const addressee = {
    url: destination.url,
    timeoutMs: Math.min(destination.timeoutMs, ATTEMPT_TIMEOUT_MS_MAX),
    signing: toSigning(destination),
  }
  addressees.set(destination, addressee)
  return addressee
}
