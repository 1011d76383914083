/** Changing the encryption key while the hub works. */
import { openSqlite } from 'firma-receiver/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { SECOND_MS } from '../src/core/time.ts'
import type { FirmaError } from '../src/errors.ts'
import type { Hub, HubDatabase, HubSettings } from '../src/hub.ts'
import { createApiKey } from '../src/operations/api-keys.ts'
import { createEnvironment, enableProvider } from '../src/operations/set-up.ts'
import { BEAT_MS } from '../src/operations/watch-processes.ts'
import { Redacted } from '../src/secret.ts'
import { openTestSchema } from './support/postgres.ts'
import { connectionRow, tokenContent } from './support/store-rows.ts'
import { EPOCH_MS, TestClock } from './support/test-clock.ts'
import { openWatchedHub } from './support/watched-hub.ts'

const OLD = ['k1', new Uint8Array(32).fill(1)] as const
const NEW = ['k_2', new Uint8Array(32).fill(2)] as const
const CONNECTIONS = 150
const log = { info: () => undefined, warn: () => undefined, error: () => undefined }

async function open(
  database: HubDatabase,
  keys: readonly (readonly [string, Uint8Array])[],
  settings: Partial<HubSettings> = {},
): Promise<Hub> {
  return await openWatchedHub({
    ...database,
    ...settings,
    baseUrl: 'http://127.0.0.1:1',
    log,
    keys: { primaryId: keys[0]?.[0] ?? '', keys: new Map(keys) },
  })
}

async function fill({ deps }: Hub): Promise<string> {
  await createEnvironment(deps, { id: 'acme', name: 'Acme' })
  await enableProvider(deps, {
    environmentId: 'acme',
    provider: 'GARMIN',
    clientId: 'client',
    clientSecret: 'client-secret',
    noticeKey: 'notice-key',
    originOverrides: {},
  })
  for (let i = 0; i < CONNECTIONS; i += 1) {
    const row = connectionRow({ lineageId: `lineage-${i}`, environmentId: 'acme' })
    await deps.store.connections.save(row, 0)
    const of = { environmentId: 'acme', lineageId: `lineage-${i}`, provider: 'GARMIN', version: 1 }
    await deps.store.tokenSets.save(of, tokenContent(new Redacted(`tokens of ${i}`)), 0)
  }
  const { secret } = await createApiKey(deps, 'test', { environmentId: null, name: 'operator' })
  return secret
}

async function readState(hub: Hub, apiKey: string): Promise<any> {
  const request = new Request('http://127.0.0.1:1/admin/v1/encryption', {
    headers: { 'x-api-key': apiKey },
  })
  return await (await hub.fetch(request)).json()
}

it.each(['sqlite', 'postgres'] as const)(
  'seals everything anew on %s without one read that fails, and then needs the old key no more',
  async (engine) => {
    const database = await openDatabase(engine)
    const before = await open(database, [OLD])
    const apiKey = await fill(before)
    await before.close()

    const hub = await open(database, [NEW, OLD])
    const during = await readState(hub, apiKey)
    expect(during.keys[1]).toMatchObject({ id: 'k1', removable: false })
    expect(during.keys[1].values).toBeGreaterThan(CONNECTIONS)
    const reads = { isOver: false, count: 0 }
    const reading = readAllTheTime(hub, reads)
    hub.start()
    await expect
      .poll(async () => (await readState(hub, apiKey)).keys, { timeout: 180_000 })
      .toMatchObject([{ id: 'k_2' }, { id: 'k1', values: 0, removable: true }])
    reads.isOver = true
    // Every read has opened what it found, or this would throw.
    await reading
    expect(reads.count).toBeGreaterThan(10)
    await hub.close()

    const after = await open(database, [NEW])
    expect(await readState(after, apiKey)).toMatchObject({ unknown_values: 0 })
    for (let i = 0; i < CONNECTIONS; i += 50) {
      const found = await after.deps.store.tokenSets.find('acme', `lineage-${i}`)
      expect(found?.json.reveal()).toBe(`tokens of ${i}`)
    }
    const app = await after.deps.store.providerApps.find('acme', 'GARMIN')
    expect(app?.clientSecret.reveal()).toBe('client-secret')
    await after.close()
  },
)

