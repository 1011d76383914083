/** A provider says something by itself: access revoked, permissions changed. */
import type { Signal } from '../core/connection.ts'
import { type GrantCheck, checkGrant } from '../oauth/check.ts'
import { type NoticeReading, type ProviderNotice, readNotice } from '../oauth/notice.ts'
import { type GrantCall, readScopes } from '../oauth/read-grant.ts'
import type { TokenSet } from '../oauth/types.ts'
import { digest, isSameDigest } from '../secret.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import { applySignal } from './apply-signal.ts'
import { type ProviderAccess, findProviderAccess } from './provider-access.ts'
import { getFreshTokens } from './refresh-tokens.ts'
import { type RefreshDeps, parseTokenSet } from './stored-tokens.ts'

type NoticeDeps = RefreshDeps

/** Connections of one account that one notice can reach. */
const CONNECTIONS_OF_ACCOUNT_MAX = 100

/** Makes the provider send the notice again: it could not be confirmed now. */
const ASK_AGAIN_STATUS = 503

export interface NoticeRequest {
  readonly environmentId: string
  readonly provider: string
  /** The secret last segment of the address. */
  readonly key: string
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: Uint8Array
}

/** What to answer the provider. */
export interface NoticeReply {
  readonly status: number
  readonly body?: string
}

/**
 * Authenticates a notice as its provider does it and applies it to every connection of the account.
 * Before anything destructive the provider itself is asked: an unsigned notice alone changes nothing,
 * and an echo of our own revocation never ends a connection that was made since.
 */
export async function receiveNotice(
  deps: NoticeDeps,
  request: NoticeRequest,
): Promise<NoticeReply> {
  const environment = await deps.store.environments.find(request.environmentId)
  const access = await findProviderAccess(deps, request.environmentId, request.provider)
  if (
    environment === undefined ||
    access === undefined ||
    !isSameDigest(digest(request.key), access.app.noticeKeyHash)
  ) {
    return { status: 404 }
  }
  const reading: NoticeReading = readNotice({
    provider: access.provider,
    credentials: access.credentials,
    method: request.method,
    url: request.url,
    headers: request.headers,
    body: request.body,
    noticeKey: request.key,
    nowMs: deps.clock.nowMs(),
  })
  switch (reading.type) {
    case 'handshake':
      return reading.body === undefined
        ? { status: reading.status }
        : { status: reading.status, body: reading.body }
    case 'rejected':
      deps.log.warn({ provider: request.provider, reason: reading.reason }, 'notice refused')
      return { status: reading.status }
    case 'notices': {
      const context = { environment, access, isAuthenticated: reading.isAuthenticated }
      let isSettled = true
      for (const notice of withoutRepetitions(reading.notices)) {
        isSettled = (await applyNotice(deps, context, notice)) && isSettled
      }
      return { status: isSettled ? reading.replyStatus : ASK_AGAIN_STATUS }
    }
  }
}

/** Each costs a question to the provider, so one that is named a thousand times is asked about once. */
function withoutRepetitions(notices: readonly ProviderNotice[]): ProviderNotice[] {
  return [...new Map(notices.map((notice) => [JSON.stringify(notice), notice])).values()]
}

interface NoticeContext {
  readonly environment: Environment
  readonly access: ProviderAccess
  readonly isAuthenticated: boolean
}

/** @returns False when it could not be confirmed now: the same notice may be right later. */
async function applyNotice(
  deps: NoticeDeps,
  context: NoticeContext,
  notice: ProviderNotice,
): Promise<boolean> {
  if (notice.type === 'ignored') return true
  const { environment, access } = context
  const account = {
    provider: access.provider.resource,
    providerAccountId: notice.providerAccountId,
  }
  const connections = await deps.store.connections.listByAccount(
    environment.id,
    account,
    CONNECTIONS_OF_ACCOUNT_MAX,
  )
  let isSettled = true
  for (const connection of connections) {
    if (connection.state.status !== 'active') continue
    const signal = await toSignal(deps, context, connection, notice)
    if (signal === 'unconfirmed') isSettled = false
    else if (signal !== 'unfounded') await applySignal(deps, environment, connection, signal)
  }
  return isSettled
}

/** What a notice means for one connection, as far as it can be believed. */
async function toSignal(
  deps: NoticeDeps,
  context: NoticeContext,
  connection: Connection,
  notice: Exclude<ProviderNotice, { type: 'ignored' }>,
): Promise<Signal | 'unfounded' | 'unconfirmed'> {
  const { provider } = context.access
  switch (notice.type) {
    case 'access_revoked': {
      const answer = await askForGrant(deps, context, connection)
      const atMs = deps.clock.nowMs()
      // No answer: believe a signature, and nothing less.
      if (answer === 'gone' || (answer === 'unknown' && context.isAuthenticated)) {
        return { type: 'access_revoked', atMs }
      }
      const canAsk = provider.liveness.kind !== 'unsupported'
      return answer === 'unknown' && canAsk ? 'unconfirmed' : 'unfounded'
    }
    case 'scopes_changed': {
      const canAsk = provider.scopes.granted.from === 'request'
      if (!context.isAuthenticated && !canAsk) return 'unfounded'
      const scopes = context.isAuthenticated
        ? notice.scopes
        : await askForScopes(deps, context, connection)
      if (scopes === undefined) return 'unconfirmed'
      return { type: 'scopes_changed', atMs: deps.clock.nowMs(), scopes }
    }
  }
}

/** Asks the provider whether the grant is really gone. */
async function askForGrant(
  deps: NoticeDeps,
  context: NoticeContext,
  connection: Connection,
): Promise<GrantCheck> {
  const found = await findTokens(deps, context, connection)
  if (found === 'grant_rejected') return 'gone'
  if (found === undefined) return 'unknown'
  return await checkGrant(deps, toCall(context, connection, found))
}

/** Asks the provider which scopes are really in force; undefined without an answer. */
async function askForScopes(
  deps: NoticeDeps,
  context: NoticeContext,
  connection: Connection,
): Promise<string[] | undefined> {
  const found = await findTokens(deps, context, connection)
  if (found === undefined || found === 'grant_rejected') return undefined
  return await readScopes(deps, toCall(context, connection, found))
}

function toCall({ access }: NoticeContext, { state }: Connection, tokenSet: TokenSet): GrantCall {
  const { provider, credentials } = access
  return { provider, credentials, tokenSet, providerAccountId: state.providerAccountId }
}

/** Tokens to ask with: fresh ones, else those that are stored. */
async function findTokens(
  deps: NoticeDeps,
  { access }: NoticeContext,
  connection: Connection,
): Promise<TokenSet | 'grant_rejected' | undefined> {
  const fresh = await getFreshTokens(deps, connection, access)
  switch (fresh.type) {
    case 'fresh':
      return fresh.tokenSet
    case 'grant_rejected':
      return 'grant_rejected'
    case 'unavailable': {
      const { environmentId, lineageId } = connection
      const stored = await deps.store.tokenSets.find(environmentId, lineageId)
      return stored && parseTokenSet(stored.json)
    }
  }
}
