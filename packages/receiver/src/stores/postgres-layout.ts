/**
 * Brings an inbox that is in use from indexes over all of it to indexes in buckets (`postgres-buckets.ts`), while every version of this library goes on:
 *
 * 1. The new indexes are built beside the old ones, CONCURRENTLY, which lets everybody read and write. They are over expressions of the rows, so what an older
 *    process inserts is in them, too, and what a newer one inserts is in the old ones: whoever searches, by whichever, finds all there is.
 * 2. Each process searches by the new ones from when it has seen that both are complete.
 * 3. The old ones are dropped when nobody has searched by them for an hour, which the server counts. An older process that had nothing to do for so long
 *    goes on as well, but reads the whole inbox for each event.
 *
 * That is done on a connection of its own, where the store knows how to make one. On connections of the app's it would change what the app has set, and hold
 * one for minutes; there the app is told once what to run. Until all is done the tables keep their version, so that an older process can be started again.
 */
import { BUCKET_INDEXES, PLAIN_INDEXES } from './postgres-buckets.ts'
import { BUCKETED_VERSION, toLockPlace, type PostgresNames } from './postgres-migrations.ts'
import {
  isDirect,
  withConnection,
  type PostgresConnection,
  type PostgresPool,
} from './postgres-pool.ts'
import { findText, readNumber, readText } from './rows.ts'

/** How often a process looks how far it is, in milliseconds. */
export const LOOK_MS: number = 5 * 60_000
/** How long nobody must have searched by the old indexes before they are dropped, in milliseconds: long enough for every newer process to have looked. */
export const UNUSED_MS = 3_600_000
/** "firn": keeps the lock of whoever builds apart from that of events. */
const BUILD_LOCK_CLASS = 0x66_69_72_6e
const CURSOR = 'plain_index_scans'
/** Of the server: clocks of processes differ. */
const NOW_MS = '(extract(epoch FROM now()) * 1000)::bigint'
/** Tables of which it was said what to run: some processes make a store for each request. */
const told = new Set<string>()

/** Told what is done to the tables of an inbox that is in use, and what the app has to do to them. */
export type OnNotice = (message: string) => void

/** How a {@link PostgresLayout} works. */
export interface PostgresLayoutOptions {
  /** On the console (stderr) by default. */
  onNotice?: OnNotice | undefined
  /** Makes a connection that is nobody else's; without it the app is told what to run. */
  openConnection?: (() => Promise<PostgresConnection>) | undefined
}

type Asked = Pick<PostgresConnection, 'query'>

/** Which indexes the processes of one store search by. */
export class PostgresLayout {
  readonly #names: PostgresNames
  readonly #onNotice: OnNotice
  readonly #openConnection: (() => Promise<PostgresConnection>) | undefined
  #isBucketed = false
  #isDone = false
  /** Indexes that somebody began to build, and that are not complete. */
  #incomplete: string[] = []
  #firstSeq = 0
  #lookAtMs = 0
  #working: Promise<void> | undefined
  #connection: PostgresConnection | undefined
  #isStopped = false

  constructor(
    names: PostgresNames,
    { onNotice = logNotice, openConnection }: PostgresLayoutOptions = {},
  ) {
    this.#names = names
    this.#onNotice = onNotice
    this.#openConnection = openConnection
  }

  /** Whether searches go by the indexes in buckets. */
  get isBucketed(): boolean {
    return this.#isBucketed
  }

  /**
   * A number that no event has a smaller one of, while searches go by the indexes in buckets. The smallest number only grows, so that of an earlier look is
   * still right; the first look is after {@link LOOK_MS}, and many a process ends before.
   */
  get firstSeq(): number | undefined {
    return this.#isBucketed ? this.#firstSeq : undefined
  }

