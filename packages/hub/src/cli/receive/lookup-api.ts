/** The lookup API: whose a `user_id` is, why, what happened, and the few things an operator does. */
import { randomUUID } from 'node:crypto'
import { type Receiver, ReceiverError } from 'firma-receiver'
import { type Context, Hono } from 'hono'
import type { Log } from '../../deps.ts'
import { type ErrorCode, FirmaError } from '../../errors.ts'
import { problemResponse } from '../../http/on-error.ts'
import { type Redacted, digest, isSameDigest } from '../../secret.ts'
import { toErrorText } from './error-text.ts'
import { readEventQuery, readId, readLookupQuery, readSeq } from './lookup-query.ts'
import { toWireConnection, toWireEvent, toWireExplanation } from './wire.ts'
import type { ReconcileRun } from './reconcile-run.ts'

export interface LookupDeps {
  readonly receiver: Receiver
  /** `undefined` closes the API. */
  readonly apiKey: Redacted<string> | undefined
  /** `undefined` when no API is set to ask. */
  readonly reconcile: ReconcileRun | undefined
  readonly log: Log
}

export function createLookupApi(deps: LookupDeps): Hono {
  const { receiver, reconcile, log } = deps
  const app = new Hono()
  app.use('/v1/*', async (c, next) => {
    checkKey(c, deps.apiKey)
    await next()
  })
  addConnectionRoutes(app, receiver)
  addEventRoutes(app, receiver)
  app.delete('/v1/end-users/:reference_id', async (c) => {
    const referenceId = readId(c.req.param('reference_id'), 'user_not_found')
    return c.json({ ...(await receiver.erase(referenceId, readLookupQuery(c))) })
  })
  app.post('/v1/reconcile', async (c) => {
    if (reconcile === undefined) {
      throw new FirmaError(
        'conflict',
        'there is no API to repair from; set FIRMA_RECEIVE_RECONCILE_URL and what belongs to it',
      )
    }
    const report = await reconcile()
    return c.json(report, report['status'] === 'failed' ? 502 : 200)
  })
  app.notFound((c) => toAnswer(c, 'not_found', `there is nothing at ${c.req.method} ${c.req.path}`))
  app.onError((error, c) => toErrorAnswer(error, c, log))
  return app
}

function addConnectionRoutes(app: Hono, receiver: Receiver): void {
  app.get('/v1/users/:user_id', async (c) => {
    const userId = readId(c.req.param('user_id'), 'user_not_found')
    const connection = await receiver.resolve(userId, readLookupQuery(c))
    if (connection === undefined) throw unknownUser(userId)
    return c.json(toWireConnection(connection))
  })
  app.get('/v1/users/:user_id/explain', async (c) => {
    const userId = readId(c.req.param('user_id'), 'user_not_found')
    const explanation = await receiver.explain(userId, readLookupQuery(c))
    if (explanation === undefined) throw unknownUser(userId)
    return c.json(toWireExplanation(explanation))
  })
  app.get('/v1/end-users/:reference_id', async (c) => {
    const referenceId = readId(c.req.param('reference_id'), 'user_not_found')
    const connections = await receiver.findByReferenceId(
      referenceId,
      readLookupQuery(c, ['provider']),
    )
    if (connections.length === 0) {
      throw new FirmaError('user_not_found', `no event has named the reference_id ${referenceId}`)
    }
    return c.json({ reference_id: referenceId, connections: connections.map(toWireConnection) })
  })
  app.get('/v1/lineages/:lineage_id', async (c) => {
    const lineageId = readId(c.req.param('lineage_id'), 'user_not_found')
    const connection = await receiver.findLineage(lineageId, readLookupQuery(c))
    if (connection === undefined) {
      throw new FirmaError('user_not_found', `there is no connection with lineage_id ${lineageId}`)
    }
    return c.json(toWireConnection(connection))
  })
}

function addEventRoutes(app: Hono, receiver: Receiver): void {
  app.get('/v1/events', async (c) => {
    const { events, next } = await receiver.listEvents(readEventQuery(c))
    return c.json({ events: events.map(toWireEvent), next: next ?? null })
  })
  app.post('/v1/events/:seq/replay', async (c) => {
    const seq = readSeq(c.req.param('seq'))
    const result = await receiver.replay(seq)
    if (result !== 'none') return c.json({ seq, result })
    const { events } = await receiver.listEvents({ after: seq - 1, limit: 1 })
    const [event] = events
    if (event?.seq !== seq) {
      throw new FirmaError('event_not_found', `there is no event with the number ${seq}`)
    }
    throw new FirmaError('conflict', explainRefusal(seq, event.handlerState))
  })
}

function explainRefusal(seq: number, state: string): string {
  if (state === 'parked') {
    return `event ${seq} is parked: it is handed over when an event makes its user_id known`
  }
  return `event ${seq} was not handed over: no FIRMA_RECEIVE_FORWARD_URL is set, another call for it is under way, or an earlier event of its connection comes first`
}

function unknownUser(userId: string): FirmaError {
  return new FirmaError('user_not_found', `no event has named the user_id ${userId} yet`)
}

/** Digests have one length, so the comparison takes one time. */
function checkKey(c: Context, apiKey: Redacted<string> | undefined): void {
  if (apiKey === undefined) {
    throw new FirmaError('forbidden', 'the lookup API is closed; set FIRMA_RECEIVE_API_KEY')
  }
  const [, given = ''] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? []
  if (isSameDigest(digest(given), digest(apiKey.reveal()))) return
  throw new FirmaError(
    'unauthorized',
    'send the key of FIRMA_RECEIVE_API_KEY as "Authorization: Bearer <key>"',
  )
}

function toErrorAnswer(error: unknown, c: Context, log: Log): Response {
  if (error instanceof FirmaError) return toAnswer(c, error.code, error.message)
  if (error instanceof ReceiverError && error.reason === 'environment_required') {
    return toAnswer(c, 'bad_request', `${error.message}: ?environment=…`)
  }
  const requestId = randomUUID()
  log.error({ requestId, route: c.req.routePath, reason: toErrorText(error) }, 'a request failed')
  return toAnswer(c, 'internal', `something went wrong here; the request id is ${requestId}`)
}

function toAnswer(c: Context, code: ErrorCode, detail: string): Response {
  const headers = code === 'unauthorized' ? { 'www-authenticate': 'Bearer' } : undefined
  return problemResponse(code, detail, c.req.path, headers)
}
