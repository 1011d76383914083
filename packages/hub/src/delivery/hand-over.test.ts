import { beforeEach, describe, expect, it } from 'vitest'
import { type TestHub, createTestHub, DEV_ID } from '../../test/support/create-test-hub.ts'
import { announceData } from '../operations/announce-data.ts'
import { CONCURRENCY_DEFAULT } from '../store/destinations.ts'

/** A connected user, with nothing left to be done about the connection. */
async function connectUser(hub: TestHub, referenceId = 'tony_stark'): Promise<string> {
  const landing = await hub.connect('GARMIN', { referenceId })
  await hub.hub.settle()
  return landing.searchParams.get('user_id') ?? ''
}

const announce = async ({ hub }: TestHub, userId: string, name: string): Promise<string> =>
  await announceData(hub.deps, { id: DEV_ID }, userId, { type: 'daily', data: [{ name }] })

/** How the delivery of an event stands in the database. */
const statusOf = async (hub: TestHub, eventId: string): Promise<unknown> => {
  const [row] = await hub.rows(`SELECT status FROM delivery WHERE event_id = '${eventId}'`)
  return row?.['status']
}

describe('what was just announced', () => {
  let hub: TestHub
  let userId: string
  /** Lets the app answer. */
  let release: () => void

  beforeEach(async () => {
    hub = await createTestHub()
    userId = await connectUser(hub)
    hold()
  })

  function hold(): void {
    const answered = new Promise<void>((resolve) => (release = resolve))
    hub.app.answer = async () => {
      await answered
      return { status: 200 }
    }
  }

  const namesAtTheApp = (): unknown[] =>
    hub.app.received.flatMap(({ event }) => (event['data'] as { name: string }[] | undefined) ?? [])

  it('is claimed by its own commit', async () => {
    const eventId = await announce(hub, userId, 'one')
    expect(await statusOf(hub, eventId)).toBe('sending')
    release()
    await hub.hub.settle()
    expect(await statusOf(hub, eventId)).toBe('delivered')
    const delivered = await hub.rows('SELECT count(*) AS count FROM attempt')
    // The connection's own event, and this one.
    expect(delivered).toEqual([{ count: 2 }])
  })

  it.each([
    ['sent with a key', { 'idempotency-key': 'one' }, 1],
    ['only tried', { 'firma-dry-run': 'true' }, 0],
  ])('is claimed by its own commit where it is %s', async (_how, headers, count) => {
    const body = { type: 'daily', user_id: userId, data: [{ name: 'one' }] }
    const response = await fetch(`${hub.url}/admin/v1/events/generate`, {
      method: 'POST',
      headers: {
        'dev-id': DEV_ID,
        'x-api-key': hub.apiKey,
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify(body),
    })
    expect(response.ok).toBe(true)
    const claimed = await hub.rows("SELECT status FROM delivery WHERE status <> 'delivered'")
    expect(claimed).toEqual(Array.from({ length: count }, () => ({ status: 'sending' })))
    release()
    await hub.hub.settle()
    expect(namesAtTheApp()).toHaveLength(count)
  })

  it('waits for what its connection is owed already', async () => {
    const eventIds = [await announce(hub, userId, 'one'), await announce(hub, userId, 'two')]
    expect(await Promise.all(eventIds.map((id) => statusOf(hub, id)))).toEqual([
      'sending',
      'waiting',
    ])
    release()
    await hub.hub.settle()
    expect(namesAtTheApp()).toEqual([{ name: 'one' }, { name: 'two' }])
  })

  it('is left to the worker where there is no place', async () => {
    const { destinations } = hub.hub.deps.store
    const destination = await destinations.find(hub.destinationId)
    if (destination === undefined) throw new RangeError('the hub has a destination')
    await destinations.update(destination, { concurrency: 1 })
    release()
    // The worker hears of the change with the next delivery.
    const other = await connectUser(hub, 'pepper_potts')
    hold()
    const first = await announce(hub, userId, 'one')
    const second = await announce(hub, other, 'two')
    expect([await statusOf(hub, first), await statusOf(hub, second)]).toEqual([
      'sending',
      'pending',
    ])
    release()
    await hub.hub.settle()
    expect(namesAtTheApp()).toEqual([{ name: 'one' }, { name: 'two' }])
  })

  it('is left alone where the destination is disabled', async () => {
    await hub.hub.deps.store.destinations.disable(hub.destinationId, 'test')
    const eventId = await announce(hub, userId, 'one')
    await hub.hub.settle()
    expect(await statusOf(hub, eventId)).toBe('pending')
    expect(namesAtTheApp()).toEqual([])
    release()
  })

  it('is not sent when it was not committed, and keeps no place', async () => {
    const { store } = hub.hub.deps as { store: { together: unknown } }
    const { together } = hub.hub.deps.store
    for (let i = 0; i < CONCURRENCY_DEFAULT; i += 1) {
      store.together = async (run: Parameters<typeof together>[0]) =>
        await together(async (tx) => {
          await run(tx)
          throw new RangeError('the disk is full')
        })
      await expect(announce(hub, userId, 'lost')).rejects.toThrow('the disk is full')
    }
    store.together = together
    const eventId = await announce(hub, userId, 'one')
    expect(await statusOf(hub, eventId)).toBe('sending')
    release()
    await hub.hub.settle()
    expect(namesAtTheApp()).toEqual([{ name: 'one' }])
  })
})
