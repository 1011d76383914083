import { auth, data, userReauth } from 'firma-receiver/testing'
import { describe, expect, it } from 'vitest'
import { TestService } from './support.ts'

describe('the lookup API', () => {
  it('finds a connection by any alias, by the end user and by its lineage', async () => {
    const service = await TestService.open()
    await service.send(auth({ userId: 'u-1', referenceId: 'tony/stark' }))
    await service.send(
      userReauth({ oldUserId: 'u-1', newUserId: 'u-2', referenceId: 'tony/stark' }),
    )
    const byOld = await service.ask('/v1/users/u-1')
    expect(byOld).toMatchObject({
      status: 200,
      body: {
        user_id: 'u-2',
        aliases: ['u-1', 'u-2'],
        reference_id: 'tony/stark',
        provider: 'GARMIN',
        status: 'active',
        environment: '',
      },
    })
    const byReference = await service.ask('/v1/end-users/tony%2Fstark?provider=garmin')
    expect(byReference.body['connections']).toEqual([byOld.body])
    const byLineage = await service.ask(`/v1/lineages/${byOld.body['lineage_id']}`)
    expect(byLineage.body).toEqual(byOld.body)
    const explained = await service.ask('/v1/users/u-2/explain')
    expect(explained.body).toMatchObject({ connection: byOld.body, code: 'nothing' })
    expect(explained.body['timeline'].map(({ type }: { type: string }) => type)).toEqual([
      'auth',
      'user_reauth',
    ])
  })

  it.each([
    ['GET', '/v1/users/stranger', 'user_not_found'],
    ['GET', '/v1/users/stranger/explain', 'user_not_found'],
    ['GET', '/v1/users/%00', 'user_not_found'],
    ['GET', '/v1/end-users/stranger', 'user_not_found'],
    ['GET', '/v1/lineages/lin_stranger', 'user_not_found'],
    ['GET', '/v1/lineages/no-lineage', 'user_not_found'],
    ['POST', '/v1/events/0/replay', 'event_not_found'],
    ['GET', '/v1/nothing', 'not_found'],
    ['GET', '/nothing', 'not_found'],
  ])('answers 404 for %s %s', async (method, path, code) => {
    const service = await TestService.open()
    await service.send(auth())
    const answer = await service.ask(path, { method })
    expect(answer).toMatchObject({ status: 404, type: 'application/problem+json', body: { code } })
  })

  it('answers 401 without the key and with another one, and 403 where none is set', async () => {
    const service = await TestService.open()
    for (const key of ['', 'wrong', 'a-key-of-the-lookup-apj']) {
      const answer = await service.ask('/v1/users/u-1', { key })
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
    }
    const closed = await TestService.open({ FIRMA_RECEIVE_API_KEY: '' })
    const answer = await closed.ask('/v1/users/u-1')
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(answer.body['detail']).toContain('FIRMA_RECEIVE_API_KEY')
  })

  it('lists events in pages, and by user and state', async () => {
    const service = await TestService.open()
    for (const userId of ['u-1', 'u-2', 'u-3']) await service.send(auth({ userId }))
    await service.send(data('daily', { userId: 'u-2' }))
    const first = await service.ask('/v1/events?limit=3')
    expect(first.body['events']).toHaveLength(3)
    const rest = await service.ask(`/v1/events?limit=3&after=${first.body['next']}`)
    expect(rest.body).toMatchObject({ events: [{ type: 'daily', state: 'none' }], next: null })
    const ofUser = await service.ask('/v1/events?user_id=u-2&state=none,done')
    expect(ofUser.body['events']).toHaveLength(2)
    expect(JSON.stringify(ofUser.body)).not.toContain('tony_stark')
  })

  it('lists events by type and time', async () => {
    const service = await TestService.open()
    const start = service.time.nowMs
    await service.send(auth({ userId: 'u-1' }))
    service.time.advanceByMs(60_000)
    await service.send(data('daily', { userId: 'u-1' }))
    const types = async (query: string): Promise<string[]> => {
      const { status, body } = await service.ask(`/v1/events?${query}`)
      expect(status).toBe(200)
      return body['events'].map(({ type }: { type: string }) => type)
    }
    expect(await types('type=daily,sleep')).toEqual(['daily'])
    const between = new Date(start + 30_000).toISOString()
    expect(await types(`from=${between}`)).toEqual(['daily'])
    expect(await types(`before=${between}`)).toEqual(['auth'])
    expect(await types(`from=${between}&before=${between}`)).toEqual([])
    expect(await types('from=2020-01-01&user_id=u-1')).toEqual(['auth', 'daily'])
  })

  it.each([
    'from=yesterday',
    'before=1',
    'limit=0',
    'limit=101',
    'after=x',
    'state=lost',
    'user=u-1',
    'user_id=%00',
  ])('refuses the filter %s', async (query) => {
    const service = await TestService.open()
    const answer = await service.ask(`/v1/events?${query}`)
    expect(answer).toMatchObject({ status: 400, body: { code: 'bad_request' } })
  })

  it('asks which environment is meant where several have the user', async () => {
    const service = await TestService.open({ FIRMA_RECEIVE_SIGNING_SECRETS: '[live]a=,[test]b=' })
    await service.send(auth({ userId: 'u-1', referenceId: 'live-one' }), { secret: 'a=' })
    await service.send(auth({ userId: 'u-1', referenceId: 'test-one' }), { secret: 'b=' })
    const unclear = await service.ask('/v1/users/u-1')
    expect(unclear).toMatchObject({ status: 400, body: { code: 'bad_request' } })
    const clear = await service.ask('/v1/users/u-1?environment=test')
    expect(clear.body).toMatchObject({ reference_id: 'test-one', environment: 'test' })
  })

  it('erases an end user', async () => {
    const service = await TestService.open()
    await service.send(auth({ userId: 'u-1' }))
    const erased = await service.ask('/v1/end-users/tony_stark', { method: 'DELETE' })
    expect(erased).toMatchObject({ status: 200, body: { connections: 1, users: 1, events: 1 } })
    expect((await service.ask('/v1/users/u-1')).status).toBe(404)
    const again = await service.ask('/v1/end-users/tony_stark', { method: 'DELETE' })
    expect(again).toMatchObject({ status: 200, body: { connections: 0, users: 0, events: 0 } })
  })

  it('says that there is nothing to repair from', async () => {
    const service = await TestService.open()
    const answer = await service.ask('/v1/reconcile', { method: 'POST' })
    expect(answer).toMatchObject({ status: 409, body: { code: 'conflict' } })
  })
})
