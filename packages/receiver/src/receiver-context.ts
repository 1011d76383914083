import type { ChangeFeed } from './changes.ts'
import type { ReceiveInput, ReceiveOutcome } from './receiver-api.ts'
import type { HandlerState, ReceiverStore } from './store.ts'

/** What the parts of a receiver share. */
export interface ReceiverContext {
  /** Where everything is kept. */
  store: ReceiverStore
  /** Our time in epoch milliseconds. */
  clock: () => number
  /** The environment of questions that name none; `undefined` with several. */
  environment: string | undefined
  /** State of an event that the app is to be told about. */
  toldState: HandlerState
  /** Who is told about changes. */
  feed: ChangeFeed
  /** Takes an event in, as from a request. */
  receive(input: ReceiveInput): Promise<ReceiveOutcome>
  /** Hands over what was parked for users that have just become known. */
  handOver(environment: string, userIds: readonly string[]): Promise<void>
}
