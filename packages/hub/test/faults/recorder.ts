/** An app that records every request it gets, and the checks that whatever happened must pass. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isDataType } from '../../src/core/event-body.ts'

export interface Arrival {
  readonly traceId: string
  readonly orderingMs: number
  readonly body: string
  /** Milliseconds on the monotonic clock. */
  readonly atMs: number
}

export interface Recorder {
  readonly url: string
  /** What was accepted, in the order of arrival. */
  readonly arrivals: Arrival[]
  /** While true, requests are kept waiting; those that wait then get no answer at all. */
  isHanging: boolean
  /** Requests that are kept waiting. */
  readonly hanging: number
  close(): Promise<void>
}

export async function startRecorder(): Promise<Recorder> {
  const arrivals: Arrival[] = []
  let hanging = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (recorder.isHanging) {
        hanging += 1
        return
      }
      arrivals.push({
        traceId: String(request.headers['x-terra-trace-id']),
        orderingMs: Number(request.headers['x-terra-ordering-timestamp']),
        body: Buffer.concat(chunks).toString('utf8'),
        atMs: performance.now(),
      })
      response.end()
    })
  })
  // Closing an idle one may meet the next request, which then fails.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const recorder: Recorder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`,
    arrivals,
    isHanging: false,
    get hanging() {
      return hanging
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return recorder
}

/** An event as the database has it. */
export interface StoredEventFacts {
  readonly id: string
  readonly type: string
  readonly orderKey: string
  readonly orderingMs: number
  readonly body: string
}

/** Why an event may arrive more than once. */
export interface Repetitions {
  /** Whether something happened that explains that an event came at one time and again at the other. */
  explains(traceId: string, firstAtMs: number, againAtMs: number): boolean
  /** Whether one may come after a later event: a lease may have ended under an attempt that is still on its way. */
  readonly isLateRepetitionRight: boolean
}

/** Something happened in between, to everybody. */
export function disturbed(atMs: readonly number[]): Repetitions {
  return {
    explains: (_traceId, fromMs, toMs) => atMs.some((ms) => ms >= fromMs && ms <= toMs),
    isLateRepetitionRight: false,
  }
}

/** @returns What is wrong, one sentence each. */
export function judgeArrivals(
  events: readonly StoredEventFacts[],
  arrivals: readonly Arrival[],
  repetitions: Repetitions,
): string[] {
  const wrong: string[] = []
  const byId = new Map(events.map((event) => [event.id, event]))
  const arrivedAtMs = new Map<string, number>()
  const lanes = new Map<string, { stateMs: number; dataMs: number }>()
  for (const { traceId, orderingMs, body, atMs } of arrivals) {
    const event = byId.get(traceId)
    if (event === undefined) {
      wrong.push(`${traceId} arrived and is not in the database`)
      continue
    }
    if (event.body !== body) wrong.push(`${traceId} arrived with other bytes than are stored`)
    const lane = lanes.get(event.orderKey) ?? { stateMs: 0, dataMs: 0 }
    lanes.set(event.orderKey, lane)
    // What happened to a connection passes data that is older, and nothing else passes anything.
    const isData = isDataType(event.type)
    const isLate = orderingMs < lane.dataMs || (!isData && orderingMs < lane.stateMs)
    const mayBeLate = arrivedAtMs.has(traceId) && repetitions.isLateRepetitionRight
    if (isLate && !mayBeLate) wrong.push(`${traceId} arrived after a later event of its lineage`)
    const newest = isData ? 'dataMs' : 'stateMs'
    lane[newest] = Math.max(lane[newest], orderingMs)
    const beforeMs = arrivedAtMs.get(traceId)
    const isExplained = beforeMs === undefined || repetitions.explains(traceId, beforeMs, atMs)
    if (!isExplained) wrong.push(`${traceId} arrived twice, and nothing happened in between`)
    arrivedAtMs.set(traceId, atMs)
  }
  for (const { id } of events) if (!arrivedAtMs.has(id)) wrong.push(`${id} was lost`)
  return wrong
}
