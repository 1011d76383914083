/** What the processes of the bench say to each other. */
import { once } from 'node:events'

export const PROVIDER = 'OURA'
export const DEV_ID = 'bench'

export type SimulatorAsked =
  | { readonly type: 'register'; readonly redirectUris: readonly string[] }
  | { readonly type: 'count' }

export interface SimulatorReady {
  readonly type: 'ready'
  readonly webhookUrl: string
  readonly originOverrides: Readonly<Record<string, string>>
}

/** An app as the provider has registered it. */
export interface App {
  readonly clientId: string
  readonly clientSecret: string
}

/** Since the process began. */
export interface Counts {
  readonly type: 'counts'
  readonly cpuUs: number
  /** That have reached the webhook. */
  readonly events: number
}

export type SimulatorTold = SimulatorReady | ({ readonly type: 'app' } & App) | Counts

export type ServerAsked =
  | { readonly type: 'app'; readonly app: App }
  /** Finish what is under way, then tell of processor time. */
  | { readonly type: 'count' }

export type ServerTold =
  | { readonly type: 'redirects'; readonly redirectUris: readonly string[] }
  | { readonly type: 'listening'; readonly url: string; readonly apiKey: string }
  /** `loopUs`: how long the event loop of its main thread was not idle. */
  | { readonly type: 'counts'; readonly cpuUs: number; readonly loopUs: number }

/** The next message of a process, which is of this type. */
export async function hear<T extends { readonly type: string }, Type extends T['type']>(
  from: NodeJS.EventEmitter,
  type: Type,
): Promise<Extract<T, { readonly type: Type }>> {
  const [told] = (await once(from, 'message')) as [T]
  if (told.type !== type) throw new Error(`expected "${type}", heard "${told.type}"`)
  return told as Extract<T, { readonly type: Type }>
}
