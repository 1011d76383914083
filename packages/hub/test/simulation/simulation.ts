/**
 * One run of the whole hub in virtual time, decided by a seed: people come and go, destinations flap, providers
 * fail, the clock on the wall jumps, the disk is full, and the process dies at any statement.
 */
import { createHash } from 'node:crypto'
import type { SqliteHandle } from 'firma-receiver/sqlite'
import { MINUTE_MS, SECOND_MS } from '../../src/core/time.ts'
import type { Ids, Random } from '../../src/deps.ts'
import type { Hub } from '../../src/hub.ts'
import { checkLedger } from '../../src/operations/check-ledger.ts'
import { addDestination, createEnvironment, enableProvider } from '../../src/operations/set-up.ts'
import { type Store, openSqliteStore } from '../../src/store/open.ts'
import { type StoredEventFacts, judgeArrivals } from '../faults/recorder.ts'
import { TEST_KEYS } from '../faults/settings.ts'
import { createTestSealer } from '../support/describe-store.ts'
import { readLedger } from '../support/ledger.ts'
import { type Chance, createChance } from '../support/seeded.ts'
import { wrapSqlite } from '../support/test-database.ts'
import { Watch, openUnder } from '../support/watched-hub.ts'
import { MOODS, SimDestination } from './sim-destination.ts'
import { SimPeople } from './sim-people.ts'
import { SimProcess } from './sim-process.ts'
import { createSimProvider } from './sim-provider.ts'
import { SimTime, rest } from './sim-time.ts'

/** What a run came to. */
export interface Outcome {
  /** What must not be, one sentence each. */
  readonly wrong: readonly string[]
  readonly events: number
  readonly arrivals: number
  readonly lives: number
  /** The same for the same seed. */
  readonly digest: string
}

const DEV_ID = 'simulated'
/** The first destination takes everything. */
const WANTED_AT_SECOND = ['auth', 'deauth', 'user_reauth']
const STEPS = 18
const LOG = { info: () => undefined, warn: () => undefined, error: () => undefined }
/** How long an attempt or a lease may outlive what disturbed it. */
const REACH_MS = MINUTE_MS

/** @param disk An empty one, or one that runs have used before: making the tables takes as long as half a run. */
export async function simulate(seed: number, disk: SqliteHandle): Promise<Outcome> {
  await disk.exclusive((database) => {
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'migration'")
      .all()
    database.exec('PRAGMA foreign_keys = OFF')
    for (const { name } of tables) database.exec(`DELETE FROM "${String(name)}"`)
    // What a migration has put in: without it, the first run on a disk would not be like the others.
    if (tables.length > 0) {
      database.exec("INSERT INTO count_cursor (name, seq) VALUES ('event', 0), ('delivery', 0)")
    }
    database.exec('PRAGMA foreign_keys = ON')
  })
  return await new Simulation(seed, disk).run()
}

class Simulation {
  readonly #chance: Chance
  readonly #disk: SqliteHandle
  readonly #time = new SimTime()
  readonly #destinations: ReadonlyMap<string, SimDestination>
  readonly #provider: ReturnType<typeof createSimProvider>
  readonly #people: SimPeople
  readonly #random: Random
  /** Without traces, which would take as long as the run. */
  readonly #watch = new Watch({ isTraced: false })
  /** When a process died, or a clock was set. */
  readonly #disturbedAtMs: number[] = []
  readonly #wrong: string[] = []
  #lives = 0
  #made = 0
  #apiKey = ''
  #destinationIds: string[] = []

  constructor(seed: number, disk: SqliteHandle) {
    this.#chance = createChance(seed)
    this.#disk = disk
    this.#random = {
      bytes: (count) => Uint8Array.from({ length: count }, () => this.#chance.integer(0, 255)),
      fraction: () => this.#chance.fraction(),
    }
    this.#destinations = new Map(
      ['http://a.test', 'http://b.test'].map((origin) => [
        origin,
        new SimDestination(this.#time, this.#chance),
      ]),
    )
    this.#provider = createSimProvider(this.#time, this.#chance)
    this.#people = new SimPeople(this.#chance)
  }

