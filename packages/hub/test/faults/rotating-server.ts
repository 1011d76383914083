/**
 * A token endpoint that rotates refresh tokens and detects their reuse (RFC 9700, section 4.14.2), slower than
 * the leases of those who call it; and an API that takes its access tokens.
 */
import { randomBytes } from 'node:crypto'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as passMs } from 'node:timers/promises'
import type { Chance } from '../support/seeded.ts'

/** One authorization: everything that was issued for one connection. */
interface Family {
  isAlive: boolean
}

interface Pair {
  readonly family: Family
  readonly accessToken: string
  /** What the refresh token was exchanged for. */
  successor?: Pair
  /** The access token has been used, or the refresh token has. */
  isUsed: boolean
  /** Requests with one refresh token take their turns, as those that want one row of a database do. */
  turn: Promise<unknown>
}

export interface RotatingServer {
  readonly url: string
  /** Refreshes that were answered. */
  readonly refreshed: number
  /** Refresh tokens that came a second time, and ended their family. */
  readonly reused: number
  /** Whether a refresh token would still be taken. */
  isUsable(refreshToken: string): boolean
  issue(): { accessToken: string; refreshToken: string }
  close(): Promise<void>
}

/** Milliseconds that the endpoint takes before and after it rotates. */
const DELAY_MS_MAX = 800
const LIFE_SECONDS = 30

/**
 * @param allowsLostAnswers A refresh token may come again until its successor was used: what was answered
 *   first then counts as never received. Without, any second use ends the family.
 */
export async function startRotatingServer(
  chance: Chance,
  allowsLostAnswers: boolean,
): Promise<RotatingServer> {
  const byRefreshToken = new Map<string, Pair>()
  const byAccessToken = new Map<string, Pair>()
  const counts = { refreshed: 0, reused: 0 }

  const issue = (family: Family): { refreshToken: string; pair: Pair } => {
    const [accessToken, refreshToken] = [randomBytes(16).toString('hex'), secret()]
    const pair: Pair = { family, accessToken, isUsed: false, turn: Promise.resolve() }
    byRefreshToken.set(refreshToken, pair)
    byAccessToken.set(accessToken, pair)
    return { refreshToken, pair }
  }
  const rotate = (refreshToken: string) => {
    const from = byRefreshToken.get(refreshToken)
    if (from === undefined || !from.family.isAlive) return undefined
    if (from.successor !== undefined && (!allowsLostAnswers || from.successor.isUsed)) {
      counts.reused += 1
      from.family.isAlive = false
      return undefined
    }
    if (from.successor !== undefined) byAccessToken.delete(from.successor.accessToken)
    const next = issue(from.family)
    from.successor = next.pair
    from.isUsed = true
    return next
  }
  const rotateInTurn = async (refreshToken: string) => {
    const from = byRefreshToken.get(refreshToken)
    const rotating = (from?.turn ?? Promise.resolve())
      .then(async () => await passMs(chance.integer(10, DELAY_MS_MAX)))
      .then(() => rotate(refreshToken))
    if (from !== undefined) from.turn = rotating
    return await rotating
  }
  const answerToken = async (request: IncomingMessage, response: ServerResponse) => {
    const form = new URLSearchParams(await readText(request))
    const next = await rotateInTurn(form.get('refresh_token') ?? '')
    await passMs(chance.integer(10, DELAY_MS_MAX))
    response.setHeader('content-type', 'application/json')
    if (next === undefined) {
      response.writeHead(400).end('{"error":"invalid_grant"}')
      return
    }
    counts.refreshed += 1
    response.end(
      JSON.stringify({
        access_token: next.pair.accessToken,
        refresh_token: next.refreshToken,
        token_type: 'bearer',
        expires_in: LIFE_SECONDS,
      }),
    )
  }
  const answerData = (request: IncomingMessage, response: ServerResponse): void => {
    const pair = byAccessToken.get((request.headers.authorization ?? '').slice('Bearer '.length))
    if (pair !== undefined) pair.isUsed = true
    response.writeHead(pair?.family.isAlive === true ? 200 : 401).end('{}')
  }
  const server = createServer((request, response) => {
    if (request.url?.endsWith('/oauth/token') !== true) answerData(request, response)
    // Whoever asked was killed in the middle of asking.
    else answerToken(request, response).catch(() => response.destroy())
  })
  // Closing an idle one may meet the next request, which then fails.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get refreshed() {
      return counts.refreshed
    },
    get reused() {
      return counts.reused
    },
    isUsable: (refreshToken) => {
      const pair = byRefreshToken.get(refreshToken)
      if (pair?.family.isAlive !== true) return false
      return pair.successor === undefined || (allowsLostAnswers && !pair.successor.isUsed)
    },
    issue: () => {
      const { refreshToken, pair } = issue({ isAlive: true })
      return { accessToken: pair.accessToken, refreshToken }
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function secret(): string {
  return randomBytes(16).toString('hex')
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
