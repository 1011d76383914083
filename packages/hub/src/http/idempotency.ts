/** A POST that is repeated with its `Idempotency-Key` is done once and answered alike. */
import type { Context } from 'hono'
import { HOUR_MS, MINUTE_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { digest } from '../secret.ts'
import type { ClaimedKey } from '../store/idempotency.ts'
import type { StoreDep } from '../store/open.ts'
import type { Caller } from './auth.ts'

/** How long an answer is kept. */
const ANSWER_LIFETIME_MS = 24 * HOUR_MS
/** How long a request may take before another one may do its work. */
const CLAIM_MS = MINUTE_MS
/** Longest `Idempotency-Key`, in characters. */
const KEY_LENGTH_MAX = 255

/** An answer as it is kept: what a route replies. */
interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * Runs a request, unless the same caller has sent it before.
 *
 * @param body As it was received.
 * @throws FirmaError `request_in_progress` while the first one runs, `idempotency_key_reused` when it
 *   was another one, `bad_request` for a key that is too long.
 */
export async function answerOnce(
  deps: StoreDep & ClockDep,
  c: Context,
  { caller, environmentId, body }: { caller: Caller; environmentId: string; body: string },
  run: () => Promise<Response>,
): Promise<Response> {
  const key = c.req.header('idempotency-key')
  if (key === undefined || c.req.method !== 'POST') return await run()
  if (key === '' || key.length > KEY_LENGTH_MAX) {
    throw new FirmaError(
      'bad_request',
      `Idempotency-Key must have 1 to ${KEY_LENGTH_MAX} characters; a UUID is a good one`,
    )
  }
  const { pathname, search } = new URL(c.req.url)
  const keyHash = digest(JSON.stringify([caller.id, environmentId, key]))
  const nowMs = deps.clock.nowMs()
  const claimed = { keyHash, claimUntilMs: nowMs + CLAIM_MS }
  const claim = await deps.store.idempotency.claim({
    ...claimed,
    requestHash: digest(JSON.stringify([pathname, search, body])),
    nowMs,
    expiresAtMs: nowMs + ANSWER_LIFETIME_MS,
  })
  switch (claim.type) {
    case 'claimed':
      return await runAndKeep(deps, claimed, run)
    case 'answered':
      return toResponse(JSON.parse(claim.answer) as KeptAnswer)
    case 'running':
      throw new FirmaError(
        'request_in_progress',
        'a request with this Idempotency-Key is being answered; ask again in a moment',
        { headers: { 'retry-after': '1' } },
      )
    case 'other_request':
      throw new FirmaError(
        'idempotency_key_reused',
        'this Idempotency-Key was sent with another request; make a new key for each one',
      )
  }
}

async function runAndKeep(
  { store }: StoreDep,
  claimed: ClaimedKey,
  run: () => Promise<Response>,
): Promise<Response> {
  const response = await run().catch(async (error: unknown) => {
    // What fails has changed nothing, so the same key may try again.
    await store.idempotency.remove(claimed)
    throw error
  })
  const answer: KeptAnswer = {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.clone().text(),
  }
  // Where this fails the work is done all the same: the key stays taken for as long as a claim lasts.
  await store.idempotency.saveAnswer(claimed, JSON.stringify(answer))
  return response
}

function toResponse({ status, headers, body }: KeptAnswer): Response {
  return new Response(body, { status, headers: { ...headers, 'idempotent-replayed': 'true' } })
}
