/** Why a connection is in its state, in words that the receiver uses too. Pure. */
import type { ConnectionState, Degradation, Disconnection } from './connection.ts'
import { toTimestamp } from './time.ts'

/** What to do, for code; the receiver has the same, as far as it can know them. */
export type AdviceCode =
  | 'nothing'
  | 'reconnect_if_it_lasts'
  | 'connect_again'
  | 'grant_permissions'
  | 'confirm'
  | 'wait'
  | 'correct_credentials'

export interface Explanation {
  readonly status: 'reserved' | 'unconfirmed' | 'active' | 'degraded' | 'revoked' | 'disconnected'
  readonly code: AdviceCode
  /** Why it is in this state: one sentence. */
  readonly why: string
  /** What the person, or the app for them, should do: one sentence. */
  readonly todo: string
}

/** What is known beside the state. */
export interface Circumstances {
  /** The provider as people know it. */
  readonly provider: string
  readonly nowMs: number
  /** Null where the connection has no tokens. */
  readonly refreshes: RefreshHistory | null
  readonly permissions: Permissions
  /** Until when the provider wants no calls; null while it takes them. */
  readonly limitedUntilMs: number | null
  /** When the connection ends by itself, where that has been announced. */
  readonly endsAtMs: number | null
  /** How the person goes to the provider that takes the place of this one; null where nobody has begun it. */
  readonly move: Move | null
}

/** What is known of refreshing. */
export interface RefreshHistory {
  readonly lastFailure: string | null
  /** How often the provider has called the grant dead since the last refresh that succeeded. */
  readonly rejections: number
  /** The provider has refused the credentials of the app, not the grant. */
  readonly isOurFault: boolean
  /** When the access token ends; null where it does not, or nobody knows. */
  readonly expiresAtMs: number | null
  readonly retryAtMs: number | null
}

/** What the person lets the app have. */
export interface Permissions {
  /** What was asked for and is not granted, in the provider's words. */
  readonly missing: readonly string[]
  /** Nothing is granted, or something without which the connection is useless is not. */
  readonly areTooFew: boolean
  /** People switch them at the provider, at any time; elsewhere they choose when they connect. */
  readonly areSwitchedThere: boolean
}

export interface Move {
  /** As people know it. */
  readonly to: string
  /** Whether the hub turns the tokens into new ones, and will try. */
  readonly isByItself: boolean
}

/** A grant is called rejected after so many verdicts; with fewer, its token has ended by itself. */
const REFUSALS = 2

export function explainState(
  state: Exclude<ConnectionState, { status: 'absent' }>,
  known: Circumstances,
): Explanation {
  const { provider } = known
  switch (state.status) {
    case 'active':
      return state.degradedBy === null
        ? { status: 'active', ...explainActive(known) }
        : { status: 'degraded', ...explainDegraded(state.degradedBy, known) }
    case 'inactive':
      return {
        status: 'revoked',
        code: 'connect_again',
        why: `The person took access away in the settings of ${provider}.`,
        todo: `If the person wants data again, they have to ${again(known)}.`,
      }
    case 'deleted':
      return { status: 'disconnected', ...explainEnd(state.endedBy, known) }
  }
}

type Advice = Omit<Explanation, 'status'>

/** How the person connects again: where the provider ends, at the one that takes its place. */
function again({ move }: Circumstances): string {
  return move === null || move.isByItself
    ? 'connect again'
    : `connect ${move.to} in its place, by their link of the move`
}

