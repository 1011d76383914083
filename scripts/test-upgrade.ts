/**
 * `npm run test:upgrade -- <commit>`: processes of an older version and of this one on one PostgreSQL, under traffic. Whoever was
 * told that an event was taken must see it arrive, once and in order; the processes of the older version must serve on, and refuse
 * to start again. Needs git and the npm registry, so it is no part of `npm test`; it takes two minutes.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'pg'
import { createPerson } from '../packages/hub/src/simulator/person.ts'
import { disturbed, judgeArrivals, startRecorder } from '../packages/hub/test/faults/recorder.ts'
import { startPostgres } from './postgres.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const PEOPLE = 6
/** Events that each kind of neighbourhood must see before the next change: old alone, both, new alone. */
const EVENTS_PER_STAGE = 200
const WAIT_MS_MAX = 120_000
const FIRMA = ['--conditions=source', '--import', 'tsx', 'packages/hub/src/cli/main.ts']
const PRODUCTION = ['--production', '--base-url', 'https://hub.example.com']

const [commit = ''] = process.argv.slice(2)
if (commit === '') {
  console.error('expected the commit or tag of an older version: npm run test:upgrade -- v0.1.0')
  process.exit(2)
}

const scratch = mkdtempSync(path.join(tmpdir(), 'firma-upgrade-'))
const old = path.join(scratch, 'old')
const running = new Set<ChildProcess>()
const server = await startPostgres()
const recorder = await startRecorder()

/** Starts `firma` of a version, and waits until it says where it listens. */
async function start(version: string, args: readonly string[], env: Record<string, string>) {
  const data = mkdtempSync(path.join(scratch, 'data-'))
  const rest = ['start', '--port', '0', '--data', data, ...args]
  const child = spawn(process.execPath, [...FIRMA, ...rest], {
    cwd: version,
    env: { ...process.env, DATABASE_URL: server.url, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')))
  const find = () => /(?:Hub and dashboard|Listens at) +(http:\S+)/.exec(said)?.[1]
  await until('firma listens', () => {
    assert(child.exitCode === null, `firma of ${version} has ended with ${child.exitCode}`)
    return find() !== undefined
  })
  return { child, url: find() ?? '', data }
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + WAIT_MS_MAX
  while (!(await isSo())) {
    if (Date.now() > endMs) throw new Error(`waited for ${WAIT_MS_MAX / 1_000} s until ${what}`)
    await wait(100)
  }
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null], 'a process that was asked to end has not ended well')
}

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  const { rows } = await client.query<Record<string, unknown>>(sql)
  await client.end()
  return rows
}

/** The older version's code beside this one's. */
function checkOut(): void {
  const git = ['worktree', 'add', '--quiet', '--detach', old, commit]
  execFileSync('git', git, { cwd: root, stdio: 'inherit' })
  execFileSync('npm', ['ci', '--ignore-scripts', '--silent'], { cwd: old, stdio: 'inherit' })
  for (const version of [old, root]) {
    execFileSync(process.execPath, ['scripts/ensure-dashboard.mjs'], { cwd: version })
  }
}

type Post = (url: string, body: unknown) => Promise<Record<string, string>>

/** @returns Their `user_id`s. */
async function connectPeople(url: string, post: Post): Promise<string[]> {
  const userIds: string[] = []
  for (let i = 0; i < PEOPLE; i += 1) {
    const person = createPerson({ login: `person-${i}` })
    const path = '/v2/auth/authenticateUser?resource=GARMIN'
    const flow = await post(url + path, { reference_id: `person-${i}` })
    const departure = await person.request(flow['auth_url'] ?? '')
    await person.request(await person.authorize(departure.headers.get('location') ?? ''))
    userIds.push(flow['user_id'] ?? '')
  }
  return userIds
}

/** Announces data of each person, one after the other, until it is stopped. */
function startTraffic(urls: ReadonlySet<string>, userIds: readonly string[], post: Post) {
  const accepted = new Set<string>()
  const refusals: string[] = []
  const stopping = new AbortController()
  const announce = async (userId: string, i: number): Promise<void> => {
    while (!stopping.signal.aborted) {
      const all = [...urls]
      const url = all[(accepted.size + i) % all.length] ?? ''
      try {
        const body = { type: 'daily', user_id: userId, data: [] }
        accepted.add((await post(`${url}/admin/v1/events/generate`, body))['event_id'] ?? '')
      } catch (error) {
        refusals.push(String(error))
        stopping.abort()
      }
    }
  }
  const all = Promise.all(userIds.map(announce))
  return {
    accepted,
    refusals,
    more: async (what: string): Promise<void> => {
      const before = accepted.size
      const isEnough = () => stopping.signal.aborted || accepted.size >= before + EVENTS_PER_STAGE
      await until(what, isEnough)
      console.log(`${what}: ${accepted.size} events taken, ${recorder.arrivals.length} arrived`)
    },
    stop: async (): Promise<void> => {
      stopping.abort()
      await all
    },
  }
}

