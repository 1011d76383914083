/**
 * The database fails under the hub: restarted as after a crash, connections cut, no room left.
 *
 * A full disk is simulated, because a small one cannot be mounted without rights: on PostgreSQL a trigger raises
 * `disk_full` (53100) in the middle of transactions; SQLite gets a limit of pages, which is the error of a full disk.
 */
import { expect, it, onTestFinished } from 'vitest'
import { startPostgres } from '../../../../scripts/postgres.ts'
import { PROBE_EVERY_MS } from '../../src/operations/check-readiness.ts'
import { type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { readLedgerBy } from '../support/ledger.ts'
import { openTestSchema } from '../support/postgres.ts'
import { sendRaw } from '../support/problems.ts'
import { chooseSeed } from '../support/seeded.ts'
import { wrapPostgres } from '../support/test-database.ts'
import { disturbed, judgeArrivals } from './recorder.ts'
import { drain, progress, seeArrivals } from './wait.ts'
import { type World, openWorld } from './world.ts'

const seed = chooseSeed()
const PEOPLE = ['ada', 'ada', 'grace', 'grace']

const CUT_CONNECTIONS =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'firma' AND pid <> pg_backend_pid()"

/** Each alone: together they would hold locks that the hub's transactions take in another order. */
const PREPARE_FULL_DISK = [
  `CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
     IF EXISTS (SELECT 1 FROM disk WHERE is_full) THEN
       RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
     END IF;
     RETURN NULL;
   END $$`,
  'CREATE TABLE disk (is_full boolean)',
  'INSERT INTO disk VALUES (false)',
  ...['delivery', 'attempt', 'flow', 'write_probe'].map(
    (table) =>
      `CREATE TRIGGER full_disk AFTER INSERT OR UPDATE ON ${table} EXECUTE FUNCTION no_room()`,
  ),
]

/** Makes a link. */
async function sendSession(hub: TestHub): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  const path = '/v2/auth/generateWidgetSession'
  return await sendRaw(hub, { method: 'POST', path, headers, body: '{"reference_id":"ada"}' })
}

async function refused(world: World, more: number): Promise<void> {
  const count = (): number => world.refusals.get('503 retry-after') ?? 0
  const before = count()
  await expect.poll(count, { timeout: 300_000, interval: 5 }).toBeGreaterThanOrEqual(before + more)
}

it(
  `answers 503 while PostgreSQL is away, cut off or full, and delivers all afterwards (FIRMA_SEED=${seed})`,
  { timeout: 600_000 },
  async () => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    const world = await openWorld(server, seed)
    await world.processes.start()
    for (const sql of PREPARE_FULL_DISK) await world.database.execute(sql)
    await world.processes.start()
    const people = PEOPLE.map((name) => world.live(name))
    const disturbedAtMs: number[] = []
    const disturb = async (how: () => Promise<unknown>): Promise<void> => {
      await progress(world, 5)
      await how()
      await seeArrivals()
      disturbedAtMs.push(performance.now())
    }
    for (let i = 0; i < 3; i += 1) await disturb(async () => server.restart())
    for (let i = 0; i < 8; i += 1) {
      await disturb(async () => await world.database.execute(CUT_CONNECTIONS))
    }
    for (let i = 0; i < 2; i += 1) {
      await disturb(async () => await world.database.execute('UPDATE disk SET is_full = true'))
      await refused(world, 10)
      await world.database.execute('UPDATE disk SET is_full = false')
      disturbedAtMs.push(performance.now())
    }
    await progress(world, 20)
    for (const person of people) await person.stop()
    await drain(world)
    const events = await world.events()
    expect(
      judgeArrivals(
        events,
        world.recorder.arrivals,
        disturbed([...disturbedAtMs, ...world.processes.buriedAtMs]),
      ),
    ).toEqual([])
    expect(await world.broken()).toEqual([])
    expect(await world.discrepancies()).toEqual([])
    const ledger = await readLedgerBy(world.database.rows)
    expect(ledger).toMatchObject({ delivered: events.length, errors: [] })
    expect([...world.refusals.keys()].filter((name) => name.startsWith('500'))).toEqual([])
  },
)