function explainEnd(by: Disconnection, known: Circumstances): Advice {
  switch (by) {
    case 'disconnect':
      return {
        code: 'connect_again',
        why: 'It was disconnected through the app, the API or the connect page.',
        todo: 'If the person wants data again, they have to connect again.',
      }
    case 'account_moved':
      return {
        code: 'connect_again',
        why: `Another end user connected the same account at ${known.provider}, and the environment gives it to whoever connected last.`,
        todo: 'If the person wants data again, they have to connect again, with an account that is theirs alone.',
      }
    case 'absorbed':
      return {
        code: 'nothing',
        why: 'Another connection of the person, which moved here from an earlier provider, goes on in its place.',
        todo: 'Nothing; look at the connection that goes on.',
      }
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

/** What stands in the way first. */
function explainActive(known: Circumstances): Advice {
  const { provider, permissions, endsAtMs, limitedUntilMs, move } = known
  if (permissions.areTooFew) return explainPermissions(known)
  const trouble = explainRefreshes(known)
  if (trouble !== null) return trouble
  if (endsAtMs !== null) {
    return {
      code: 'connect_again',
      why: `${provider} gives access for a limited time, and this one ends at ${toTimestamp(endsAtMs)}.`,
      todo: `Ask the person to ${again(known)} before that; then nothing is interrupted.`,
    }
  }
  if (limitedUntilMs !== null) {
    return {
      code: 'wait',
      why: `The person connected ${provider}, which takes no calls until ${toTimestamp(limitedUntilMs)}: it was asked too often, or says that it needs a pause.`,
      todo: 'Wait; the person has nothing to do.',
    }
  }
  if (move !== null) return explainMove(provider, move)
  if (permissions.missing.length > 0) return explainPartly(known)
  const { lastFailure } = known.refreshes ?? { lastFailure: null }
  return {
    code: 'nothing',
    why:
      lastFailure === null
        ? `The person connected ${provider}.`
        : `The person connected ${provider}; the last refresh failed (${lastFailure}), which says nothing about the access yet.`,
    todo: 'Nothing.',
  }
}

/** A refresh that failed, where more follows from it than the next try. */
function explainRefreshes({ provider, refreshes, nowMs }: Circumstances): Advice | null {
  if (refreshes === null || refreshes.lastFailure === null) return null
  const { lastFailure, rejections, isOurFault, expiresAtMs, retryAtMs } = refreshes
  const next = retryAtMs === null ? '' : `; the hub tries again at ${toTimestamp(retryAtMs)}`
  if (isOurFault) {
    return {
      code: 'correct_credentials',
      why: `${provider} refuses the credentials of the app, not the person (${lastFailure}).`,
      todo: `Correct client id and secret of ${provider}${next}; the person has nothing to do.`,
    }
  }
  if (rejections > 0) {
    return {
      code: 'wait',
      why: `${provider} has refused once to renew the access (${lastFailure}), which may be its mistake.`,
      todo: `Wait${next}, and announces it when the provider still refuses.`,
    }
  }
  if (expiresAtMs === null || nowMs < expiresAtMs) return null
  return {
    code: 'wait',
    why: `The access ended at ${toTimestamp(expiresAtMs)}, and ${provider} could not be asked for a new one (${lastFailure}).`,
    todo: `Wait${next}; the person has nothing to do.`,
  }
}

function explainMove(provider: string, { to, isByItself }: Move): Advice {
  return isByItself
    ? {
        code: 'nothing',
        why: `The person connected ${provider}, whose connections are moving to ${to}.`,
        todo: `Nothing; the hub turns the access into one of ${to}.`,
      }
    : {
        code: 'connect_again',
        why: `The person connected ${provider}, whose connections are moving to ${to}, where everybody has to consent again.`,
        todo: 'Send the person their link of the move; the connection goes on behind it.',
      }
}

function explainPermissions({ provider, permissions }: Circumstances): Advice {
  const { missing, areSwitchedThere } = permissions
  const what = missing.length === 0 ? '' : ` (${missing.join(', ')})`
  return {
    code: 'grant_permissions',
    why: `The person connected ${provider} and does not let the app have what it needs${what}: no data comes.`,
    todo: areSwitchedThere
      ? `Ask the person to switch the permissions on again in the settings of ${provider}, or to connect again and leave them on.`
      : 'Ask the person to connect again, and to leave every box ticked.',
  }
}

function explainPartly({ provider, permissions }: Circumstances): Advice {
  const { missing, areSwitchedThere } = permissions
  return {
    code: 'nothing',
    why: `The person connected ${provider}, without ${missing.join(', ')}.`,
    todo: `Nothing, unless the app needs that: then ask the person to ${
      areSwitchedThere
        ? `switch it on in the settings of ${provider}`
        : 'connect again and allow it'
    }.`,
  }
}

function explainDegraded(by: Degradation, known: Circumstances): Advice {
  const { provider, refreshes, permissions } = known
  if (by === 'grant_rejected' && (refreshes?.rejections ?? REFUSALS) < REFUSALS) {
    return {
      code: 'connect_again',
      why: `The access that ${provider} gave has ended, and there is nothing to renew it with.`,
      todo: `Ask the person to ${again(known)}.`,
    }
  }
  if (by === 'grant_rejected') {
    return {
      code: 'connect_again',
      why: `${provider} has refused twice, minutes apart, to renew the access: it has ended, or was taken away.`,
      todo: `Ask the person to ${again(known)}. The hub goes on asking once a day for two weeks, in case the provider is wrong.`,
    }
  }
  // What was refused is what the person has switched off.
  if (by === 'http_403' && permissions.areTooFew) return explainPermissions(known)
  return {
    code: 'reconnect_if_it_lasts',
    why: `${provider} refused a request for data (HTTP ${by.slice('http_'.length)}); that can be a moment's trouble, or access was taken away.`,
    todo: 'Wait a day. If it stays like this, ask the person to connect again; delete nothing before.',
  }
}
