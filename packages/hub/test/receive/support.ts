/** A service of `firma receive` with everything real but time and chance, and an app for it to call. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Timers } from 'firma-receiver'
import { signedRequest, type SignedRequestOptions } from 'firma-receiver/testing'
import { afterEach } from 'vitest'
import { readReceiveConfig } from '../../src/cli/receive/config.ts'
import { type ReceiveService, startReceiveService } from '../../src/cli/receive/service.ts'
import type { Log } from '../../src/deps.ts'
import { createLog } from '../../src/system.ts'

export const SECRET = 'test-secret'
export const API_KEY = 'a-key-of-the-lookup-api'
export const APP_SECRET = 'whsec_c2VjcmV0IG9mIHRoZSBhcHA='

const cleanups: (() => Promise<void> | void)[] = []

/** Whatever a test opened is closed after it, the newest first. */
export function cleanUp(undo: () => Promise<void> | void): void {
  cleanups.push(undo)
}

afterEach(async () => {
  for (const undo of cleanups.splice(0).toReversed()) await undo()
})

/** A clock and timers that stand still until they are told. */
export class TestTime {
  nowMs = Date.now()
  readonly #due = new Map<object, { fn: () => void; atMs: number }>()
  readonly clock = (): number => this.nowMs
  readonly timers: Timers = {
    set: (fn, delayMs) => {
      const timer = {}
      this.#due.set(timer, { fn, atMs: this.nowMs + delayMs })
      return timer
    },
    clear: (timer) => {
      this.#due.delete(timer as object)
    },
  }

  advanceByMs(ms: number): void {
    this.nowMs += ms
    for (const [timer, { fn, atMs }] of this.#due) {
      if (atMs > this.nowMs) continue
      this.#due.delete(timer)
      fn()
    }
  }
}

export interface AppCall {
  readonly headers: IncomingHttpHeaders
  readonly raw: string
  readonly body: Record<string, any>
}

/** An app as real HTTP server. */
export class TestApp {
  /** What it answers next. */
  status = 200
  headers: Record<string, string> = {}
  /** Whether it takes calls and does not answer. */
  isSilent = false
  readonly calls: AppCall[] = []
  readonly #waiting: { count: number; resolve: () => void }[] = []
  #url = ''

  static async open(): Promise<TestApp> {
    const app = new TestApp()
    const server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const raw = Buffer.concat(chunks).toString('utf8')
        app.calls.push({ headers: request.headers, raw, body: JSON.parse(raw) })
        if (!app.isSilent) response.writeHead(app.status, app.headers).end('{}')
        for (const { count, resolve } of app.#waiting) if (app.calls.length >= count) resolve()
      })
    })
    // Closing an idle one may meet the next request, which then fails.
    server.keepAliveTimeout = 0
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    app.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`
    cleanUp(async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
    return app
  }

  get url(): string {
    return this.#url
  }

  /** Resolves when it has been called so many times in all. */
  async calledTimes(count: number): Promise<readonly AppCall[]> {
    if (this.calls.length < count) {
      await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
    }
    return this.calls
  }
}

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'firma-receive-'))
  cleanUp(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Variables for a service of its own. */
export function toVariables(given: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return {
    FIRMA_RECEIVE_SIGNING_SECRETS: SECRET,
    FIRMA_RECEIVE_PORT: '0',
    FIRMA_RECEIVE_API_KEY: API_KEY,
    FIRMA_RECEIVE_LOG_LEVEL: 'silent',
    FIRMA_RECEIVE_DATABASE: given['FIRMA_RECEIVE_DATABASE'] ?? join(makeFolder(), 'db.sqlite'),
    ...given,
  }
}

export function toForward(app: TestApp): NodeJS.ProcessEnv {
  return { FIRMA_RECEIVE_FORWARD_URL: app.url, FIRMA_RECEIVE_FORWARD_SECRET: APP_SECRET }
}

export class TestService {
  readonly time: TestTime
  readonly url: string
  readonly #service: ReceiveService
  #isOpen = true

  constructor(service: ReceiveService, time: TestTime) {
    this.#service = service
    this.url = service.url
    this.time = time
  }

  static async open(
    given?: NodeJS.ProcessEnv,
    time = new TestTime(),
    log: Log = createLog('silent'),
  ): Promise<TestService> {
    const { clock, timers } = time
    const world = { log, clock, timers, random: () => 0.5 }
    const service = await startReceiveService(readReceiveConfig(toVariables(given)), world)
    const opened = new TestService(service, time)
    cleanUp(async () => await opened.close())
    return opened
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#service.close()
  }

  /** Sends an event as its sender would. */
  async send(
    event: Parameters<typeof signedRequest>[0],
    options: Partial<SignedRequestOptions> = {},
  ): Promise<Response> {
    const signedAtMs = this.time.nowMs
    const { body, headers } = await signedRequest(event, { secret: SECRET, signedAtMs, ...options })
    return await fetch(`${this.url}/webhook`, { method: 'POST', headers, body: Buffer.from(body) })
  }

  /** Asks the lookup API. */
  async ask(
    path: string,
    { method = 'GET', key = API_KEY }: { method?: string; key?: string } = {},
  ): Promise<{ status: number; type: string | null; body: Record<string, any> }> {
    const headers: Record<string, string> = key === '' ? {} : { authorization: `Bearer ${key}` }
    const response = await fetch(`${this.url}${path}`, { method, headers })
    const body = (await response.json()) as Record<string, any>
    return { status: response.status, type: response.headers.get('content-type'), body }
  }

  /** Asks until the answer is as it should be; each question is an answer's time later than the one before. */
  async askUntil(path: string, isRight: (body: Record<string, any>) => boolean) {
    for (let times = 0; times < 5_000; times += 1) {
      const { body } = await this.ask(path)
      if (isRight(body)) return body
    }
    throw new Error(`${path} did not become what it should`)
  }

  async metrics(): Promise<string> {
    return await (await fetch(`${this.url}/metrics`)).text()
  }
}