async function run(): Promise<void> {
  checkOut()
  // Its environment, its simulated providers, and its data folder with credentials and keys.
  const demo = await start(old, [], {})
  const read = (name: string) => JSON.parse(readFileSync(path.join(demo.data, name), 'utf8'))
  const { devId, apiKey } = read('demo.json') as { devId: string; apiKey: string }
  const { keys } = read('keys.json') as { keys: Record<string, string> }
  const settings = {
    FIRMA_ENCRYPTION_KEYS: Object.entries(keys)
      .map(([id, key]) => `${id}:${key}`)
      .join(','),
    FIRMA_ALLOWED_RANGES: '127.0.0.0/8',
    FIRMA_RATE_LIMITS: 'off',
  }
  const headers = { 'dev-id': devId, 'x-api-key': apiKey, 'content-type': 'application/json' }
  const post: Post = async (url, body) => {
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
    const json = (await response.json()) as Record<string, string>
    if (!response.ok) throw new Error(`${url} answered ${response.status}: ${json['detail']}`)
    return json
  }
  await post(`${demo.url}/admin/v1/destinations`, { url: recorder.url })
  const userIds = await connectPeople(demo.url, post)
  const second = await start(old, PRODUCTION, settings)
  const urls = new Set([second.url])
  const traffic = startTraffic(urls, userIds, post)
  await traffic.more('the old version alone')
  const next = await start(root, PRODUCTION, settings)
  urls.add(next.url)
  await traffic.more('both versions')
  urls.delete(second.url)
  await end(second.child)
  await end(demo.child)
  await traffic.more('the new version alone')
  await traffic.stop()
  assert.deepEqual(traffic.refusals, [], 'requests were refused')
  await checkRefusal(settings)
  await checkArrivals(traffic.accepted)
  const ledger = await (await fetch(`${next.url}/admin/v1/ledger`, { headers })).json()
  assert.deepEqual((ledger as Record<string, unknown>)['discrepancies'], [])
  console.log('none lost, none twice, all in order; the ledger balances')
}

/** Where there was something to migrate, the older version does not start any more. */
async function checkRefusal(settings: Record<string, string>): Promise<void> {
  const ran = await query('SELECT name FROM migration')
  if (ran.length === countMigrations(old)) return
  const { status, stderr } = spawnSync(
    process.execPath,
    [...FIRMA, 'start', ...PRODUCTION, '--port', '0'],
    {
      cwd: old,
      env: { ...process.env, DATABASE_URL: server.url, ...settings },
      encoding: 'utf8',
    },
  )
  assert.equal(status, 2, 'the old version must refuse the newer database')
  assert.match(stderr, /start the newer version/)
}

async function checkArrivals(accepted: ReadonlySet<string>): Promise<void> {
  // The demo's own app is gone with it.
  const [own] = await query(`SELECT id FROM destination WHERE url = '${recorder.url}'`)
  const owed = `SELECT 1 FROM delivery WHERE destination_id = '${String(own?.['id'])}' AND ended_at_ms IS NULL`
  await until('nothing is owed', async () => (await query(owed)).length === 0)
  const rows = await query('SELECT id, type, order_key, ordering_ms, body FROM event')
  const events = rows.map((row) => ({
    id: String(row['id']),
    type: String(row['type']),
    orderKey: String(row['order_key']),
    orderingMs: Number(row['ordering_ms']),
    body: String(row['body']),
  }))
  const known = new Set(events.map(({ id }) => id))
  const gone = [...accepted].filter((id) => !known.has(id))
  assert.deepEqual(gone, [], 'events are gone')
  assert.deepEqual(judgeArrivals(events, recorder.arrivals, disturbed([])), [])
}

function countMigrations(version: string): number {
  const folder = 'packages/hub/src/store/migrations/postgres'
  const listed = execFileSync('git', ['ls-files', folder], { cwd: version, encoding: 'utf8' })
  return listed.trim().split('\n').length
}

try {
  await run()
} finally {
  for (const child of running) child.kill('SIGKILL')
  await recorder.close()
  server.stop()
  spawnSync('git', ['worktree', 'remove', '--force', old], { cwd: root })
  rmSync(scratch, { recursive: true, force: true })
}
