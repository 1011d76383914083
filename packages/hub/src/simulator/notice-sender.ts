/** Sends a simulated provider's notices to the apps, signed as the provider signs. */
import { createHmac } from 'node:crypto'
import type { ClockDep, FetchDep } from '../deps.ts'
import { fillTemplate } from '../providers/template.ts'
import type { Profile } from './profile.ts'
import type { App } from './grant.ts'
import type { SimulatedKeyset } from './keyset.ts'

/** Milliseconds before each attempt; their number bounds the attempts. */
export const NOTICE_DELAYS_MS: readonly number[] = [0, 250, 1000]

/** Milliseconds an attempt may take: long, because a busy machine must not lose a notice. */
const NOTICE_TIMEOUT_MS = 15_000

/** Notices that are remembered; the oldest go first. */
const RECORDS_MAX = 1_000

/** What became of one notice. */
export interface NoticeRecord {
  readonly resource: string
  readonly clientId: string
  readonly accountId: string
  /** `other`: whatever a test wanted to be sent. */
  readonly type: 'access_revoked' | 'scopes_changed' | 'other'
  /** Tries that were made. */
  readonly attempts: number
  /** Status of the last answer; undefined when there was none. */
  readonly status: number | undefined
  /** Whether the last answer was a 2xx. */
  readonly isDelivered: boolean
}

/** A notice to send. */
export interface OutgoingNotice {
  readonly profile: Profile
  readonly app: App
  /** Where to. */
  readonly url: string
  readonly accountId: string
  readonly type: NoticeRecord['type']
  readonly body: unknown
  /** Of a provider that publishes the keys it signs with. */
  readonly keyset: SimulatedKeyset | undefined
}

/** Sends notices and remembers what became of them. */
export class NoticeSender {
  readonly records: NoticeRecord[] = []
  readonly #deps: FetchDep & ClockDep
  readonly #delaysMs: readonly number[]
  readonly #closing = new AbortController()
  readonly #running = new Set<Promise<void>>()

  constructor(deps: FetchDep & ClockDep, delaysMs: readonly number[] = NOTICE_DELAYS_MS) {
    this.#deps = deps
    this.#delaysMs = delaysMs
  }

  /**
   * Sends one notice, trying again a few times.
   *
   * @returns Resolves when it was delivered or given up.
   */
  async send(notice: OutgoingNotice): Promise<void> {
    const running = this.#send(notice)
    this.#running.add(running)
    try {
      await running
    } finally {
      this.#running.delete(running)
    }
  }

  /** Resolves when no notice is on its way. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }

  /** Gives up what is on its way. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.settled()
  }

  async #send(notice: OutgoingNotice): Promise<void> {
    const { clientId } = notice.app
    const { resource } = notice.profile.provider
    const body = toText(notice)
    let attempts = 0
    let status: number | undefined
    for (const delayMs of this.#delaysMs) {
      await this.#pause(delayMs)
      if (this.#closing.signal.aborted) break
      attempts += 1
      // Signed anew each time, as its time is part of some signatures.
      const headers = sign(notice, body, this.#deps.clock.nowMs())
      status = await this.#attempt(notice.url, headers, body)
      if (isSuccess(status)) break
    }
    const { accountId, type } = notice
    const isDelivered = isSuccess(status)
    this.records.push({ resource, clientId, accountId, type, attempts, status, isDelivered })
    if (this.records.length > RECORDS_MAX) this.records.shift()
  }

  async #attempt(
    url: string,
    headers: Record<string, string>,
    body: string,
  ): Promise<number | undefined> {
    try {
      const response = await this.#deps.fetch(url, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(NOTICE_TIMEOUT_MS)]),
      })
      await response.body?.cancel()
      return response.status
    } catch {
      // Nobody there: the record says so by having no status.
      return undefined
    }
  }

  async #pause(delayMs: number): Promise<void> {
    const { signal } = this.#closing
    if (delayMs === 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(finish, delayMs)
      signal.addEventListener('abort', finish, { once: true })
      function finish(): void {
        clearTimeout(timer)
        signal.removeEventListener('abort', finish)
        resolve()
      }
    })
  }
}

function toText({ profile, app, body }: OutgoingNotice): string {
  const facts = profile.provider.notices
  if (facts.kind === 'push' && facts.format === 'form') {
    const members = Object.entries(body as Record<string, unknown>)
    const texts = members.map(([name, value]): [string, string] => [name, String(value)])
    return new URLSearchParams(texts).toString()
  }
  const isSecretInBody =
    facts.kind === 'push' &&
    facts.authentication.kind === 'secret' &&
    facts.authentication.in === 'body'
  if (!isSecretInBody) return JSON.stringify(body)
  const { name, value } = facts.authentication
  return JSON.stringify({ ...(body as object), [name]: fillTemplate(value, toValues(app)) })
}

function sign(notice: OutgoingNotice, body: string, nowMs: number): Record<string, string> {
  const facts = notice.profile.provider.notices
  if (facts.kind === 'none') return {}
  const { app } = notice
  const type = facts.format === 'json' ? 'json' : 'x-www-form-urlencoded'
  const headers: Record<string, string> = { 'content-type': `application/${type}` }
  const { authentication } = facts
  switch (authentication.kind) {
    case 'unsigned':
      if (authentication.clientIdHeader !== undefined) {
        headers[authentication.clientIdHeader] = app.clientId
      }
      return headers
    case 'secret':
      if (authentication.in === 'header') {
        headers[authentication.name] = fillTemplate(authentication.value, toValues(app))
      }
      return headers
    case 'keyset': {
      const [name = ''] = authentication.headers
      const { header, value } = authentication.secret
      headers[header] = fillTemplate(value, toValues(app))
      if (notice.keyset !== undefined) headers[name] = notice.keyset.sign(body)
      return headers
    }
    case 'hmac': {
      // Of the two, what proves less: whoever accepts it accepts the other.
      if (authentication.isOptional) return headers
      const { timestamp: clock, encoding, format } = authentication
      const timestamp = String(clock?.unit === 'ms' ? nowMs : Math.floor(nowMs / 1000))
      const values = { ...toValues(app), timestamp, body }
      const hmac = createHmac(authentication.hash, fillTemplate(authentication.key, values)).update(
        fillTemplate(authentication.signed, values),
      )
      const digest = hmac.digest(encoding === 'base64' ? 'base64' : 'hex')
      const signature = encoding === 'HEX' ? digest.toUpperCase() : digest
      headers[authentication.header] =
        format === 't_v1' ? `t=${timestamp},v1=${signature}` : signature
      if (clock?.header !== undefined) headers[clock.header] = timestamp
      return headers
    }
  }
}

function toValues({ clientId, clientSecret, secrets }: App): Record<string, string> {
  const named = Object.entries(secrets).map(([name, value]) => [`secret.${name}`, value])
  return { clientId, clientSecret, ...Object.fromEntries(named) }
}

function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300
}
