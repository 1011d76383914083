import { expect, it } from 'vitest'
import { createDeliveryLab } from '../../test/support/delivery-lab.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { DELIVERY_RETRIES } from '../core/retry.ts'
import { HOUR_MS } from '../core/time.ts'
import { createIds, systemRandom } from '../system.ts'
import { attemptDelivery } from './attempt.ts'
import { recordHealth } from './health.ts'

it.each([
  ['has passed', EPOCH_MS - HOUR_MS, []],
  ['is to come', EPOCH_MS + HOUR_MS, [{ isData: true, atMs: EPOCH_MS + HOUR_MS }]],
])('minds a time to be left alone until only where it %s', async (_how, quietUntilMs, openings) => {
  const lab = await createDeliveryLab()
  await lab.addApp('A')
  await lab.announce('one', 'L1')
  const { store, clock } = lab
  await store.destinations.quiet('A', { quietUntilMs, stateQuietUntilMs: null })
  const [delivery] = await lab.claimAndDie()
  const destination = await store.destinations.find('A')
  if (delivery === undefined || destination === undefined) throw new Error('both were made')
  const deps = { clock, ids: createIds(clock, systemRandom), random: systemRandom }
  const courier = {
    deliver: async () => ({ type: 'unanswered', error: 'refused' }) as const,
    close: async () => undefined,
  }
  const given = { destination, delivery, isProbe: false }
  const made = await attemptDelivery({ ...deps, courier }, DELIVERY_RETRIES, given)
  const announce = async () => ({ lastOrderingMs: 0 })
  const health = await store.transaction(
    async (tx) =>
      await recordHealth({ ...deps, announce }, tx, DELIVERY_RETRIES, {
        made: [made],
        found: await tx.destinations.listStates(['A']),
      }),
  )
  expect(health).toMatchObject([
    { openings, notices: [], again: { data: false, state: false, oneOfData: false } },
  ])
})