  async run(): Promise<Outcome> {
    let life = await this.#start()
    await this.#setUp(life.hub)
    life.hub.start()
    for (let step = 0; step < STEPS; step += 1) {
      await this.#step(life)
      await rest()
      if (this.#chance.fraction() < 0.6) await this.#time.pass(this.#duration())
      if (life.process.isDead) life = await this.#restart()
    }
    await this.#heal(life)
    return await this.#judge()
  }

  async #step(life: Life): Promise<void> {
    const { hub, process } = life
    const luck = this.#chance.fraction()
    if (luck < 0.62) {
      this.#people.act(async (request) => await process.answer(hub.fetch(request)), this.#apiKey)
    } else if (luck < 0.76) {
      this.#chance.pick([...this.#destinations.values()]).mood = this.#chance.pick(MOODS)
    } else if (luck < 0.8) await this.#enable(life)
    else if (luck < 0.83) {
      this.#time.step(this.#chance.integer(-10, 10) * MINUTE_MS)
      this.#disturbedAtMs.push(this.#time.elapsedMs)
    } else if (luck < 0.87) process.plan('disk_full', this.#chance.integer(1, 40))
    else if (luck < 0.95) {
      process.plan(this.#chance.pick(['crash_before', 'crash_after']), this.#chance.integer(1, 60))
    } else process.kill()
  }

  #duration(): number {
    if (this.#chance.fraction() < 0.05) return 10 * MINUTE_MS
    return this.#chance.pick([10, SECOND_MS, 3 * SECOND_MS, 10 * SECOND_MS, MINUTE_MS])
  }

  async #start(): Promise<Life> {
    this.#lives += 1
    const process = new SimProcess(this.#disk, this.#time.timer)
    const hub = await openUnder(this.#watch, {
      sqlite: process.handle,
      baseUrl: 'http://hub.test',
      keys: TEST_KEYS,
      rateLimits: null,
      clock: this.#time.clock,
      timer: process.timer,
      random: this.#random,
      ids: this.#createIds(),
      log: LOG,
      fetch: async (input, init) => await process.answer(this.#provider(input, init)),
      sender: {
        send: async (outgoing) => {
          const destination = this.#destinations.get(new URL(outgoing.url).origin)
          if (destination === undefined) throw new RangeError(`nobody is at ${outgoing.url}`)
          return await process.answer(destination.send(outgoing))
        },
        close: async () => undefined,
      },
    })
    return { hub, process }
  }

  async #restart(): Promise<Life> {
    this.#disturbedAtMs.push(this.#time.elapsedMs)
    await this.#checkLedger(`after life ${this.#lives}`)
    const life = await this.#start()
    life.hub.start()
    await rest()
    return life
  }

  /** Ids that repeat with the seed, in the order in which they were made. */
  #createIds(): Ids {
    const processId = `process ${this.#lives}`
    const next = (prefix: string): string =>
      `${prefix}-0000-4000-8000-${String((this.#made += 1)).padStart(12, '0')}`
    return {
      uuid: () => next('00000000'),
      ordered: () => next('0000000a'),
      claim: () => `${processId}/${next('c')}`,
      processId,
    }
  }