async function readAllTheTime(
  { deps }: Hub,
  reads: { isOver: boolean; count: number },
): Promise<void> {
  for (let i = 0; !reads.isOver; i = (i + 7) % CONNECTIONS) {
    const found = await deps.store.tokenSets.find('acme', `lineage-${i}`)
    if (found?.json.reveal() !== `tokens of ${i}`) throw new TypeError(`tokens of ${i} are gone`)
    // Writes go on as well, and win over what is being sealed anew.
    const of = { environmentId: 'acme', lineageId: `lineage-${i}`, provider: 'GARMIN', version: 1 }
    if (i % 3 === 0) {
      await deps.store.tokenSets.save(of, tokenContent(new Redacted(`tokens of ${i}`)), 0)
    }
    reads.count += 1
    // SQLite answers at once: without this nobody else would have a turn.
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('counts what does not open, and goes on with the rest', async () => {
  const sqlite = await openSqlite(':memory:')
  onTestFinished(async () => await sqlite.close())
  const before = await open({ sqlite }, [OLD])
  const apiKey = await fill(before)
  await before.close()
  // A token set that was sealed with a key that nobody has any more.
  const rename = async (from: string, to: string): Promise<void> =>
    await sqlite.exclusive((database) => {
      database
        .prepare(
          "UPDATE token_set SET sealed = replace(sealed, ?, ?) WHERE lineage_id = 'lineage-7'",
        )
        .run(`v1.${from}.`, `v1.${to}.`)
    })
  await rename('k1', 'k9')
  const hub = await open({ sqlite }, [NEW, OLD])
  expect(await readState(hub, apiKey)).toMatchObject({ unknown_values: 1 })
  hub.start()
  await expect
    .poll(async () => (await readState(hub, apiKey)).keys, { timeout: 180_000 })
    .toMatchObject([{ id: 'k_2' }, { id: 'k1', values: 0, removable: true }])
  expect(await readState(hub, apiKey)).toMatchObject({ unknown_values: 1 })
  await hub.close()
  // With the key back, nothing is lost.
  await rename('k9', 'k1')
  const again = await open({ sqlite }, [NEW, OLD])
  const found = await again.deps.store.tokenSets.find('acme', 'lineage-7')
  expect(found?.json.reveal()).toBe('tokens of 7')
  await again.close()
})

async function openDatabase(engine: 'sqlite' | 'postgres'): Promise<HubDatabase> {
  if (engine === 'sqlite') {
    const sqlite = await openSqlite(':memory:')
    onTestFinished(async () => await sqlite.close())
    return { sqlite }
  }
  const schema = await openTestSchema()
  onTestFinished(async () => await schema.drop())
  return { postgresUrl: schema.url }
}

it('makes a new key while it runs, keeps it first, and seals everything anew with it', async () => {
  const sqlite = await openSqlite(':memory:')
  onTestFinished(async () => await sqlite.close())
  const made: string[] = []
  const keys = { primaryId: OLD[0], keys: new Map([OLD]) }
  const makeKey = async () => {
    made.push(NEW[0])
    return { id: NEW[0], key: NEW[1] }
  }
  const hub = await openWatchedHub({ sqlite, baseUrl: 'http://127.0.0.1:1', log, keys, makeKey })
  const apiKey = await fill(hub)
  hub.start()
  const reads = { isOver: false, count: 0 }
  const reading = readAllTheTime(hub, reads)
  const rotate = async (): Promise<Response> =>
    await hub.fetch(
      new Request('http://127.0.0.1:1/admin/v1/encryption/rotate', {
        method: 'POST',
        headers: { 'x-api-key': apiKey },
      }),
    )
  const answer = await rotate()
  expect(await answer.json()).toMatchObject({ primary_key: 'k_2' })
  await expect
    .poll(async () => (await readState(hub, apiKey)).keys, { timeout: 180_000 })
    .toMatchObject([{ id: 'k_2' }, { id: 'k1', values: 0, removable: true }])
  reads.isOver = true
  await reading
  expect(reads.count).toBeGreaterThan(10)
  expect(made).toEqual(['k_2'])
  await hub.close()
  const after = await open({ sqlite }, [NEW])
  expect(await readState(after, apiKey)).toMatchObject({ unknown_values: 0 })
  const refused = await after.fetch(
    new Request('http://127.0.0.1:1/admin/v1/encryption/rotate', {
      method: 'POST',
      headers: { 'x-api-key': apiKey },
    }),
  )
  expect([refused.status, await refused.text()]).toEqual([
    409,
    expect.stringContaining('FIRMA_ENCRYPTION_KEYS'),
  ])
  await after.close()
})

describe('processes that share a database and get a new key one after the other', () => {
  // Not where processes must not take each other for dead, however slow the machine is.
  const looking = { beatMs: 20 }

  it('seal with it as soon as all have it, and none meets what it cannot open', async () => {
    const database = await openDatabase('postgres')
    const [first, second] = [await open(database, [OLD]), await open(database, [OLD])]
    const apiKey = await fill(first)
    first.start()
    second.start()
    const reads = { isOver: false, count: 0 }
    const readings = [readAllTheTime(second, reads)]

    await first.close()
    const third = await open(database, [NEW, OLD])
    third.start()
    readings.push(readAllTheTime(third, reads))
    // The second reads what the third writes.
    expect(await readState(third, apiKey)).toMatchObject({
      primary_key: 'k1',
      next_key: { id: 'k_2', processes_without: 1 },
      keys: [
        { id: 'k_2', values: 0, removable: false },
        { id: 'k1', removable: false },
      ],
    })
    const before = reads.count
    await expect.poll(() => reads.count, { timeout: 180_000 }).toBeGreaterThan(before + 100)
    expect((await readState(third, apiKey)).primary_key).toBe('k1')

    reads.isOver = true
    await Promise.all(readings)
    await second.close()
    const fourth = await open(database, [NEW, OLD])
    fourth.start()
    const more = { isOver: false, count: 0 }
    const going = [third, fourth].map(async (hub) => await readAllTheTime(hub, more))
    for (const hub of [third, fourth]) {
      await expect
        .poll(async () => await readState(hub, apiKey), { timeout: 180_000 })
        .toMatchObject({
          primary_key: 'k_2',
          next_key: null,
          keys: [{ id: 'k_2' }, { id: 'k1', values: 0, removable: true }],
        })
    }
    more.isOver = true
    await Promise.all(going)
    await third.close()
    await fourth.close()
  })

  it('refuse to start without a key that another seals with', async () => {
    const database = await openDatabase('postgres')
    const before = await open(database, [OLD], looking)
    await fill(before)
    await before.close()
    const first = await open(database, [NEW, OLD], looking)
    const refused = open(database, [OLD], { ...looking, senderThreads: 1 })
    await expect(refused).rejects.toMatchObject({
      code: 'configuration_invalid',
      message: expect.stringContaining('"k_2", which this one does not have (it has k1)'),
    })
    await first.close()
  })

  /** One that has slept while another came that seals with a key that it does not have. */
  async function openSleeper() {
    const clock = new TestClock()
    const reasons: string[] = []
    const onUnfit = ({ code }: FirmaError): void => void reasons.push(code)
    const database = await openDatabase('postgres')
    const hub = await open(database, [OLD], { clock, timer: clock, onUnfit })
    const { store, ids } = hub.deps
    await expect.poll(() => clock.nextTimerMs, { timeout: 180_000 }).toBe(EPOCH_MS + BEAT_MS)
    await store.processes.beat('other/1', { opens: ['k_2'], seals: ['k_2'] }, clock.nowMs())
    await store.processes.remove({ id: ids.processId })
    return { hub, clock, reasons }
  }

  it('tell one that has slept through it once that it has to end', async () => {
    const { hub, clock, reasons } = await openSleeper()
    clock.moveTo(EPOCH_MS + BEAT_MS)
    await expect.poll(() => reasons, { timeout: 180_000 }).toEqual(['configuration_invalid'])
    // A turn that has failed is tried again after 5 s; closing waits for the one that this would begin.
    clock.moveTo(clock.nowMs() + 5 * SECOND_MS)
    await hub.close()
    expect(reasons).toHaveLength(1)
  })

  it('tell it nothing where it ends already', async () => {
    const { hub, clock, reasons } = await openSleeper()
    clock.moveTo(EPOCH_MS + BEAT_MS)
    await hub.close()
    expect(reasons).toEqual([])
  })

  it('wait no longer for one that is gone', async () => {
    const database = await openDatabase('postgres')
    const before = await open(database, [OLD], looking)
    const apiKey = await fill(before)
    await before.deps.store.processes.beat('gone/1', { opens: ['k1'], seals: ['k1'] }, Date.now())
    await before.close()
    const hub = await open(database, [NEW, OLD], looking)
    hub.start()
    await expect
      .poll(async () => (await hub.deps.store.processes.list()).length, { timeout: 180_000 })
      .toBe(1)
    await expect
      .poll(async () => await readState(hub, apiKey), { timeout: 180_000 })
      .toMatchObject({ primary_key: 'k_2', next_key: null })
    await hub.close()
  })
})
