import { createHmac, timingSafeEqual } from 'node:crypto'
import { findField } from '../providers/json-path.ts'
import type {
  NoticeAuthentication,
  NoticeFacts,
  NoticePattern,
  Provider,
} from '../providers/provider.ts'
import type { ClientCredentials } from './types.ts'

/** Items of one notice that are read at most; more is not a notice. */
export const NOTICE_ITEMS_MAX = 10_000

/** One thing a provider announced. Act on it for every connection of that account. */
export type ProviderNotice =
  | { readonly type: 'access_revoked'; readonly providerAccountId: string }
  | {
      readonly type: 'scopes_changed'
      readonly providerAccountId: string
      /** All scopes now in force. Empty: nothing is shared, yet the grant lives. */
      readonly scopes: string[]
    }
  | {
      readonly type: 'ignored'
      /** Why, in words that are safe to log. */
      readonly what: string
    }

/** What {@link readNotice} makes of a request. */
export type NoticeReading =
  | { readonly type: 'handshake'; readonly status: number; readonly body?: string }
  | {
      readonly type: 'notices'
      /** False for providers that do not sign: ask the provider before acting on a revocation. */
      readonly isAuthenticated: boolean
      readonly notices: ProviderNotice[]
      /** Answer with this once the notices are stored. */
      readonly replyStatus: number
    }
  | { readonly type: 'rejected'; readonly status: number; readonly reason: string }

/** A request to the address where a provider sends its notices. */
export interface NoticeRequest {
  readonly provider: Provider
  readonly credentials: ClientCredentials
  /** The code the operator got from the provider for the verification of the address. */
  readonly handshakeCode?: string | undefined
  readonly method: string
  readonly url: string | URL
  readonly headers: Headers
  /** The raw bytes, as received; the caller bounds them. */
  readonly body: Uint8Array
}

type JsonNotices = Extract<NoticeFacts, { kind: 'json' }>

/**
 * Reads a provider's notice: signature first, over the raw bytes and in constant time, then the body.
 * No I/O; never throws on what a stranger may send.
 */
export function readNotice(request: NoticeRequest): NoticeReading {
  const facts = request.provider.notices
  switch (facts.kind) {
    case 'none':
      return reject(404, `${request.provider.resource} sends no notices`)
    case 'json':
      if (request.method === 'GET' || request.method === 'HEAD') return shakeHands(facts, request)
      if (request.method !== 'POST') return reject(405, 'a notice is a POST')
      return readJsonNotice(facts, request)
  }
}

function readJsonNotice(facts: JsonNotices, request: NoticeRequest): NoticeReading {
  const fault = findFault(facts.authentication, request)
  if (fault !== undefined) return reject(facts.rejectStatus, fault)
  const json = parseJson(request.body)
  if (json === undefined) return reject(400, 'the body is not JSON')
  const notices = facts.patterns.flatMap((pattern) => readPattern(pattern, json))
  if (notices.length > NOTICE_ITEMS_MAX) {
    return reject(400, `a notice has at most ${NOTICE_ITEMS_MAX} items`)
  }
  return {
    type: 'notices',
    isAuthenticated: facts.authentication.kind === 'hmac',
    // Data notices and kinds that we do not know are accepted: refusing them would get the address
    // disabled by the provider.
    notices:
      notices.length > 0 ? notices : [{ type: 'ignored', what: 'nothing about a connection' }],
    replyStatus: facts.replyStatus,
  }
}

function shakeHands(facts: JsonNotices, request: NoticeRequest): NoticeReading {
  const { handshake } = facts
  switch (handshake.kind) {
    case 'none':
      return { type: 'handshake', status: 200 }
    case 'query_code': {
      const code = new URL(request.url, 'http://localhost').searchParams.get(handshake.parameter)
      const isRight =
        code !== null &&
        request.handshakeCode !== undefined &&
        isEqual(Buffer.from(code), Buffer.from(request.handshakeCode))
      return {
        type: 'handshake',
        status: isRight ? handshake.rightStatus : handshake.wrongStatus,
      }
    }
  }
}

/** What is wrong with a notice's authentication; undefined when nothing is. */
function findFault(facts: NoticeAuthentication, request: NoticeRequest): string | undefined {
  const { clientId, clientSecret } = request.credentials
  switch (facts.kind) {
    case 'unsigned': {
      const found =
        facts.clientIdHeader === undefined ? null : request.headers.get(facts.clientIdHeader)
      if (found === null || isEqual(Buffer.from(found), Buffer.from(clientId))) return undefined
      return 'the notice names another client id'
    }
    case 'hmac': {
      const found = request.headers.get(facts.header)
      if (found === null) return `the header ${facts.header} is missing`
      const expected = createHmac(facts.hash, clientSecret + facts.keySuffix)
        .update(request.body)
        .digest()
      // Buffer.from skips what is not base64 or hex: a malformed signature only gets shorter.
      if (isEqual(Buffer.from(found, facts.encoding), expected)) return undefined
      return 'the signature does not match the body'
    }
  }
}

function readPattern(pattern: NoticePattern, json: unknown): ProviderNotice[] {
  const found = findField(json, pattern.items)
  if (found === undefined) return []
  const items: unknown[] = Array.isArray(found) ? found : [found]
  return items
    .filter((item) =>
      Object.entries(pattern.where).every(([path, value]) => findField(item, path) === value),
    )
    .map((item) => toNotice(pattern, item))
}

function toNotice(pattern: NoticePattern, item: unknown): ProviderNotice {
  const id = findField(item, pattern.accountId)
  const providerAccountId = Number.isSafeInteger(id) ? String(id) : id
  if (typeof providerAccountId !== 'string' || providerAccountId === '') {
    return { type: 'ignored', what: `${pattern.type} without an account id` }
  }
  switch (pattern.type) {
    case 'access_revoked':
      return { type: 'access_revoked', providerAccountId }
    case 'scopes_changed': {
      const scopes = findField(item, pattern.scopes)
      if (!Array.isArray(scopes)) return { type: 'ignored', what: 'scopes_changed without a list' }
      return {
        type: 'scopes_changed',
        providerAccountId,
        scopes: scopes.filter((scope: unknown) => typeof scope === 'string'),
      }
    }
  }
}

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown
  } catch {
    // Strangers may post anything here; the caller rejects it.
    return undefined
  }
}

function isEqual(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

function reject(status: number, reason: string): NoticeReading {
  return { type: 'rejected', status, reason }
}
