/** Tasks at providers, beside one that fails here. */
import { expect, it } from 'vitest'
import { MINUTE_MS } from '../src/core/time.ts'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, createTestHub } from './support/create-test-hub.ts'

it('are done although another one cannot be', async () => {
  const hub = await createTestHub()
  await hub.connect('GARMIN')
  await hub.connect('GARMIN', { referenceId: 'pepper', person: createPerson({ login: 'pepper' }) })
  const sealed = await hub.rows('SELECT sealed, lineage_id AS id FROM token_set')
  await hub.rows(
    `UPDATE token_set SET sealed = 'unreadable' WHERE lineage_id =
      (SELECT lineage_id FROM event WHERE reference_id = 'tony_stark') RETURNING lineage_id`,
  )
  const deregistrations = hub.simulator
    .accounts('GARMIN')
    .map(({ accountId }) => ({ userId: accountId }))
  const answer = await fetch(hub.noticeUrls['GARMIN'] ?? '', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ deregistrations }),
  })
  expect(answer.status).toBe(200)
  await hub.hub.settle()
  const tasks = await hub.hub.deps.store.providerTasks.list(DEV_ID, { limit: 10 })
  expect(tasks.map(({ status }) => status).toSorted()).toEqual(['pending', 'unfounded'])
  expect(hub.logged).toEqual(['a task at a provider failed here; it is tried again'])
  // With its key back, it is done as soon as it is due again.
  for (const { sealed: value, id } of sealed) {
    await hub.rows(
      'UPDATE token_set SET sealed = ? WHERE lineage_id = ? RETURNING lineage_id',
      String(value),
      String(id),
    )
  }
  await hub.advanceByMs(2 * MINUTE_MS)
  const after = await hub.hub.deps.store.providerTasks.list(DEV_ID, { limit: 10 })
  expect(after.map(({ status }) => status)).toEqual(['unfounded', 'unfounded'])
})