  async #setUp({ deps }: Hub): Promise<void> {
    const { apiKey } = await createEnvironment(deps, { id: DEV_ID, name: 'Simulated' })
    this.#apiKey = apiKey
    const all = await addDestination(deps, {
      environmentId: DEV_ID,
      url: 'http://a.test/hook',
      wantsExtensions: true,
    })
    const some = await addDestination(deps, {
      environmentId: DEV_ID,
      url: 'http://b.test/hook',
      eventTypes: WANTED_AT_SECOND,
    })
    this.#destinationIds = [all.id, some.id]
    await enableProvider(deps, {
      environmentId: DEV_ID,
      provider: 'FITBIT',
      clientId: 'client',
      clientSecret: 'secret',
      noticeKey: 'key',
      originOverrides: {},
    })
  }

  async #enable({ hub, process }: Life): Promise<void> {
    const headers = { 'dev-id': DEV_ID, 'x-api-key': this.#apiKey }
    for (const id of this.#destinationIds) {
      const url = `http://hub.test/admin/v1/destinations/${id}/enable`
      // It may die under this, or have no room for it: then it is not enabled.
      const enabling = process.answer(hub.fetch(new Request(url, { method: 'POST', headers })))
      enabling.catch(() => undefined)
    }
    await rest()
  }

  /** Everything works again: what is owed must arrive. */
  async #heal(last: Life): Promise<void> {
    let life = last
    for (const destination of this.#destinations.values()) destination.mood = 'up'
    for (let i = 0; i < 500; i += 1) {
      if (life.process.isDead) life = await this.#restart()
      await this.#enable(life)
      await this.#time.pass(MINUTE_MS)
      const { pending, held } = await readLedger(this.#disk)
      if (pending + held === 0 && !life.process.isDead) break
    }
    life.process.kill()
  }

  /** The hub's own ledger must balance whenever no transaction is under way, also when a process has just died. */
  async #checkLedger(when: string): Promise<void> {
    const store = await storeOn(this.#disk)
    const { discrepancies } = await checkLedger({ store }, { id: DEV_ID })
    this.#wrong.push(...discrepancies.map((one) => `${when}: ${JSON.stringify(one)}`))
  }

  async #judge(): Promise<Outcome> {
    const rows = async (sql: string): Promise<Record<string, unknown>[]> =>
      await this.#disk.exclusive((database) => database.prepare(sql).all())
    const ledger = await readLedger(this.#disk)
    const events = (await rows('SELECT * FROM event ORDER BY seq')).map(toFacts)
    await this.#checkLedger('at the end')
    const wrong = [...this.#wrong, ...ledger.errors]
    if (ledger.delivered !== ledger.owed) {
      wrong.push(`${ledger.owed} are owed, and ${ledger.delivered} were delivered`)
    }
    for (const [i, destination] of [...this.#destinations.values()].entries()) {
      const owed = events.filter(({ type }) => i === 0 || WANTED_AT_SECOND.includes(type))
      const found = judgeArrivals(owed, destination.arrivals, {
        explains: (traceId, fromMs, toMs) => this.#explains(destination, traceId, fromMs, toMs),
        isLateRepetitionRight: true,
      })
      wrong.push(...found.map((sentence) => `at ${i}: ${sentence}`))
    }
    wrong.push(...(await this.#watch.findLeaks(wrapSqlite(this.#disk))))
    wrong.push(...this.#people.findBroken(await rows('SELECT * FROM event ORDER BY seq')))
    wrong.push(...findUnannounced(await rows('SELECT * FROM connection'), events))
    const arrivals = [...this.#destinations.values()].map((one) => one.arrivals)
    return {
      wrong,
      events: events.length,
      arrivals: arrivals.flat().length,
      lives: this.#lives,
      digest: createHash('sha256').update(JSON.stringify(arrivals)).digest('hex'),
    }
  }

  #explains(destination: SimDestination, id: string, fromMs: number, toMs: number): boolean {
    const isBetween = (ms: number): boolean => ms >= fromMs - REACH_MS && ms <= toMs
    return (
      this.#disturbedAtMs.some(isBetween) || (destination.unheard.get(id) ?? []).some(isBetween)
    )
  }
}

/** One that no process of a simulation has: it reads what they have left on the disk. */
const stores = new WeakMap<SqliteHandle, Promise<Store>>()

async function storeOn(disk: SqliteHandle): Promise<Store> {
  const open = stores.get(disk) ?? openSqliteStore(disk, { sealer: createTestSealer(), nowMs: 0 })
  stores.set(disk, open)
  return await open
}

interface Life {
  readonly hub: Hub
  readonly process: SimProcess
}

function toFacts(row: Record<string, unknown>): StoredEventFacts {
  return {
    id: String(row['id']),
    type: String(row['type']),
    orderKey: String(row['order_key']),
    orderingMs: Number(row['ordering_ms']),
    body: String(row['body']),
  }
}

const STATUS_AFTER: Readonly<Record<string, string>> = {
  auth: 'active',
  deauth: 'deleted',
  access_revoked: 'inactive',
}

/** Connections whose state is not what was announced of them last. */
function findUnannounced(
  connections: readonly Record<string, unknown>[],
  events: readonly StoredEventFacts[],
): string[] {
  return connections.flatMap((connection) => {
    const lineage = String(connection['lineage_id'])
    const last = events.findLast(
      ({ orderKey, type }) => orderKey === lineage && type in STATUS_AFTER,
    )
    const announced = STATUS_AFTER[last?.type ?? '']
    return announced === connection['status']
      ? []
      : [`${lineage} is ${String(connection['status'])}, and was announced as ${announced}`]
  })
}