it('answers 503 when PostgreSQL ends a transaction that stood still, and goes on', async () => {
  const schema = await openTestSchema()
  const database = wrapPostgres(schema)
  onTestFinished(async () => {
    await database.close()
    await schema.drop()
  })
  const hub = await createTestHub({ database })
  // Raised in the middle of the transaction: the server's own timeout would be a race with the next statement.
  await database.execute(
    `CREATE FUNCTION stand_still() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
       RAISE EXCEPTION 'terminating connection' USING ERRCODE = '25P03';
     END $$`,
  )
  await database.execute(
    'CREATE TRIGGER stand_still AFTER INSERT ON widget_session EXECUTE FUNCTION stand_still()',
  )
  const answer = await sendSession(hub)
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('5')
  expect(await answer.json()).toMatchObject({
    code: 'database_unavailable',
    detail: 'the database closed a connection that stood still in a transaction; try again',
  })
  expect(await hub.rows('SELECT id FROM widget_session')).toEqual([])
  await database.execute('DROP TRIGGER stand_still ON widget_session')
  expect((await sendSession(hub)).status).toBe(200)
})

it('is not ready while PostgreSQL has no room, and is when it has', async () => {
  const schema = await openTestSchema()
  const database = wrapPostgres(schema)
  onTestFinished(async () => {
    await database.close()
    await schema.drop()
  })
  const hub = await createTestHub({ database })
  for (const statement of PREPARE_FULL_DISK) await database.execute(statement)
  const ask = async () => await sendRaw(hub, { path: '/readyz' })
  expect((await ask()).status).toBe(200)
  await database.execute('UPDATE disk SET is_full = true')
  await hub.advanceByMs(PROBE_EVERY_MS)
  const refused = await ask()
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
  expect(await refused.json()).toMatchObject({ code: 'database_unavailable' })
  await database.execute('UPDATE disk SET is_full = false')
  await hub.advanceByMs(PROBE_EVERY_MS)
  expect((await ask()).status).toBe(200)
})

it('answers 503 while the disk under SQLite is full, writes nothing, and goes on when there is room', async () => {
  const hub = await createTestHub()
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
  const before = await readLedgerBy(hub.database.rows)
  // As many pages as there are: the next one does not fit.
  const [pages] = await hub.rows('PRAGMA page_count')
  await hub.rows(`PRAGMA max_page_count = ${Number(pages?.['page_count'])}`)
  const statuses = new Set<number>()
  let answer = await sendSession(hub)
  // The last page may have room for some.
  for (let i = 0; i < 200 && answer.status !== 503; i += 1) {
    statuses.add(answer.status)
    answer = await sendSession(hub)
  }
  expect([...statuses].filter((status) => status >= 400)).toEqual([])
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('5')
  expect(await answer.json()).toMatchObject({
    code: 'database_unavailable',
    detail: 'the disk of the database is full; give it room; try again',
  })
  // It lives, and is ready when it can keep what it is asked to; who asks more often makes no more commits.
  const statusOf = async (path: string) => (await sendRaw(hub, { path })).status
  expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 503])
  const [{ total } = {}] = await hub.rows('SELECT total_changes() AS total')
  for (let i = 0; i < 20; i += 1) expect(await statusOf('/readyz')).toBe(503)
  expect(await hub.rows('SELECT total_changes() AS total')).toEqual([{ total }])
  // Statements that return rows fail in another way, and a large body fits in no page that is left.
  const data = { type: 'daily', user_id: userId, data: ['x'.repeat(60_000)] }
  const announced = await hub.call('POST', '/admin/v1/events/generate', data)
  expect([announced.status, announced.json.code]).toEqual([503, 'database_unavailable'])
  expect(await readLedgerBy(hub.database.rows)).toEqual(before)
  await hub.rows('PRAGMA max_page_count = 1000000')
  expect((await sendSession(hub)).status).toBe(200)
  await hub.advanceByMs(PROBE_EVERY_MS)
  expect(await statusOf('/readyz')).toBe(200)
  expect(await hub.rows('SELECT * FROM write_probe')).toEqual([])
  await hub.connect('FITBIT')
  expect(await readLedgerBy(hub.database.rows)).toMatchObject({ delivered: 2, errors: [] })
})

it('keeps what a provider has granted while the database fails, and stores it when it can', async () => {
  let fail = async (): Promise<unknown> => undefined
  const hub = await createTestHub({
    fetch: async (input, init) => {
      const response = await fetch(input, init)
      const url = input instanceof Request ? input.url : input.toString()
      if (url.endsWith('/token')) await fail()
      return response
    },
  })
  fail = async () =>
    await hub.database.execute(
      "CREATE TRIGGER full_disk BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
  const landing = hub.connect('GARMIN')
  await expect
    .poll(() => hub.logged)
    .toEqual(['the end of a flow could not be stored; it is tried again'])
  await hub.database.execute('DROP TRIGGER full_disk')
  await hub.advanceByMs(1_000)
  expect((await landing).searchParams.get('user_id')).toMatch(/^[0-9a-f-]{36}$/)
  expect(hub.app.accepted).toEqual(['auth'])
  // It was not given back.
  expect(await hub.rows('SELECT id FROM revocation')).toEqual([])
})
