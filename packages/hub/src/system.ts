/** The real world, for the composition root; tests hand in their own. */
import { randomBytes, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { pino } from 'pino'
import type { Clock, Ids, Log, Random, Timer } from './deps.ts'

export const systemClock: Clock = { nowMs: () => Date.now() }

export const systemTimer: Timer = {
  after(delayMs, run) {
    const timer = setTimeout(run, Math.max(0, delayMs))
    return () => clearTimeout(timer)
  },
}

/** Ids need eight bytes each and secrets 32, and asking the system for them costs more than the rest of either. */
const POOL_BYTES = 4_096
const POOLED_BYTES_MAX = 32
let pool = new Uint8Array(0)
let poolUsed = 0

/** A copy: whoever has these bytes has no others, and nobody else has them. */
function fromPool(count: number): Uint8Array {
  if (poolUsed + count > pool.length) {
    pool = randomBytes(POOL_BYTES)
    poolUsed = 0
  }
  const bytes = Uint8Array.prototype.slice.call(pool, poolUsed, poolUsed + count)
  pool.fill(0, poolUsed, poolUsed + count)
  poolUsed += count
  return bytes
}

export const systemRandom: Random = {
  bytes: (count) => (count <= POOLED_BYTES_MAX ? fromPool(count) : randomBytes(count)),
  fraction: () => Math.random(),
}

/** Ids that a process has made within one millisecond, at most; further ones borrow from the next. */
const IDS_PER_MS = 0x1000

/**
 * Identifiers: random ones, and UUIDs of version 7 whose 12 bits after the time count up within a
 * millisecond (RFC 9562, section 6.2, method 1), so that the ids of one process strictly ascend.
 */
export function createIds(clock: Clock, random: Random): Ids {
  // Time and counter of the newest id. Together they only grow, also when the clock steps back. Two
  // numbers, because one for both passes what a double holds exactly in the year 2039.
  let lastMs = 0
  let count = 0
  // The same host and number may come back after a restart, so chance has the last word.
  const processId = `${hostname()}:${process.pid}:${randomBytes(4).toString('hex')}`
  return {
    uuid: () => randomUUID(),
    processId,
    claim: () => `${processId}/${randomUUID()}`,
    ordered() {
      const nowMs = clock.nowMs()
      count = nowMs > lastMs ? 0 : count + 1
      lastMs = Math.max(lastMs, nowMs) + Math.floor(count / IDS_PER_MS)
      count %= IDS_PER_MS
      const time = lastMs.toString(16).padStart(12, '0')
      const tail = Buffer.from(random.bytes(8))
      // Variant bits 10 (RFC 9562, section 4.1).
      tail.writeUInt8((tail.readUInt8(0) & 0x3f) | 0x80, 0)
      const rest = tail.toString('hex')
      const counter = count.toString(16).padStart(3, '0')
      return `${time.slice(0, 8)}-${time.slice(8)}-7${counter}-${rest.slice(0, 4)}-${rest.slice(4)}`
    },
  }
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** JSON lines on standard error: standard output belongs to the commands. */
export function createLog(level: LogLevel): Log {
  return pino({ level, serializers: { error: pino.stdSerializers.err } }, pino.destination(2))
}
