/** A provider says something by itself: access revoked, permissions changed. */
import type { ClockDep, FetchDep, IdsDep, LogDep, WakeDep } from '../deps.ts'
import { checkGrant } from '../oauth/check.ts'
import { type NoticeReading, type ProviderNotice, readNotice } from '../oauth/notice.ts'
import { digest, isSameDigest } from '../secret.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import { applySignal } from './apply-signal.ts'
import { type ProviderAccess, findProviderAccess } from './provider-access.ts'
import { getFreshTokens, parseTokenSet } from './refresh-tokens.ts'

type NoticeDeps = ClockDep & IdsDep & FetchDep & LogDep & StoreDep & WakeDep

/** Connections of one account that one notice can reach. */
const CONNECTIONS_OF_ACCOUNT_MAX = 100

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
 * Before anything destructive the provider itself is asked: an unsigned notice alone disconnects nobody,
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
    handshakeCode: request.key,
  })
  switch (reading.type) {
    case 'handshake':
      return reading.body === undefined
        ? { status: reading.status }
        : { status: reading.status, body: reading.body }
    case 'rejected':
      deps.log.warn({ provider: request.provider, reason: reading.reason }, 'notice refused')
      return { status: reading.status }
    case 'notices':
      for (const notice of reading.notices) {
        await applyNotice(
          deps,
          { environment, access, isAuthenticated: reading.isAuthenticated },
          notice,
        )
      }
      return { status: reading.replyStatus }
  }
}

interface NoticeContext {
  readonly environment: Environment
  readonly access: ProviderAccess
  readonly isAuthenticated: boolean
}

async function applyNotice(
  deps: NoticeDeps,
  context: NoticeContext,
  notice: ProviderNotice,
): Promise<void> {
  if (notice.type === 'ignored') return
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
  for (const connection of connections) {
    if (connection.state.status !== 'active') continue
    const { lineageId } = connection
    const atMs = deps.clock.nowMs()
    switch (notice.type) {
      case 'access_revoked':
        if (await isConfirmed(deps, context, connection)) {
          await applySignal(deps, environment, lineageId, { type: 'access_revoked', atMs })
        }
        break
      case 'scopes_changed': {
        const { scopes } = notice
        await applySignal(deps, environment, lineageId, { type: 'scopes_changed', atMs, scopes })
      }
    }
  }
}

/** Asks the provider whether the grant is really gone. */
async function isConfirmed(
  deps: NoticeDeps,
  { access, isAuthenticated }: NoticeContext,
  connection: Connection,
): Promise<boolean> {
  const { environmentId, lineageId, state } = connection
  const fresh = await getFreshTokens(deps, connection, access)
  if (fresh.type === 'grant_rejected') return true
  const stored =
    fresh.type === 'fresh' ? undefined : await deps.store.tokenSets.find(environmentId, lineageId)
  const tokenSet = fresh.type === 'fresh' ? fresh.tokenSet : stored && parseTokenSet(stored.json)
  if (tokenSet === undefined) return isAuthenticated
  const { provider, credentials } = access
  const answer = await checkGrant(deps, {
    provider,
    credentials,
    tokenSet,
    providerAccountId: state.providerAccountId,
  })
  // No answer: believe a signature, and nothing less.
  return answer === 'gone' || (answer === 'unknown' && isAuthenticated)
}
