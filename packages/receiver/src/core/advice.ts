/** Says in plain words how a connection is doing, and what the person can do about it. */
import type { Connection } from './fold.ts'

/** What to do, for code. */
export type AdviceCode =
  /** Nothing. */
  | 'nothing'
  /** Offer to reconnect if it lasts; it can recover by itself. */
  | 'reconnect_if_it_lasts'
  /** Offer to connect again, and say why. */
  | 'connect_again'
  /** Wait for the first event that says how it is. */
  | 'wait'
  /** Somebody who knows the person decides which connection it replaced. */
  | 'decide_which'

/** A state, and what to do about it. */
export interface Advice {
  /** Machine code. */
  code: AdviceCode
  /** Why it is in this state: one sentence. */
  why: string
  /** What the person, or the app for them, should do: one sentence. */
  todo: string
}

/** Explains a connection. */
export function toAdvice(connection: Connection): Advice {
  const { status, ambiguousWith } = connection
  const provider = connection.provider ?? 'the provider'
  if (ambiguousWith !== undefined && status === 'active') {
    return {
      code: 'decide_which',
      why: `It replaced an older connection to ${provider}, and the sender did not say which one.`,
      todo: 'Data arrives. Do not merge it with older data until somebody has said which connection it continues.',
    }
  }
  switch (status) {
    case 'active':
      return { code: 'nothing', why: toActiveReason(connection, provider), todo: 'Nothing.' }
    case 'degraded':
      return {
        code: 'reconnect_if_it_lasts',
        why: `${provider} refused a request for data; that can be a moment's trouble, or access was taken away.`,
        todo: 'Wait a day. If it stays like this, ask the person to connect again; delete nothing before.',
      }
    case 'revoked':
      return {
        code: 'connect_again',
        why:
          connection.decidedBy === 'seen_inactive'
            ? 'The API says that this connection is no longer active.'
            : `The person took access away in the settings of ${provider}.`,
        todo: 'If the person wants data again, they have to connect again.',
      }
    case 'disconnected':
      return {
        code: 'connect_again',
        why: 'It was disconnected through the app, the API or the connect page.',
        todo: 'If the person wants data again, they have to connect again.',
      }
    case 'unknown':
      return {
        code: 'wait',
        why: 'Events name this connection, but none has said how it is.',
        todo: 'Wait for the next event, or ask the API (reconcile).',
      }
  }
}

function toActiveReason({ decidedBy }: Connection, provider: string): string {
  if (decidedBy === 'user_reauth') return `The person connected ${provider} again.`
  if (decidedBy === 'seen_active') return 'The API lists this connection as active.'
  if (decidedBy === 'connection_recovered') {
    return `${provider} refused requests for a while and answers again.`
  }
  return `The person connected ${provider}.`
}

const EVENT_TEXTS: Readonly<Record<string, string>> = {
  auth: 'The person connected.',
  auth_cancelled: 'An attempt to connect failed or was given up.',
  deauth: 'The connection was disconnected.',
  user_reauth: 'The person connected again; the connection has a new user_id.',
  access_revoked: 'The person took access away at the provider.',
  connection_error: 'The provider refused a request for data.',
  connection_recovered: 'The provider answers again.',
  permission_change: 'The granted permissions changed.',
  google_no_datasource: 'The account has no source of data.',
}

/** Wire types that say something about connections. */
export const STATE_EVENT_TYPES: readonly string[] = Object.keys(EVENT_TEXTS)

/** One sentence about an event of a timeline. */
export function toEventText(type: string, isFailure: boolean): string {
  if (type === 'auth' && isFailure) return 'An attempt to connect failed.'
  return EVENT_TEXTS[type] ?? `An event of type ${type}.`
}
