import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  addEnvironments,
  connectionRow,
  destinationRow,
  environmentRow,
  eventRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'

describeStore('Store.transaction', (open) => {
  it('keeps all of what was written, and returns what the function returned', async () => {
    const store = await open()
    const result = await store.transaction(async (tx) => {
      await tx.environments.add(environmentRow())
      await tx.events.add(eventRow())
      return 'done'
    })
    expect(result).toBe('done')
    expect(await store.events.find(ENVIRONMENT_ID, 'event-1')).toBeDefined()
  })

  it('keeps nothing when the function throws, in whichever table it wrote', async () => {
    const store = await open()
    await addEnvironments(store)
    const failing = store.transaction(async (tx) => {
      await tx.destinations.add(destinationRow())
      await tx.connections.save(connectionRow(), EPOCH_MS)
      await tx.events.add(eventRow())
      await tx.deliveries.addMany([
        {
          eventId: 'event-1',
          destinationId: 'destination-1',
          orderKey: 'lineage-1',
          isData: false,
          suppressed: null,
          resendId: null,
          atMs: EPOCH_MS,
        },
      ])
      throw new RangeError('on purpose')
    })
    await expect(failing).rejects.toThrow('on purpose')
    expect(await store.destinations.list(ENVIRONMENT_ID)).toEqual([])
    expect(await store.connections.find('lineage-1')).toBeUndefined()
    expect(await store.connections.listAliasTimes('lineage-1', 10)).toEqual([])
    expect(await store.events.list(ENVIRONMENT_ID, {}, { limit: 10 })).toEqual([])
    expect(await store.deliveries.listOfEvents(['event-1'])).toEqual([])
  })

  it('keeps nothing when the database refuses a statement, and can be used again', async () => {
    const store = await open()
    await addEnvironments(store)
    const failing = store.transaction(async (tx) => {
      await tx.events.add(eventRow())
      await tx.events.add(eventRow())
    })
    await expect(failing).rejects.toThrow(/unique/i)
    await store.transaction(async (tx) => await tx.events.add(eventRow()))
    expect(await store.events.list(ENVIRONMENT_ID, {}, { limit: 10 })).toHaveLength(1)
  })

  it('carries out in their order what is begun together', async () => {
    const store = await open()
    await addEnvironments(store)
    const [first, , second] = await store.transaction(
      async (tx) =>
        await Promise.all([
          tx.events.find(ENVIRONMENT_ID, 'event-1'),
          tx.events.add(eventRow()),
          tx.events.find(ENVIRONMENT_ID, 'event-1'),
        ]),
    )
    expect([first, second?.id]).toEqual([undefined, 'event-1'])
  })

  it('writes nothing of what is begun beside a statement that fails, not even behind its end', async () => {
    const store = await open()
    await addEnvironments(store)
    let late: Promise<string> | undefined
    const failing = store.transaction(async (tx) => {
      await tx.events.add(eventRow())
      const refused = tx.events.add(eventRow())
      late = refused
        .catch(async () => await new Promise((resolve) => setImmediate(resolve)))
        .then(async () => await tx.events.add(eventRow({ id: 'late' })))
        .then(
          () => 'written',
          () => 'refused',
        )
      await Promise.all([refused, tx.events.add(eventRow({ id: 'beside' }))])
    })
    await expect(failing).rejects.toThrow(/unique/i)
    expect(await late).toBe('refused')
    expect(await store.events.list(ENVIRONMENT_ID, {}, { limit: 100 })).toEqual([])
  })

  it('writes nothing of what was begun when the function throws before the transaction has', async () => {
    const store = await open()
    await addEnvironments(store)
    for (let i = 0; i < 20; i += 1) {
      const begun: Promise<void>[] = []
      const failing = store.transaction(async (tx) => {
        begun.push(tx.events.add(eventRow({ id: `beside ${i}` })))
        throw new RangeError('on purpose')
      })
      await expect(failing).rejects.toThrow('on purpose')
      await Promise.allSettled(begun)
    }
    expect(await store.events.list(ENVIRONMENT_ID, {}, { limit: 100 })).toEqual([])
  })

  it('refuses rows whose parents do not exist', async () => {
    const store = await open()
    await expect(store.events.add(eventRow())).rejects.toThrow(/foreign key/i)
  })

  it('shows no reader what is not committed, and runs one after the other', async () => {
    const store = await open()
    await addEnvironments(store)
    const seen: number[] = []
    const writing = Array.from({ length: 10 }, async (_, i) =>
      store.transaction(async (tx) => {
        await tx.events.add(eventRow({ id: `a${i}` }))
        await new Promise((resolve) => setImmediate(resolve))
        await tx.events.add(eventRow({ id: `b${i}` }))
      }),
    )
    const reading = Array.from({ length: 10 }, async () => {
      seen.push((await store.events.list(ENVIRONMENT_ID, {}, { limit: 100 })).length)
    })
    await Promise.all([...writing, ...reading])
    expect(seen.filter((count) => count % 2 === 1)).toEqual([])
    expect(await store.events.list(ENVIRONMENT_ID, {}, { limit: 100 })).toHaveLength(20)
  })

  it('answers a ping', async () => {
    const store = await open()
    await expect(store.ping()).resolves.toBeUndefined()
  })
})
