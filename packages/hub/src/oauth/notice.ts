import { type KeyObject, createHmac, timingSafeEqual } from 'node:crypto'
import { FirmaError } from '../errors.ts'
import { findField } from '../providers/json-path.ts'
import type { NoticeAuthentication, NoticePattern } from '../providers/notices.ts'
import type { NoticeFacts, Provider } from '../providers/provider.ts'
import { type TemplateValues, fillTemplate } from '../providers/template.ts'
import { holdsMarker } from './call.ts'
import { isSignedBy, parseSignature } from './keyset.ts'
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
  /** It is about a connection, but does not say which. */
  | { readonly type: 'unreadable'; readonly what: string }
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
  /** From the provider, as far as that can be told, and yet not what was expected. */
  | { readonly type: 'unreadable'; readonly status: number; readonly reason: string }

/** A request to the address where a provider sends its notices. */
export interface NoticeRequest {
  readonly provider: Provider
  readonly credentials: ClientCredentials
  /** The secret last segment of the address; some handshakes ask for it. */
  readonly noticeKey: string
  readonly nowMs: number
  readonly method: string
  readonly url: string | URL
  readonly headers: Headers
  /** The raw bytes, as received; the caller bounds them. */
  readonly body: Uint8Array
  /** The key that {@link findNamedKey} finds, where there is such a key. */
  readonly publicKey?: KeyObject | undefined
}

type PushNotices = Extract<NoticeFacts, { kind: 'push' }>

/**
 * Reads a provider's notice: signature first, over the raw bytes and in constant time, then the body.
 * No I/O; never throws on what a stranger may send.
 */
export function readNotice(request: NoticeRequest): NoticeReading {
  const facts = request.provider.notices
  switch (facts.kind) {
    case 'none':
      return reject(404, `${request.provider.resource} sends no notices`)
    case 'push':
      try {
        if (request.method === 'GET' || request.method === 'HEAD') return shakeHands(facts, request)
        if (request.method !== 'POST') return reject(405, 'a notice is a POST')
        return readPushNotice(facts, request)
      } catch (error) {
        // A secret that the operator has not entered: nothing can be verified without it.
        if (error instanceof FirmaError) return reject(facts.rejectStatus, error.message)
        throw error
      }
  }
}

/** Under which published key a notice says that it is signed; undefined where it does not say so. */
export function findNamedKey(
  facts: NoticeFacts,
  headers: Headers,
): { readonly keysetUrl: string; readonly keyId: number } | undefined {
  if (facts.kind === 'none' || facts.authentication.kind !== 'keyset') return undefined
  const signature = parseSignature(findSignature(facts.authentication, headers) ?? '')
  return signature && { keysetUrl: facts.authentication.keysetUrl, keyId: signature.keyId }
}

function readPushNotice(facts: PushNotices, request: NoticeRequest): NoticeReading {
  const parsed = parseBody(facts, request.body)
  const { authentication, handshake } = facts
  const isHandshake = handshake.kind === 'post' && holdsMarker(handshake.marker, parsed) === true
  const fault = findFault(authentication, request, { parsed, isHandshake })
  const isOptional = authentication.kind === 'hmac' && authentication.isOptional
  if (fault !== undefined && !isOptional) return reject(facts.rejectStatus, fault)
  if (isHandshake) return { type: 'handshake', status: handshake.rightStatus }
  if (parsed === undefined) return unreadable(`the body is not ${facts.format}`)
  const notices = facts.patterns.flatMap((pattern) => readPattern(pattern, parsed))
  if (notices.length > NOTICE_ITEMS_MAX) {
    return unreadable(`a notice has at most ${NOTICE_ITEMS_MAX} items`)
  }
  return {
    type: 'notices',
    isAuthenticated: authentication.kind !== 'unsigned' && fault === undefined,
    // Data notices and kinds that we do not know are accepted: refusing them would get the address
    // disabled by the provider.
    notices:
      notices.length > 0 ? notices : [{ type: 'ignored', what: 'nothing about a connection' }],
    replyStatus: facts.replyStatus,
  }
}

function shakeHands(facts: PushNotices, request: NoticeRequest): NoticeReading {
  const { handshake } = facts
  const query = new URL(request.url, 'http://localhost').searchParams
  switch (handshake.kind) {
    case 'none':
    case 'post':
      return { type: 'handshake', status: 200 }
    case 'query_code': {
      const code = query.get(handshake.parameter)
      const isRight = code !== null && isSame(code, fill(handshake.code, request))
      return { type: 'handshake', status: isRight ? handshake.rightStatus : handshake.wrongStatus }
    }
    case 'challenge': {
      const token = query.get(handshake.tokenParameter)
      if (token === null || !isSame(token, fill(handshake.token, request))) {
        return reject(facts.rejectStatus, 'the verification names another token')
      }
      const challenge = query.get(handshake.challengeParameter) ?? ''
      const body = JSON.stringify({ [handshake.replyMember]: challenge })
      return { type: 'handshake', status: 200, body }
    }
  }
}

/** What is wrong with a notice's authentication; undefined when nothing is. */
function findFault(
  facts: NoticeAuthentication,
  request: NoticeRequest,
  { parsed, isHandshake }: { readonly parsed: unknown; readonly isHandshake: boolean },
): string | undefined {
  const { headers } = request
  switch (facts.kind) {
    case 'unsigned': {
      const found = facts.clientIdHeader === undefined ? null : headers.get(facts.clientIdHeader)
      if (found === null || isSame(found, request.credentials.clientId)) return undefined
      return 'the notice names another client id'
    }
    case 'secret': {
      const found = facts.in === 'header' ? headers.get(facts.name) : findField(parsed, facts.name)
      if (typeof found === 'string' && isSame(found, fill(facts.value, request))) return undefined
      return `${facts.name} is missing or another one`
    }
    case 'hmac':
      return findSignatureFault(facts, request)
    case 'keyset':
      return findKeysetFault(facts, request, isHandshake)
  }
}

