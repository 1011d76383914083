/** What a destination may do to us, and what must hold whatever it does. */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createDeliveryLab, namesOf } from '../../test/support/delivery-lab.ts'
import { readLedgers } from '../../test/support/ledger.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { ATTEMPT_TIMEOUT_MS } from '../core/delivery.ts'
import { HOUR_MS, MINUTE_MS } from '../core/time.ts'
import { assert } from '../errors.ts'
import type { Attempt } from '../store/attempts.ts'
import { RESPONSE_BYTES_MAX } from './send.ts'

/** Real time: what hangs is waited for as long as that. */
const HANG_MS = 100
/** What hangs after its status has to give the status within that, on a busy machine too. */
const BODY_MS = 5_000
const LINEAGES = ['L1', 'L2', 'L3']
const EVENTS_EACH = 4
const EVENTS = LINEAGES.length * EVENTS_EACH
const MEGABYTE = 'x'.repeat(1_048_576)

interface Fault {
  readonly name: string
  /** What it does to a request that it has read, in place of accepting it. */
  readonly misbehave: (response: ServerResponse, socket: Socket, count: number) => void
  /** What is recorded of the first attempt. */
  readonly first: Partial<Attempt>
  /** Shorter than real ones, where the fault is to make us wait. */
  readonly timeoutMs?: number
  /** It asks not to be asked again before that. */
  readonly quietMs?: number
  /** It accepts although it misbehaves: nothing is tried again. */
  readonly accepts?: true
  /** Also tried where a thread sends, which has to tell of it. */
  readonly alsoInThread?: true
}

const FAULTS: readonly Fault[] = [
  {
    name: 'hangs',
    misbehave: () => undefined,
    timeoutMs: HANG_MS,
    first: { error: 'timeout' },
    alsoInThread: true,
  },
  {
    name: 'resets the connection',
    misbehave: (_response, socket) => void socket.resetAndDestroy(),
    first: { error: 'reset' },
    alsoInThread: true,
  },
  {
    name: 'begins its headers and never ends them',
    misbehave: (_response, socket) => void socket.write('HTTP/1.1 200 OK\r\nx-slow: '),
    timeoutMs: HANG_MS,
    first: { error: 'timeout' },
  },
  {
    name: 'drips its headers byte by byte',
    misbehave: (_response, socket) => drip(socket, 'HTTP/1.1 200 OK\r\nx-drip: '),
    timeoutMs: HANG_MS,
    first: { error: 'timeout' },
  },
  {
    name: 'drips a body without an end',
    misbehave: (_response, socket) => {
      socket.write('HTTP/1.1 500 No\r\ncontent-length: 100000\r\n\r\n')
      drip(socket, '')
    },
    timeoutMs: BODY_MS,
    first: { httpStatus: 500, error: null },
  },
  {
    name: 'accepts and drips a body without an end',
    misbehave: (_response, socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n')
      drip(socket, '')
    },
    timeoutMs: BODY_MS,
    first: { httpStatus: 200 },
    accepts: true,
  },
  {
    name: 'answers with a huge body',
    misbehave: (response) => void response.writeHead(500).end(MEGABYTE.repeat(8)),
    first: { httpStatus: 500, responseBody: MEGABYTE.slice(0, RESPONSE_BYTES_MAX) },
  },
  {
    name: 'accepts with a huge body',
    misbehave: (response) => void response.writeHead(200).end(MEGABYTE.repeat(8)),
    first: { httpStatus: 200, responseBody: MEGABYTE.slice(0, RESPONSE_BYTES_MAX) },
    accepts: true,
  },
  {
    name: 'answers with huge headers',
    misbehave: (_response, socket) =>
      void socket.write(`HTTP/1.1 200 OK\r\nx-huge: ${MEGABYTE}\r\n\r\n`),
    first: { error: 'network' },
  },
  {
    name: 'answers 500',
    misbehave: (response) => void response.writeHead(500).end(),
    first: { httpStatus: 500 },
  },
  {
    name: 'flaps',
    misbehave: (response, _socket, count) =>
      void response.writeHead(count % 2 === 0 ? 200 : 502).end(),
    first: { httpStatus: 502 },
    alsoInThread: true,
  },
  {
    name: 'answers 503 with Retry-After in seconds',
    misbehave: (response) => void response.writeHead(503, { 'retry-after': '7200' }).end(),
    first: { httpStatus: 503 },
    quietMs: 2 * HOUR_MS,
  },
  {
    name: 'answers 503 with Retry-After as a date',
    misbehave: (response) => {
      const date = new Date(EPOCH_MS + 3 * HOUR_MS).toUTCString()
      response.writeHead(503, { 'retry-after': date }).end()
    },
    first: { httpStatus: 503 },
    quietMs: 3 * HOUR_MS,
  },
]

