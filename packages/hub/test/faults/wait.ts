import { setImmediate } from 'node:timers/promises'
import { expect } from 'vitest'
import type { World } from './world.ts'

/** Waits until nothing is owed any more. */
export async function drain({ database }: World, timeoutMs = 300_000): Promise<void> {
  const owed = async () => {
    const sql = `SELECT id, status, attempts, due_at_ms, claim_id, claim_until_ms FROM delivery
      WHERE status NOT IN ('delivered', 'failed', 'suppressed') ORDER BY id LIMIT 5`
    return await database.rows(sql)
  }
  await expect.poll(owed, { timeout: timeoutMs, interval: 100 }).toEqual([])
}

/** Waits until the API has confirmed so much more. */
export async function progress({ confirmed }: World, more = 1): Promise<void> {
  const count = (): number =>
    confirmed.announced.length + confirmed.connected.length + confirmed.disconnected.length
  const before = count()
  await expect.poll(count, { timeout: 300_000, interval: 5 }).toBeGreaterThanOrEqual(before + more)
}

/** Turns of the event loop in which a connection is accepted and its request read, with some to spare. */
const TURNS = 10

/**
 * Waits until this process has seen what had reached it by now. A request that a process sent right before it
 * was killed has arrived before the kill, although nobody has read it yet.
 */
export async function seeArrivals(): Promise<void> {
  for (let i = 0; i < TURNS; i += 1) await setImmediate()
}