type KeysetAuthentication = Extract<NoticeAuthentication, { kind: 'keyset' }>

/** Whatever proof there is must be right, and one there must be; verifying the address is about the secret. */
function findKeysetFault(
  facts: KeysetAuthentication,
  request: NoticeRequest,
  isHandshake: boolean,
): string | undefined {
  const { header, value } = facts.secret
  const secret = request.headers.get(header)
  if (secret !== null && !isSame(secret, fill(value, request))) return `${header} is another one`
  const text = findSignature(facts, request.headers)
  if (text !== undefined) {
    const signature = parseSignature(text)
    const { publicKey } = request
    if (signature === undefined || publicKey === undefined) return 'no known key has signed it'
    if (!isSignedBy(publicKey, signature, request.body)) return MISMATCH
  }
  const isProved = secret !== null || (text !== undefined && !isHandshake)
  return isProved ? undefined : `${header} is missing`
}

function findSignature({ headers: names }: KeysetAuthentication, headers: Headers) {
  return names.map((name) => headers.get(name)).find((text) => text !== null) ?? undefined
}

const MISMATCH = 'the signature does not match the body'

function findSignatureFault(
  facts: Extract<NoticeAuthentication, { kind: 'hmac' }>,
  request: NoticeRequest,
): string | undefined {
  const header = request.headers.get(facts.header)
  if (header === null) return `the header ${facts.header} is missing`
  const parts = facts.format === 't_v1' ? readTV1(header) : { signature: header }
  const clockHeader = facts.timestamp?.header
  const told = clockHeader === undefined ? null : request.headers.get(clockHeader)
  const timestamp = parts.timestamp ?? told ?? undefined
  if (facts.timestamp !== undefined) {
    const unitMs = facts.timestamp.unit === 's' ? 1000 : 1
    const offMs = Math.abs(request.nowMs - Number(timestamp ?? Number.NaN) * unitMs)
    // Written so that a time that is no number is refused too.
    if (!(offMs <= facts.timestamp.toleranceSeconds * 1000)) return 'the notice is too old'
  }
  const [before = '', after = ''] = facts.signed.split('{body}')
  const hmac = createHmac(facts.hash, fill(facts.key, request))
    .update(fillTemplate(before, { timestamp }))
    .update(request.body)
    .update(fillTemplate(after, { timestamp }))
  // Buffer.from skips what is not base64 or hex: a malformed signature only gets shorter.
  const found = Buffer.from(parts.signature, facts.encoding === 'base64' ? 'base64' : 'hex')
  return isEqual(found, hmac.digest()) ? undefined : MISMATCH
}

function readTV1(header: string): { signature: string; timestamp?: string | undefined } {
  const members = new Map(
    header.split(',').map((part) => {
      const [name = '', ...rest] = part.trim().split('=')
      return [name, rest.join('=')]
    }),
  )
  return { signature: members.get('v1') ?? '', timestamp: members.get('t') }
}

function fill(template: string, { credentials, noticeKey }: NoticeRequest): string {
  const { clientId, clientSecret, secrets = {} } = credentials
  const named = Object.entries(secrets).map(([name, value]) => [`secret.${name}`, value] as const)
  const values: TemplateValues = { clientId, clientSecret, noticeKey, ...Object.fromEntries(named) }
  return fillTemplate(template, values)
}

function readPattern(pattern: NoticePattern, json: unknown): ProviderNotice[] {
  const found = findField(json, pattern.items)
  if (found === undefined) return []
  const items: unknown[] = Array.isArray(found) ? found : [found]
  return items
    .filter((item) =>
      Object.entries(pattern.where).every(([path, values]) => {
        const value = findField(item, path)
        if (values === null) return value === undefined
        return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
          ? values.includes(String(value))
          : false
      }),
    )
    .map((item) => toNotice(pattern, item))
}

function toNotice(pattern: NoticePattern, item: unknown): ProviderNotice {
  const id = findField(item, pattern.accountId)
  const providerAccountId = Number.isSafeInteger(id) ? String(id) : id
  if (typeof providerAccountId !== 'string' || providerAccountId === '') {
    return { type: 'unreadable', what: `${pattern.type} without an account id` }
  }
  switch (pattern.type) {
    case 'access_revoked':
      return { type: 'access_revoked', providerAccountId }
    case 'scopes_changed': {
      const scopes = findField(item, pattern.scopes ?? '')
      if (!Array.isArray(scopes))
        return { type: 'unreadable', what: 'scopes_changed without a list' }
      const names = scopes.filter((scope: unknown) => typeof scope === 'string')
      return { type: 'scopes_changed', providerAccountId, scopes: names }
    }
  }
}

function parseBody({ format }: PushNotices, body: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    return format === 'json'
      ? (JSON.parse(text) as unknown)
      : Object.fromEntries(new URLSearchParams(text))
  } catch {
    // Strangers may post anything here; the caller rejects it.
    return undefined
  }
}

function isSame(left: string, right: string): boolean {
  return isEqual(Buffer.from(left), Buffer.from(right))
}

function isEqual(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}

function unreadable(reason: string): NoticeReading {
  return { type: 'unreadable', status: 400, reason }
}

function reject(status: number, reason: string): NoticeReading {
  return { type: 'rejected', status, reason }
}
