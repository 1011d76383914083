import { expect, it } from 'vitest'
import { createTestHub } from '../../test/support/create-test-hub.ts'
import { SECOND_MS } from '../core/time.ts'
import { FirmaError } from '../errors.ts'

it('says once in 5 s that the database is away, and for how many requests', async () => {
  const hub = await createTestHub()
  const { store } = hub.hub.deps
  store.ping = async () => {
    throw new FirmaError('database_unavailable', 'the disk is full')
  }
  const said = () =>
    hub.logLines.flatMap((line) => {
      const { message, requests } = JSON.parse(line) as { message: string; requests?: number }
      return message === 'the database is unavailable' ? [requests] : []
    })
  for (let i = 0; i < 20; i += 1) {
    expect((await hub.call('GET', '/healthz')).status).toBe(503)
  }
  expect(said()).toEqual([1])
  await hub.advanceByMs(5 * SECOND_MS)
  await hub.call('GET', '/healthz')
  expect(said()).toEqual([1, 20])
})
