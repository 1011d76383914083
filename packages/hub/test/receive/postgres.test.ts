import { auth, data } from 'firma-receiver/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../../receiver/test/postgres.ts'
import { TestApp, TestService, TestTime, toForward } from './support.ts'

describe('the service on PostgreSQL', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await openTestDatabase()
  })
  afterAll(async () => {
    await database.close()
  })

  it('receives, answers, hands over, and shares its state with another process', async () => {
    const app = await TestApp.open()
    const time = new TestTime()
    const settings = {
      ...toForward(app),
      FIRMA_RECEIVE_DATABASE: database.url,
      FIRMA_RECEIVE_TABLE_PREFIX: 'own_',
    }
    const one = await TestService.open(settings, time)
    const two = await TestService.open(settings, time)
    await one.send(data('daily', { userId: 'u-1' }))
    expect(await one.metrics()).toContain('firma_receive_events_waiting{state="parked"} 1')
    await two.send(auth({ userId: 'u-1' }))
    const calls = await app.calledTimes(2)
    expect(calls.map(({ body }) => body['connection'].user_id)).toEqual(['u-1', 'u-1'])
    expect((await one.ask('/v1/users/u-1')).body).toMatchObject({ status: 'active' })
    expect((await one.ask('/v1/users/%00')).status).toBe(404)
    expect((await one.ask('/readyz')).status).toBe(200)
  })
})
