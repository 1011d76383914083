/** Why a connection is in its state, in words that the receiver uses too. Pure. */
import type { ConnectionState, Degradation, Disconnection } from './connection.ts'

/** What to do, for code; the same codes as the receiver's. */
export type AdviceCode = 'nothing' | 'reconnect_if_it_lasts' | 'connect_again' | 'confirm' | 'wait'

export interface Explanation {
  readonly status: 'reserved' | 'unconfirmed' | 'active' | 'degraded' | 'revoked' | 'disconnected'
  readonly code: AdviceCode
  /** Why it is in this state: one sentence. */
  readonly why: string
  /** What the person, or the app for them, should do: one sentence. */
  readonly todo: string
}

/** A grant is called rejected after so many verdicts; with fewer, its token has ended by itself. */
const REFUSALS = 2
const CONNECT_AGAIN = 'If the person wants data again, they have to connect again.'

/** What is known of refreshing. */
interface RefreshHistory {
  readonly lastFailure: string | null
  /** How often the provider has called the grant dead since the last refresh that succeeded. */
  readonly rejections: number
}

/** @param provider As people know it. */
export function explainState(
  state: Exclude<ConnectionState, { status: 'absent' }>,
  provider: string,
  refreshes: RefreshHistory | null,
): Explanation {
  switch (state.status) {
    case 'active':
      if (state.degradedBy !== null) return explainDegraded(state.degradedBy, provider, refreshes)
      return {
        status: 'active',
        code: 'nothing',
        why:
          (refreshes?.lastFailure ?? null) === null
            ? `The person connected ${provider}.`
            : `The person connected ${provider}; the last refresh failed, which says nothing about the access yet.`,
        todo: 'Nothing.',
      }
    case 'inactive':
      return {
        status: 'revoked',
        code: 'connect_again',
        why: `The person took access away in the settings of ${provider}.`,
        todo: CONNECT_AGAIN,
      }
    case 'deleted':
      return {
        status: 'disconnected',
        code: 'connect_again',
        why: explainEnd(state.endedBy, provider),
        todo: CONNECT_AGAIN,
      }
  }
}

function explainEnd(by: Disconnection, provider: string): string {
  switch (by) {
    case 'disconnect':
      return 'It was disconnected through the app, the API or the connect page.'
    case 'account_moved':
      return `Another end user connected the same account at ${provider}, and the environment gives it to whoever connected last.`
    case 'absorbed':
      return 'Another connection of the person, which moved here from an earlier provider, goes on in its place.'
  }
}

export function explainReserved(provider: string): Explanation {
  return {
    status: 'reserved',
    code: 'wait',
    why: `A link to ${provider} was made for this user_id, and nobody has finished it yet.`,
    todo: 'Wait until the person has connected, or the link has run out.',
  }
}

export function explainUnconfirmed(provider: string): Explanation {
  return {
    status: 'unconfirmed',
    code: 'confirm',
    why: `Somebody has logged in at ${provider} and come back, and the app has not confirmed who it was.`,
    todo: 'The app confirms it with the confirm_code of the address, within five minutes; after that the access is given back.',
  }
}

function explainDegraded(
  by: Degradation,
  provider: string,
  refreshes: RefreshHistory | null,
): Explanation {
  if (by === 'grant_rejected' && (refreshes?.rejections ?? REFUSALS) < REFUSALS) {
    return {
      status: 'degraded',
      code: 'connect_again',
      why: `The access that ${provider} gave has ended, and there is nothing to renew it with.`,
      todo: 'Ask the person to connect again.',
    }
  }
  if (by === 'grant_rejected') {
    return {
      status: 'degraded',
      code: 'connect_again',
      why: `${provider} has refused twice, minutes apart, to renew the access: it has ended, or was taken away.`,
      todo: 'Ask the person to connect again. The hub goes on asking once a day for two weeks, in case the provider is wrong.',
    }
  }
  return {
    status: 'degraded',
    code: 'reconnect_if_it_lasts',
    why: `${provider} refused a request for data (HTTP ${by.slice('http_'.length)}); that can be a moment's trouble, or access was taken away.`,
    todo: 'Wait a day. If it stays like this, ask the person to connect again; delete nothing before.',
  }
}