function drip(socket: Socket, text: string): void {
  let sent = 0
  const timer = setInterval(() => void socket.write(text[sent++] ?? 'x'), 5)
  socket.on('close', () => clearInterval(timer)).on('error', () => clearInterval(timer))
}

interface Request {
  readonly name: string
  readonly lineage: string
}

/** A server that misbehaves until it is told to stop. */
async function startFaulty(fault: Fault) {
  const requests: Request[] = []
  const accepted: Request[] = []
  let isFaulty = true
  const answer = (request: IncomingMessage, response: ServerResponse, body: string): void => {
    const one = JSON.parse(body) as Request
    requests.push(one)
    // Whoever misbehaves while accepting may never finish the response.
    if (isFaulty && fault.accepts === true) accepted.push(one)
    else {
      response.on('finish', () => {
        if (response.statusCode < 300) accepted.push(one)
      })
    }
    if (isFaulty) fault.misbehave(response, request.socket, requests.length)
    else response.writeHead(200).end()
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => answer(request, response, Buffer.concat(chunks).toString('utf8')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}/webhook`
  return { url, requests, accepted, recover: () => (isFaulty = false) }
}

const IN_THREAD = FAULTS.filter(({ alsoInThread }) => alsoInThread)

describe.each([
  { senderThreads: 0, faults: FAULTS },
  { senderThreads: 1, faults: IN_THREAD },
])('a destination (threads that send: $senderThreads)', ({ senderThreads, faults }) => {
  it.each(faults)('that $name loses nothing, keeps the order, and stops nobody', async (fault) => {
    const lab = await createDeliveryLab({ senderThreads })
    const faulty = await startFaulty(fault)
    const { timeoutMs = ATTEMPT_TIMEOUT_MS, quietMs = HOUR_MS } = fault
    await lab.addApp('faulty', { url: faulty.url, timeoutMs })
    const healthy = await lab.addApp('healthy')
    const eventIds = new Map<string, string>()
    for (let number = 1; number <= EVENTS_EACH; number += 1) {
      for (const lineage of LINEAGES) {
        const name = `${lineage}/${number}`
        eventIds.set(name, await lab.announce(name, lineage))
      }
    }
    const worker = lab.startWorker()
    await worker.idle()
    // No time has passed: whatever the other one does, this one is served.
    expectInOrder(namesOf(healthy))
    expect(healthy.received).toHaveLength(EVENTS)
    // Lineages wait for nothing of each other's: any of them may have come first.
    const came = faulty.requests[0]?.name ?? 'L1/1'
    const [first] = await lab.attempts(eventIds.get(came) ?? '', 'faulty')
    expect(first).toMatchObject(fault.first)

    // Waiting is real, so those that hang are tried less often.
    await lab.advanceByMs(worker, fault.timeoutMs === undefined ? quietMs - 1 : MINUTE_MS)
    const requestsMax = fault.quietMs === undefined ? Infinity : LINEAGES.length
    expect(faulty.requests.length).toBeLessThanOrEqual(requestsMax)
    expect((await readLedgers(lab)).errors).toEqual([])
    faulty.recover()
    const destination = await lab.store.destinations.find('faulty')
    assert(destination !== undefined, 'it was added')
    await lab.store.destinations.update(destination, { timeoutMs: ATTEMPT_TIMEOUT_MS })
    await lab.advanceByMs(worker, 12 * HOUR_MS)

    expect(await readLedgers(lab)).toMatchObject({ delivered: 2 * EVENTS, errors: [] })
    expect(healthy.received).toHaveLength(EVENTS)
    // What was accepted is not sent again, and nothing was sent before what it has to wait for.
    const accepted = new Set(faulty.accepted.map(({ name }) => name))
    expect(faulty.accepted).toHaveLength(EVENTS)
    expect(accepted.size).toBe(EVENTS)
    expectInOrder(faulty.accepted.map(({ name }) => name))
    expectInOrder([...new Set(faulty.requests.map(({ name }) => name))])
  })
})

/** Names are `lineage/number`: those of each lineage must ascend. */
function expectInOrder(names: readonly string[]): void {
  for (const lineage of LINEAGES) {
    const numbers = names.flatMap((name) => (name.startsWith(`${lineage}/`) ? [name] : []))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a.localeCompare(b)))
  }
}
