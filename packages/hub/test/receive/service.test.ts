import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { auth, connectionError, data, wireUser } from 'firma-receiver/testing'
import { describe, expect, it } from 'vitest'
import { FirmaError } from '../../src/errors.ts'
import { PROBE_EVERY_MS } from '../../src/operations/check-readiness.ts'
import { createTestHub } from '../support/create-test-hub.ts'
import { readExposition, readMetricTable } from '../support/metric-table.ts'
import { cleanUp, makeFolder, TestApp, TestService, TestTime, toForward } from './support.ts'

const DAY_MS = 86_400_000

/** The API of a sender, that has one user. */
async function openApi(toStatus: () => number) {
  let asked = 0
  const waiting: { count: number; resolve: () => void }[] = []
  const api = createServer((request, response) => {
    expect(request.headers['x-api-key']).toBe('key')
    const users = [wireUser({ userId: 'u-9' })]
    response.writeHead(toStatus(), { 'content-type': 'application/json' })
    response.end(JSON.stringify({ status: 'success', users }))
    asked += 1
    for (const { count, resolve } of waiting) if (asked >= count) resolve()
  })
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  cleanUp(() => void api.close())
  return {
    url: `http://127.0.0.1:${(api.address() as AddressInfo).port}/v2`,
    async askedTimes(count: number): Promise<void> {
      if (asked < count) await new Promise<void>((resolve) => waiting.push({ count, resolve }))
    },
  }
}

