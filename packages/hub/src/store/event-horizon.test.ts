import { expect, it, onTestFinished } from 'vitest'
import { createTestSealer, describeStore } from '../../test/support/describe-store.ts'
import { openTestSchema } from '../../test/support/postgres.ts'
import { ENVIRONMENT_ID, addEnvironments, eventRow } from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { type Store, openPostgresStore } from './open.ts'

/** Follows a cursor to the end. @returns Ids, and where the next page begins. */
async function read(store: Store, after: number): Promise<{ ids: string[]; next: number }> {
  const { seq: through } = await store.events.horizon.find()
  const events = await store.events.listAfter(ENVIRONMENT_ID, { after, through, limit: 100 })
  return { ids: events.map(({ id }) => id), next: events.at(-1)?.seq ?? after }
}

describeStore('EventHorizon', (open) => {
  it('reaches to the newest event while nobody writes', async () => {
    const store = await open()
    await addEnvironments(store)
    expect((await store.events.horizon.find()).isNewest).toBe(true)
    for (const id of ['e1', 'e2']) await store.events.add(eventRow({ id }))
    expect(await read(store, 0)).toMatchObject({ ids: ['e1', 'e2'] })
  })
})

it('ends before a number that was taken and may still appear', async () => {
  const schema = await openTestSchema()
  const store = await openPostgresStore(schema.url, { sealer: createTestSealer(), nowMs: EPOCH_MS })
  onTestFinished(async () => {
    await store.close()
    await schema.drop()
  })
  await addEnvironments(store)
  await store.events.add(eventRow({ id: 'first' }))
  let commit = (): void => {}
  const mayCommit = new Promise<void>((resolve) => (commit = resolve))
  let taken = (): void => {}
  const hasTaken = new Promise<void>((resolve) => (taken = resolve))
  const slow = store.transaction(async (tx) => {
    await tx.events.add(eventRow({ id: 'slow' }))
    taken()
    await mayCommit
  })
  await hasTaken
  await store.events.add(eventRow({ id: 'fast' }))
  const before = await read(store, 0)
  expect((await store.events.horizon.find()).isNewest).toBe(false)
  commit()
  await slow
  const after = await read(store, before.next)
  // What is read with the cursor is everything, in the order of numbers, whenever it is asked for.
  expect([...before.ids, ...after.ids]).toEqual(['first', 'slow', 'fast'])
})
