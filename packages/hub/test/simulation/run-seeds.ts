/**
 * The hub in virtual time, over and over: 1,000 seeds per run, in two test files that share the work.
 *
 * `FIRMA_SEED=7` replays one seed; `FIRMA_SEEDS=20000` takes so many. Seeds begin anywhere, so that each run sees new
 * ones, but for CI.
 */
import { type SqliteHandle, openSqlite } from 'firma-receiver/sqlite'
import { expect, it, onTestFinished } from 'vitest'
import { stopDelays } from '../../../../scripts/jitter.mjs'
import { chooseSeed } from '../support/seeded.ts'
import { simulate } from './simulation.ts'

const SEEDS_MAX = Number(process.env['FIRMA_SEEDS'] ?? 1_000)
const SHARDS = 2

async function openDisk(): Promise<SqliteHandle> {
  const disk = await openSqlite(':memory:')
  onTestFinished(async () => await disk.close())
  return disk
}

/** @param shard Which part of the seeds, from 0. */
export function runSeeds(shard: number): void {
  stopDelays()
  const isReplay = (process.env['FIRMA_SEED'] ?? '') !== ''
  const count = isReplay ? 1 : Math.ceil(SEEDS_MAX / SHARDS)
  const first = chooseSeed() + (isReplay ? 0 : shard * count)

  it(
    `delivers everything, once and in order, and keeps what it has confirmed (${count} seeds from ${first})`,
    { timeout: 300_000 + count * 1_000 },
    async () => {
      const disk = await openDisk()
      const failures: Record<string, readonly string[]> = {}
      let [events, lives] = [0, 0]
      for (let seed = first; seed < first + count; seed += 1) {
        const outcome = await simulate(seed, disk)
        if (outcome.wrong.length > 0) failures[`FIRMA_SEED=${seed}`] = outcome.wrong
        events += outcome.events
        lives += outcome.lives
      }
      expect(failures).toEqual({})
      // Else nothing was tried.
      expect(events).toBeGreaterThan(count)
      expect(lives).toBeGreaterThan(isReplay ? 0 : count * 1.5)
    },
  )

  it('repeats itself with the seed', async () => {
    const disk = await openDisk()
    const outcome = await simulate(first, disk)
    expect(await simulate(first, disk)).toEqual(outcome)
  })
}