describe('the service', () => {
  it('answers 401 to what is not signed with its secret, and counts it', async () => {
    const service = await TestService.open()
    const forged = await service.send(auth(), { secret: 'another' })
    expect([forged.status, await forged.json()]).toMatchObject([
      401,
      { reason: 'signature_mismatch' },
    ])
    const bare = await fetch(`${service.url}/webhook`, { method: 'POST', body: '{}' })
    expect(bare.status).toBe(401)
    const text = await service.metrics()
    expect(text).toContain(
      'firma_receive_verification_failures_total{reason="signature_mismatch"} 1',
    )
    expect(text).toContain('firma_receive_verification_failures_total{reason="header_missing"} 1')
    expect(text).toContain('firma_receive_webhook_answers_total{status="401"} 2')
  })

  it('says in its log what it refuses, once a minute for each reason', async () => {
    const said: unknown[] = []
    const nothing = (): void => undefined
    const warn = (fields: Record<string, unknown>): void => void said.push(fields)
    const time = new TestTime()
    const service = await TestService.open({}, time, { info: nothing, warn, error: nothing })
    for (let n = 0; n < 3; n += 1) await service.send(auth(), { secret: 'another' })
    await fetch(`${service.url}/webhook`, { method: 'POST', body: '{}' })
    time.advanceByMs(60_000)
    await service.send(auth(), { secret: 'another' })
    const detail = expect.stringContaining('another environment')
    expect(said).toMatchObject([
      { reason: 'signature_mismatch', detail },
      { reason: 'header_missing' },
      { reason: 'signature_mismatch', detail },
    ])
  })

  it('believes signatures of any age only when told', async () => {
    const time = new TestTime()
    const late = { signedAtMs: time.nowMs - 3_600_000 }
    const strict = await TestService.open({}, time)
    expect((await strict.send(auth(), late)).status).toBe(401)
    const off = await TestService.open({ FIRMA_RECEIVE_TOLERANCE_SECONDS: 'off' }, time)
    expect((await off.send(auth(), late)).status).toBe(200)
  })

  it('tells Prometheus what came, what was handed over, and what waits', async () => {
    const app = await TestApp.open()
    const service = await TestService.open(toForward(app))
    await service.send(auth({ userId: 'u-1' }), { traceId: 't-1', orderingMs: 1 })
    await service.send(auth({ userId: 'u-1' }), { traceId: 't-1', orderingMs: 1 })
    await service.askUntil('/v1/events', ({ events }) => events[0].state === 'done')
    app.status = 500
    await service.send(connectionError({ userId: 'u-1' }))
    await service.askUntil('/v1/events', ({ events }) => events[1].state === 'failed')
    await service.send(auth(), { secret: 'another' })
    const text = await service.metrics()
    expect(readExposition(text)).toEqual(await readMetricTable('docs/receive.md'))
    for (const line of [
      'firma_receive_events_total{type="auth",outcome="accepted"} 1',
      'firma_receive_events_total{type="auth",outcome="duplicate"} 1',
      'firma_receive_handler_results_total{result="done"} 1',
      'firma_receive_handler_results_total{result="failed"} 1',
      'firma_receive_forward_duration_seconds_count{result="done"} 1',
      'firma_receive_events_waiting{state="failed"} 1',
      'firma_receive_events_waiting{state="parked"} 0',
      'firma_receive_events_waiting{state="dead"} 0',
      'firma_receive_store_up 1',
    ]) {
      expect(text).toContain(line)
    }
    expect(text).toMatch(/firma_receive_build_info\{version="[\d.]+",node_version="[\d.]+"\} 1/)
    expect(text).not.toContain('u-1')
  })

  it('says that it lives and that its store answers', async () => {
    const service = await TestService.open()
    expect(await service.ask('/healthz', { key: '' })).toMatchObject({ status: 200 })
    expect(await service.ask('/readyz', { key: '' })).toMatchObject({ status: 200 })
  })

  it('is not ready while its store takes no writes, and is when it does', async () => {
    const path = join(makeFolder(), 'db.sqlite')
    const service = await TestService.open({ FIRMA_RECEIVE_DATABASE: path })
    const database = await openSqlite(path)
    cleanUp(async () => await database.close())
    const execute = async (sql: string) => await database.exclusive((db) => db.exec(sql))
    const ready = async () => {
      service.time.advanceByMs(PROBE_EVERY_MS)
      return (await service.ask('/readyz', { key: '' })).status
    }
    expect(await ready()).toBe(200)
    const [table] = await database.exclusive((db) =>
      db.prepare("SELECT name FROM sqlite_schema WHERE name LIKE '%cursors'").all(),
    )
    // As a full disk: it can be read, and nothing can be written.
    await execute(`CREATE TRIGGER full_disk BEFORE INSERT ON ${String(table?.['name'])}
      BEGIN SELECT RAISE(ROLLBACK, 'database or disk is full'); END`)
    expect(await ready()).toBe(503)
    expect((await service.ask('/healthz', { key: '' })).status).toBe(200)
    await execute('DROP TRIGGER full_disk')
    expect(await ready()).toBe(200)
  })

  it('knows after a restart what it knew, and hands over what was not taken', async () => {
    const database = { FIRMA_RECEIVE_DATABASE: join(makeFolder(), 'deep', 'db.sqlite') }
    const app = await TestApp.open()
    app.status = 500
    const first = await TestService.open({ ...toForward(app), ...database })
    await first.send(auth({ userId: 'u-1' }))
    await first.close()
    expect(app.calls).toHaveLength(1)
    app.status = 200
    const time = new TestTime()
    time.nowMs += 60_000
    const second = await TestService.open({ ...toForward(app), ...database }, time)
    time.advanceByMs(0)
    const [, call] = await app.calledTimes(2)
    expect(call!.body).toMatchObject({ attempt: 2, connection: { user_id: 'u-1' } })
    expect((await second.ask('/v1/users/u-1')).body).toMatchObject({ status: 'active' })
  })

  it('repairs from the API when asked to', async () => {
    const api = await openApi(() => 200)
    const service = await TestService.open({
      FIRMA_RECEIVE_RECONCILE_URL: api.url,
      FIRMA_RECEIVE_RECONCILE_DEV_ID: 'dev',
      FIRMA_RECEIVE_RECONCILE_API_KEY: 'key',
      FIRMA_RECEIVE_RECONCILE_EVERY_SECONDS: 'off',
    })
    const answer = await service.ask('/v1/reconcile', { method: 'POST' })
    expect(answer.body).toMatchObject({ status: 'complete', new_user_ids: ['u-9'] })
    expect((await service.ask('/v1/users/u-9')).body).toMatchObject({ reference_id: 'tony_stark' })
  })

  it('repairs from the API by itself, and goes on when it fails', async () => {
    let status = 500
    const api = await openApi(() => status)
    const service = await TestService.open({
      FIRMA_RECEIVE_RECONCILE_URL: api.url,
      FIRMA_RECEIVE_RECONCILE_DEV_ID: 'dev',
      FIRMA_RECEIVE_RECONCILE_API_KEY: 'key',
      FIRMA_RECEIVE_RECONCILE_EVERY_SECONDS: '60',
    })
    await api.askedTimes(1)
    expect((await service.ask('/v1/users/u-9')).status).toBe(404)
    status = 200
    // Its next one is set when the first has ended, which nothing outside tells.
    const askLater = async (): Promise<number> => {
      service.time.advanceByMs(60_000)
      return (await service.ask('/v1/users/u-9')).status
    }
    await expect.poll(askLater, { interval: 1 }).toBe(200)
    expect((await service.ask('/v1/users/u-9')).body).toMatchObject({ status: 'active' })
  })

  it('fetches from a hub what it has missed, also as one of several destinations', async () => {
    const hub = await createTestHub()
    const { json: own } = await hub.call('POST', '/admin/v1/destinations', { url: hub.app.url })
    await hub.call('POST', `/admin/v1/destinations/${own.id}/disable`)
    await hub.connect('GARMIN')
    const receivers = [
      { FIRMA_RECEIVE_SIGNING_SECRETS: hub.destinationSecret },
      { FIRMA_RECEIVE_SIGNING_SECRETS: own.secret, FIRMA_RECEIVE_RECOVER_DESTINATION: own.id },
    ]
    for (const settings of receivers) {
      const time = new TestTime()
      time.nowMs = hub.clock.nowMs()
      const service = await TestService.open(
        {
          ...settings,
          FIRMA_RECEIVE_RECOVER_URL: `${hub.url}/admin/v1`,
          FIRMA_RECEIVE_RECONCILE_DEV_ID: 'acme-testing',
          FIRMA_RECEIVE_RECONCILE_API_KEY: hub.apiKey,
        },
        time,
      )
      const body = await service.askUntil('/v1/events', ({ events }) => events.length === 1)
      expect(body['events']).toMatchObject([{ type: 'auth' }])
      const person = await service.ask('/v1/end-users/tony_stark')
      expect(person.body['connections']).toMatchObject([{ provider: 'GARMIN', status: 'active' }])
    }
  })

  it('deletes what is old and handled, and keeps the map', async () => {
    const database = { FIRMA_RECEIVE_DATABASE: join(makeFolder(), 'db.sqlite') }
    const service = await TestService.open({ ...database, FIRMA_RECEIVE_RETENTION_DAYS: '7' })
    await service.send(auth({ userId: 'u-1' }))
    await service.send(data('daily', { userId: 'stranger' }))
    service.time.advanceByMs(7 * DAY_MS)
    const body = await service.askUntil('/v1/events', ({ events }) => {
      service.time.advanceByMs(3_600_000)
      return events.length < 2
    })
    expect(body['events']).toMatchObject([{ type: 'daily', state: 'parked' }])
    expect((await service.ask('/v1/users/u-1')).body).toMatchObject({ status: 'active' })
    await service.close()
    const later = new TestTime()
    later.nowMs += 900 * DAY_MS
    const off = await TestService.open({ ...database, FIRMA_RECEIVE_RETENTION_DAYS: 'off' }, later)
    later.advanceByMs(DAY_MS)
    expect((await off.ask('/v1/events')).body['events']).toHaveLength(1)
  })

  it('names the variable when the port is taken or the database cannot be opened', async () => {
    const service = await TestService.open()
    const { port } = new URL(service.url)
    const taken = TestService.open({ FIRMA_RECEIVE_PORT: port })
    await expect(taken).rejects.toThrow(`port ${port} is taken; choose another FIRMA_RECEIVE_PORT`)
    const folder = makeFolder()
    const bad = TestService.open({ FIRMA_RECEIVE_DATABASE: folder })
    await expect(bad).rejects.toThrow(/FIRMA_RECEIVE_DATABASE is SQLite file/)
    await expect(bad).rejects.toBeInstanceOf(FirmaError)
    const nowhere = 'postgres://me:hush@127.0.0.1:1/db'
    const none = TestService.open({ FIRMA_RECEIVE_DATABASE: nowhere })
    await expect(none).rejects.toThrow(/is PostgreSQL 127.0.0.1:1\/db, which cannot be used/)
    await expect(none).rejects.not.toThrow(/hush/)
  })
})
