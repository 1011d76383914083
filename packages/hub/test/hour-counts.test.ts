/** Events and deliveries are counted by the hour in the background; figures are right at any moment of that. */
import { describe, expect, it } from 'vitest'
import { HOUR_MS, MINUTE_MS } from '../src/core/time.ts'
import { createHourCounter } from '../src/operations/count-hours.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'
import { createChance } from './support/seeded.ts'

const HOURLY = { sinceMs: 0, bucketMs: HOUR_MS }

async function readCounts({ hub, destinationId }: TestHub) {
  const { stats } = hub.deps.store
  const deliveries = await stats.countDeliveries(destinationId, HOURLY)
  return {
    events: await stats.countEvents(DEV_ID, HOURLY),
    deliveries: deliveries.filter(({ delivered, failed }) => delivered + failed > 0),
    wholeUntil: [
      await stats.findEventsCountedUntil(DEV_ID),
      await stats.findDeliveriesCountedUntil(destinationId),
    ],
  }
}

/** The same, from every row there is. */
async function countRows(hub: TestHub): Promise<Awaited<ReturnType<typeof readCounts>>> {
  const hour = `(created_at_ms / ${HOUR_MS}) * ${HOUR_MS}`
  const lag = `CASE WHEN status = 'delivered' THEN ended_at_ms - created_at_ms ELSE 0 END`
  const numbers = (rows: readonly Record<string, unknown>[]) =>
    rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([key, value]) => [key, key === 'type' ? value : Number(value)]),
      ),
    )
  const events = await hub.rows(
    `SELECT ${hour} AS "startMs", type, count(*) AS count FROM event GROUP BY 1, 2 ORDER BY 1, 2`,
  )
  const deliveries = await hub.rows(
    `SELECT ${hour} AS "startMs", sum(CASE status WHEN 'delivered' THEN 1 ELSE 0 END) AS delivered,
       sum(CASE status WHEN 'failed' THEN 1 ELSE 0 END) AS failed, sum(${lag}) AS "lagSumMs", max(${lag}) AS "lagMaxMs"
     FROM delivery WHERE status IN ('delivered', 'failed') GROUP BY 1 ORDER BY 1`,
  )
  return {
    events: numbers(events) as never,
    deliveries: numbers(deliveries) as never,
    wholeUntil: [null, null],
  }
}

describe('figures by the hour', () => {
  it.each([1, 2, 3])('are right whatever was counted before (history %i)', async (seed) => {
    const hub = await createTestHub()
    const { deps } = hub.hub
    const chance = createChance(seed)
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const others = [createHourCounter(deps), createHourCounter(deps)]
    for (let step = 0; step < 40; step += 1) {
      const choice = chance.integer(0, 4)
      if (choice === 0) hub.app.answer = () => ({ status: chance.integer(0, 1) === 0 ? 200 : 500 })
      if (choice === 1) await hub.advanceByMs(chance.integer(0, 40) * MINUTE_MS)
      if (choice === 2) await others[chance.integer(0, 1)]?.()
      if (choice === 3) await Promise.all(others.map(async (count) => await count()))
      if (choice === 4) {
        await hub.call('POST', '/admin/v1/events/generate', { type: 'daily', user_id: userId })
        await hub.hub.settle()
      }
      expect(await readCounts(hub)).toEqual(await countRows(hub))
    }
  })

  it('forgets hours that no range shows, and counts nothing twice after a pause', async () => {
    const hub = await createTestHub()
    const { deps } = hub.hub
    await hub.connect('GARMIN')
    const count = createHourCounter(deps)
    await count()
    await count()
    expect(await hub.rows('SELECT count FROM event_count')).toEqual([{ count: 1 }])
    expect(await readCounts(hub)).toEqual(await countRows(hub))
    hub.clock.moveTo(hub.clock.nowMs() + 36 * 24 * HOUR_MS)
    await createHourCounter(deps)()
    expect(await hub.rows('SELECT count FROM event_count')).toEqual([])
  })
})