  /** Notes the version of the tables when they are opened. */
  noteVersion(version: number, nowMs: number): void {
    this.#noteVersion(version)
    if (this.#isDone) this.#lookAtMs = nowMs + LOOK_MS
  }

  /** Whether {@link PostgresLayout.look} is to be called before the next transaction. */
  isDue(nowMs: number): boolean {
    return !this.#isStopped && nowMs >= this.#lookAtMs
  }

  /** Looks how far it is, and begins what can be done beside everything else. */
  async look(pool: PostgresPool, nowMs: number): Promise<void> {
    const isFirst = this.#lookAtMs === 0
    this.#lookAtMs = nowMs + LOOK_MS
    if (!this.#isDone) await withConnection(pool, (client) => this.#read(client))
    if (this.#working !== undefined) return
    this.#working = this.#work(pool, isFirst).finally(() => (this.#working = undefined))
  }

  /** Resolves when nothing is being done. */
  async settle(): Promise<void> {
    await this.#working
  }

  /** Lets go of what is being done; the server goes on with an index that it builds. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#connection?.end()
  }

  #noteVersion(version: number): void {
    this.#isDone = version >= BUCKETED_VERSION
    this.#isBucketed = this.#isDone
  }

  async #read(client: Asked): Promise<void> {
    const { qualified } = this.#names
    const { rows } = await client.query(
      `SELECT (SELECT max(version) FROM ${qualified}receiver_migrations) AS version, count(*) FILTER (WHERE indisvalid) AS complete,
         coalesce(string_agg(n, ',') FILTER (WHERE NOT indisvalid), '') AS incomplete,
         (SELECT count(*) FROM unnest($2::text[]) AS n WHERE to_regclass(n) IS NOT NULL) AS plain
       FROM unnest($1::text[]) AS n JOIN pg_index ON indexrelid = to_regclass(n)`,
      [BUCKET_INDEXES.map(({ name }) => qualified + name), this.#listPlain()],
    )
    const [row = {}] = rows
    this.#incomplete = readText(row, 'incomplete').split(',').filter(Boolean)
    const isComplete = readNumber(row, 'complete') === BUCKET_INDEXES.length
    const version = readNumber(row, 'version')
    this.#noteVersion(version)
    this.#isBucketed ||= isComplete
    if (this.#isDone || !isComplete || readNumber(row, 'plain') > 0) return
    // By us or by hand, and whoever did it may have ended before it could say so.
    await client.query(
      `INSERT INTO ${qualified}receiver_migrations VALUES ($1, ${NOW_MS}) ON CONFLICT DO NOTHING`,
      [BUCKETED_VERSION],
    )
    this.#noteVersion(BUCKETED_VERSION)
  }

  /** Beside everything else: it takes as long as an older snapshot keeps what was deleted. */
  async #readFirstSeq(client: Asked): Promise<void> {
    const { rows } = await client.query(
      `SELECT min(seq)::text AS first FROM ${this.#names.qualified}inbox`,
    )
    const first = findText(rows[0] ?? {}, 'first')
    if (first !== undefined) this.#firstSeq = Number(first)
  }

  async #work(pool: PostgresPool, isFirst: boolean): Promise<void> {
    if (this.#isBucketed && !isFirst) {
      // What is known stays right when it can't be read.
      await withConnection(pool, (client) => this.#readFirstSeq(client)).catch(() => undefined)
    }
    if (this.#isDone) return
    if (this.#openConnection === undefined) this.#sayHow()
    else await this.#change(this.#openConnection)
  }

  async #change(openConnection: () => Promise<PostgresConnection>): Promise<void> {
    try {
      const connection = await openConnection()
      this.#connection = connection
      try {
        await this.#changeThrough(connection)
      } finally {
        // With it ends the lock that it may have.
        await connection.end()
      }
    } catch (error) {
      // Everything works as before, and the next look tries again.
      if (this.#isStopped) return
      this.#tell(
        `the indexes of ${this.#names.qualified}inbox stay as they are for now: ${String(error)}`,
      )
    }
  }

  /** One process at a time; the others have nothing to wait for. */
  async #changeThrough(connection: PostgresConnection): Promise<void> {
    if (this.#isStopped) return
    const { rows: pids } = await connection.query('SELECT pg_backend_pid() AS pid')
    if (!isDirect(connection, pids)) {
      // A pooler is in between: what is set and locked would be another's.
      this.#sayHow()
      return
    }
    await connection.query('SET statement_timeout = 0; SET lock_timeout = 0')
    const { rows } = await connection.query(
      `SELECT pg_try_advisory_lock(${BUILD_LOCK_CLASS}, hashtext(${toLockPlace(this.#names)}))::text AS got`,
    )
    if (findText(rows[0] ?? {}, 'got') !== 'true') return
    // Whoever had the lock until now may have built them.
    await this.#read(connection)
    if (this.#isDone) return
    await (this.#isBucketed ? this.#dropUnused(connection) : this.#build(connection))
    await this.#read(connection)
  }

  async #build(client: Asked): Promise<void> {
    const startMs = performance.now()
    this.#tell(
      `building indexes of ${this.#names.qualified}inbox beside the present ones; events are accepted meanwhile`,
    )
    for (const sql of this.#buildSql()) await client.query(sql)
    const seconds = Math.ceil((performance.now() - startMs) / 1_000)
    this.#tell(
      `the indexes are built, in ${seconds} s; ${this.#listPlain().join(' and ')} will be dropped when no process has used them for an hour`,
    )
  }

  #buildSql(): string[] {
    const { prefix, qualified } = this.#names
    return [
      // Whoever was building them has ended.
      ...this.#incomplete.map((name) => `DROP INDEX CONCURRENTLY IF EXISTS ${name}`),
      ...BUCKET_INDEXES.map(
        ({ name, on }) =>
          `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${prefix}${name} ON ${qualified}inbox ${on}`,
      ),
    ]
  }

  #listPlain(): string[] {
    return PLAIN_INDEXES.map((name) => this.#names.qualified + name)
  }

  #dropSql(): string[] {
    return this.#listPlain().map((name) => `DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
  }

  #sayHow(): void {
    const { qualified } = this.#names
    if (told.has(qualified)) return
    told.add(qualified)
    const drop = `when no process of an older version is left: ${this.#dropSql().join('; ')}`
    const steps = this.#isBucketed
      ? drop
      : `${this.#buildSql().join('; ')}; and an hour later, ${drop}`
    this.#tell(
      `${qualified}inbox has indexes of an older version, and works with them. To make it faster, run this, each statement by itself and ` +
        `outside of a transaction, which lets everybody go on: ${steps}`,
    )
  }

  async #dropUnused(client: Asked): Promise<void> {
    const { qualified } = this.#names
    const { rows } = await client.query(
      `SELECT CASE WHEN current_setting('track_counts') = 'on' THEN (SELECT coalesce(sum(idx_scan), 0)::text
           FROM unnest($1::text[]) AS n JOIN pg_stat_user_indexes ON indexrelid = to_regclass(n)) END AS scans,
         (SELECT value FROM ${qualified}cursors WHERE name = $2) AS seen,
         (SELECT ${NOW_MS} - saved_at_ms FROM ${qualified}cursors WHERE name = $2) AS unused_ms`,
      [this.#listPlain(), CURSOR],
    )
    const [row = {}] = rows
    const scans = findText(row, 'scans')
    if (scans === undefined) return
    if (scans !== findText(row, 'seen')) {
      await client.query(
        `INSERT INTO ${qualified}cursors VALUES ($1, $2, ${NOW_MS})
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, saved_at_ms = excluded.saved_at_ms`,
        [CURSOR, scans],
      )
      return
    }
    if (readNumber(row, 'unused_ms') < UNUSED_MS) return
    for (const sql of this.#dropSql()) await client.query(sql)
    this.#tell(`dropped ${this.#listPlain().join(' and ')}, which nobody has used for an hour`)
  }

  #tell(message: string): void {
    try {
      this.#onNotice(`firma-receiver: ${message}`)
    } catch {
      // Whoever is told must not keep the store from its work.
    }
  }
}

function logNotice(message: string): void {
  // eslint-disable-next-line no-console -- The default of an option; it is said a few times in the life of an inbox.
  console.warn(message)
}
