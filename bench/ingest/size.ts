/** Does the receiver keep its pace as the inbox grows, and how long does a lookup take among many connections? In one process, without HTTP. */
import { randomInt, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createReceiver, type Receiver, type ReceiverStore } from 'firma-receiver'
import { SECRET, signBody, toAuthEvent, toDataEvent, toUserId } from './events.ts'

const IN_FLIGHT = 256
const LOOKUPS = 20_000

/** One part of the way. */
export interface Segment {
  readonly rows: number
  readonly perSecond: number
  /** Microseconds of processor time of this process per event, its own signing included: says more than the pace on a busy machine. */
  readonly cpuUs: number
  /** KiB that this process had written to disk per event; NaN where the system does not say. */
  readonly writtenKib: number
}

async function receiveMany(
  receiver: Receiver,
  count: number,
  toEvent: (n: number) => object,
): Promise<Omit<Segment, 'rows'>> {
  const startMs = performance.now()
  const startCpu = process.cpuUsage()
  const startBytes = readWrittenBytes()
  let sent = 0
  const worker = async (): Promise<void> => {
    while (sent < count) {
      sent += 1
      const { body, signature } = signBody(toEvent(sent - 1))
      const headers = {
        'x-terra-signature': signature,
        'x-terra-trace-id': randomUUID(),
        'x-terra-ordering-timestamp': String(Date.now()),
      }
      await receiver.receive({ body, headers })
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  const { user, system } = process.cpuUsage(startCpu)
  return {
    perSecond: count / ((performance.now() - startMs) / 1_000),
    cpuUs: (user + system) / count,
    writtenKib: (readWrittenBytes() - startBytes) / 1_024 / count,
  }
}

function readWrittenBytes(): number {
  try {
    return Number(/^write_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1])
  } catch {
    // Only Linux has it.
    return Number.NaN
  }
}

/** Connects people, then receives data about them at random; says how fast each part went. */
export async function* grow(
  store: ReceiverStore,
  { users, rows, segment }: { users: number; rows: number; segment: number },
): AsyncGenerator<Segment> {
  const receiver = createReceiver({ secrets: [SECRET], store, tolerance: 'off' })
  for (let done = 0; done < users; done += segment) {
    const count = Math.min(segment, users - done)
    const measured = await receiveMany(receiver, count, (n) => toAuthEvent(done + n))
    yield { rows: done + count, ...measured }
  }
  for (let done = users; done < rows; done += segment) {
    const count = Math.min(segment, rows - done)
    const measured = await receiveMany(receiver, count, () => toDataEvent(randomInt(users)))
    yield { rows: done + count, ...measured }
  }
}

/** Events about connections that are known, a fifth of them about their state, as the bench over HTTP has them. */
export async function receiveMixed(
  store: ReceiverStore,
  { users, count }: { users: number; count: number },
): Promise<Omit<Segment, 'rows'>> {
  const receiver = createReceiver({ secrets: [SECRET], store, tolerance: 'off' })
  return receiveMany(receiver, count, (n) =>
    n % 5 === 0 ? toAuthEvent(randomInt(users)) : toDataEvent(randomInt(users)),
  )
}

/** Microseconds of one `resolve()` after the other: the middle one, and the slowest of a hundred. */
export async function timeLookups(
  store: ReceiverStore,
  users: number,
): Promise<{ p50Us: number; p99Us: number }> {
  const receiver = createReceiver({ secrets: [SECRET], store, tolerance: 'off' })
  const times: number[] = []
  for (let i = 0; i < LOOKUPS; i += 1) {
    const userId = toUserId(randomInt(users))
    const startMs = performance.now()
    const connection = await receiver.resolve(userId)
    times.push((performance.now() - startMs) * 1_000)
    if (connection?.status !== 'active') throw new Error(`${userId} is not connected`)
  }
  times.sort((a, b) => a - b)
  return { p50Us: times[LOOKUPS / 2] ?? 0, p99Us: times[Math.floor(LOOKUPS * 0.99)] ?? 0 }
}
