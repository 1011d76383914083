/** A provider says something by itself: it is authenticated and stored, and then applied by a worker. */
import type { KeyAnswer, KeysetsDep } from '../oauth/keyset.ts'
import {
  type NoticeReading,
  type ProviderNotice,
  findNamedKey,
  readNotice,
} from '../oauth/notice.ts'
import { digest, isSameDigest } from '../secret.ts'
import type { ClockDep, IdsDep, LogDep, WakeDep } from '../deps.ts'
import type { StoreDep } from '../store/open.ts'
import type { NewProviderTask } from '../store/provider-tasks.ts'
import { type ProviderAccess, findProviderAccess } from './provider-access.ts'

export type NoticeDeps = ClockDep & IdsDep & KeysetsDep & LogDep & StoreDep & WakeDep

/** Characters that are kept of a notice that nobody could read. */
const UNREADABLE_CHARS_MAX = 4_096

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
  /** When it may be sent again, at the earliest. */
  readonly retryAfterMs?: number
}

/**
 * Authenticates a notice as its provider does it, and stores what it says for every environment that
 * uses the same app at the provider. Nothing is believed yet, and nobody is asked: providers wait for
 * seconds only, and the answer says that the notice is safe with us.
 */
export async function receiveNotice(
  deps: NoticeDeps,
  request: NoticeRequest,
): Promise<NoticeReply> {
  const access = await findProviderAccess(deps, request.environmentId, request.provider)
  if (access === undefined || !isSameDigest(digest(request.key), access.app.noticeKeyHash)) {
    return { status: 404 }
  }
  const found = await findPublicKey(deps, access, request)
  if (found.type === 'later') {
    // It comes again, when the key can be had.
    deps.log.warn({ provider: request.provider, reason: found.reason }, 'notice put off')
    return { status: 503, retryAfterMs: found.afterMs }
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
    publicKey: found.type === 'found' ? found.key : undefined,
  })
  switch (reading.type) {
    case 'handshake':
      return reading.body === undefined
        ? { status: reading.status }
        : { status: reading.status, body: reading.body }
    case 'rejected':
      deps.log.warn({ provider: request.provider, reason: reading.reason }, 'notice refused')
      return { status: reading.status }
    case 'unreadable':
      deps.log.warn({ provider: request.provider, reason: reading.reason }, 'notice not readable')
      await store(deps, access, [toUnreadable(deps, access, request)])
      return { status: reading.status }
    case 'notices':
      await store(deps, access, toTasks(deps, access, { request, reading }))
      return { status: reading.replyStatus }
  }
}

async function findPublicKey(
  deps: NoticeDeps,
  { provider }: ProviderAccess,
  { headers }: NoticeRequest,
): Promise<KeyAnswer> {
  const named = findNamedKey(provider.notices, headers)
  if (named === undefined) return { type: 'unknown' }
  return await deps.keysets.find(named.keysetUrl, named.keyId)
}

async function store(
  deps: NoticeDeps,
  { app }: ProviderAccess,
  tasks: readonly NewProviderTask[],
): Promise<void> {
  if (tasks.length === 0) return
  const environments = await deps.store.providerApps.listSharing(app)
  await deps.store.transaction(async (tx) => {
    for (const environmentId of environments) {
      for (const task of tasks) {
        await tx.providerTasks.add({ ...task, id: deps.ids.ordered(), environmentId })
      }
    }
  })
  deps.wake.providerTasks()
}

function toTasks(
  deps: NoticeDeps,
  access: ProviderAccess,
  notice: {
    request: NoticeRequest
    reading: Extract<NoticeReading, { type: 'notices' }>
  },
): NewProviderTask[] {
  const { isAuthenticated, notices } = notice.reading
  return withoutRepetitions(notices).flatMap((one) => {
    const task = toUnreadable(deps, access, notice.request)
    switch (one.type) {
      case 'ignored':
        return []
      case 'unreadable':
        return [task]
      case 'access_revoked':
      case 'scopes_changed': {
        const { type, providerAccountId } = one
        const scopes = one.type === 'scopes_changed' ? { scopes: one.scopes } : {}
        return [{ ...task, type, providerAccountId, payload: { isAuthenticated, ...scopes } }]
      }
    }
  })
}

function toUnreadable(
  deps: NoticeDeps,
  { app }: ProviderAccess,
  { body }: NoticeRequest,
): NewProviderTask {
  return {
    id: '',
    environmentId: app.environmentId,
    provider: app.provider,
    providerAccountId: null,
    type: 'unreadable',
    payload: { body: new TextDecoder().decode(body).slice(0, UNREADABLE_CHARS_MAX) },
    createdAtMs: deps.clock.nowMs(),
  }
}

/** Each costs a question to the provider, so one that is named a thousand times is asked about once. */
function withoutRepetitions(notices: readonly ProviderNotice[]): ProviderNotice[] {
  return [...new Map(notices.map((notice) => [JSON.stringify(notice), notice])).values()]
}
