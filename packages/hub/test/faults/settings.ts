/** What a hub process and those who start it have to agree on. */
import type { RefreshTimes } from '../../src/operations/stored-tokens.ts'

export interface HubProcessSettings {
  /** Where people and providers reach the hub: what stands before all of its processes. */
  readonly baseUrl: string
  readonly sqlitePath?: string
  readonly postgresUrl?: string
  /** See `REFRESH_TIMES`. */
  readonly refreshTimes?: Partial<RefreshTimes>
  /** Threads that send; none by default, whatever the machine has. */
  readonly senderThreads?: number
}

/** Encrypts nothing worth hiding. */
export const TEST_KEYS = {
  primaryId: 'test',
  keys: new Map([['test', new Uint8Array(32).fill(7)]]),
}

/** What a process tells whoever has started it. */
export type ProcessNews =
  | 'loaded'
  | { readonly url: string }
  /** Random bytes, in hexadecimal: none of the secret ones may be found anywhere. */
  | { readonly drawn: string }
  | { readonly line: string }
