/** A POST that is repeated with its `Idempotency-Key` is done once and answered alike. */
import type { Context } from 'hono'
import { HOUR_MS, MINUTE_MS } from '../core/time.ts'
import { FirmaError } from '../errors.ts'
import { digest } from '../secret.ts'
import type { ClaimedKey } from '../store/idempotency.ts'
import type { AppDeps } from './app-deps.ts'
import type { Caller } from './auth.ts'
import { inOneCommit } from './one-commit.ts'

/** How long an answer is kept. */
const ANSWER_LIFETIME_MS = 24 * HOUR_MS
/** How long a request may take before another one may do its work. */
const CLAIM_MS = MINUTE_MS
/** Longest `Idempotency-Key`, in characters. */
const KEY_LENGTH_MAX = 255

/** An answer as it is kept. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A request whose answer may have to be kept. */
export interface KeyedRequest {
  readonly caller: Caller
  readonly environmentId: string
  /** As it was received. */
  readonly body: string
  /** Whether it does more than its transaction, which nothing can undo. */
  readonly hasEffectsOutside: boolean
  /** Does it; see {@link inOneCommit} for what the dependencies may be. */
  run(deps: AppDeps): Promise<Answer>
}

/**
 * Runs a request, unless the same caller has sent it before. Its answer is kept in the commit that does it, so that a
 * process may die at any moment. Where that cannot be, because it reaches others, it is never done again.
 *
 * @throws FirmaError `request_in_progress` while the first one runs, `request_interrupted` when nobody knows
 *   what became of it, `idempotency_key_reused` when it was another one, `bad_request` for a key that is too long.
 */
export async function answerOnce(
  deps: AppDeps,
  c: Context,
  request: KeyedRequest,
): Promise<Response> {
  const key = c.req.header('idempotency-key')
  if (key === undefined || c.req.method !== 'POST') return toResponse(await request.run(deps))
  if (key === '' || key.length > KEY_LENGTH_MAX) {
    throw new FirmaError(
      'bad_request',
      `Idempotency-Key must have 1 to ${KEY_LENGTH_MAX} characters; a UUID is a good one`,
    )
  }
  const { pathname, search } = new URL(c.req.url)
  const { caller, environmentId, body, hasEffectsOutside } = request
  const keyHash = digest(JSON.stringify([caller.id, environmentId, key]))
  const nowMs = deps.clock.nowMs()
  const claimed = { keyHash, claimUntilMs: nowMs + CLAIM_MS }
  const claim = await deps.store.idempotency.claim({
    ...claimed,
    requestHash: digest(JSON.stringify([pathname, search, body])),
    nowMs,
    expiresAtMs: nowMs + ANSWER_LIFETIME_MS,
    mayTakeOver: !hasEffectsOutside,
  })
  switch (claim.type) {
    case 'claimed':
      return toResponse(await runAndKeep(deps, claimed, request))
    case 'answered': {
      const answer = JSON.parse(claim.answer) as Answer
      const headers = { ...answer.headers, 'idempotent-replayed': 'true' }
      return toResponse({ ...answer, headers })
    }
    case 'running':
      throw inProgress()
    case 'interrupted':
      throw new FirmaError(
        'request_interrupted',
        'the hub ended while it did this, and it may have been done or not; look, and send it with a new Idempotency-Key if it was not',
      )
    case 'other_request':
      throw new FirmaError(
        'idempotency_key_reused',
        'this Idempotency-Key was sent with another request; make a new key for each one',
      )
  }
}

async function runAndKeep(
  deps: AppDeps,
  claimed: ClaimedKey,
  request: KeyedRequest,
): Promise<Answer> {
  // What fails has changed nothing, so the same key may try again.
  const orRelease = async (error: unknown): Promise<never> => {
    await deps.store.idempotency.remove(claimed)
    throw error
  }
  if (request.hasEffectsOutside) {
    const answer = await request.run(deps).catch(orRelease)
    // Where this fails it is done all the same: the key stays taken.
    await deps.store.idempotency.saveAnswer(claimed, JSON.stringify(answer))
    return answer
  }
  return await inOneCommit(
    deps,
    async (inside) => await request.run(inside),
    async (tx, answer) => {
      if (await tx.idempotency.saveAnswer(claimed, JSON.stringify(answer))) return
      // It took longer than a claim lasts, and somebody else does it now.
      throw inProgress()
    },
  ).catch(orRelease)
}

function inProgress(): FirmaError {
  return new FirmaError(
    'request_in_progress',
    'a request with this Idempotency-Key is being answered; ask again in a moment',
    { headers: { 'retry-after': '1' } },
  )
}

/** @returns The answer as it is sent. */
export function toResponse({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers })
}
