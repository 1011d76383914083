/** The only place where errors become answers. */
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { ERRORS, type ErrorCode, FirmaError } from '../errors.ts'
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep, LogDep } from '../deps.ts'

/**
 * An error as the API tells it: problem+json (RFC 9457) that also carries Terra's older `status` and
 * `message`, so that clients of either generation find what they look for.
 */
export interface Problem {
  readonly type: 'about:blank'
  /** Lower-case status text, for example `not found`. */
  readonly title: string
  /** Path of the request. */
  readonly instance: string
  /** What was expected, what was found, what to do. */
  readonly detail: string
  /** One of the codes in `docs/errors.md`. */
  readonly code: ErrorCode
  readonly status: 'error'
  /** The same as `detail`. */
  readonly message: string
}

export function toProblem(code: ErrorCode, detail: string, instance: string): Problem {
  const { title } = ERRORS[code]
  return { type: 'about:blank', title, instance, detail, code, status: 'error', message: detail }
}

/** An answer with a problem. */
export function problemResponse(
  code: ErrorCode,
  detail: string,
  instance: string,
  headers?: Record<string, string>,
): Response {
  return new Response(JSON.stringify(toProblem(code, detail, instance)), {
    status: ERRORS[code].status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  })
}

/** While the database is away, the log says so this often: the disk that is full may be the one that the log is on. */
const OUTAGE_PAUSE_MS = 5 * SECOND_MS

/** @returns What turns whatever was thrown into a known failure; what nobody foresaw keeps its text for the log. */
export function createFailureReader(
  deps: LogDep & ClockDep,
): (error: unknown, c: Context) => FirmaError {
  let requests = 0
  let toldAtMs = -Infinity
  const tellOutage = (error: FirmaError): void => {
    const nowMs = deps.clock.nowMs()
    requests += 1
    if (nowMs - toldAtMs < OUTAGE_PAUSE_MS) return
    deps.log.error({ requests, error }, 'the database is unavailable')
    requests = 0
    toldAtMs = nowMs
  }
  return (error, c) => {
    if (error instanceof FirmaError && error.code === 'database_unavailable') tellOutage(error)
    return toFailure(deps, error, c)
  }
}

function toFailure({ log }: LogDep, error: unknown, c: Context): FirmaError {
  if (error instanceof FirmaError) return error
  if (error instanceof HTTPException && error.status === 413) {
    return new FirmaError('body_too_large', error.message)
  }
  const requestId = c.res.headers.get('x-request-id') ?? ''
  log.error({ requestId, path: c.req.routePath, error }, 'a request failed')
  return new FirmaError('internal', `something went wrong here; the request id is ${requestId}`)
}
