/**
 * Brings an inbox that is in use from indexes over all of it to indexes in buckets (`postgres-buckets.ts`), while every version of this library goes on:
 *
 * 1. The new indexes are built beside the old ones, CONCURRENTLY, which lets everybody read and write. They are over expressions of the rows, so what an older
 *    process inserts is in them, too, and what a newer one inserts is in the old ones: whoever searches, by whichever, finds all there is.
 * 2. Each process searches by the new ones from when it has seen that both are complete.
 * 3. The old ones are dropped when nobody has searched by them for an hour, which the server counts. An older process that had nothing to do for so long
 *    goes on as well, but reads the whole inbox for each event.
 *
 * Until then the tables keep their version, so that an older process can be started again.
 */
import { BUCKET_INDEXES, PLAIN_INDEXES } from './postgres-buckets.ts'
import { BUCKETED_VERSION, toLockPlace, type PostgresNames } from './postgres-migrations.ts'
import { withConnection, type PostgresClient, type PostgresPool } from './postgres-pool.ts'
import { findText, readNumber } from './rows.ts'

/** How often a process looks how far it is, in milliseconds. */
export const LOOK_MS: number = 5 * 60_000
/** How long nobody must have searched by the old indexes before they are dropped, in milliseconds: long enough for every newer process to have looked. */
export const UNUSED_MS = 3_600_000
/** "firn": keeps the lock of whoever builds apart from that of events. */
const BUILD_LOCK_CLASS = 0x66_69_72_6e
const CURSOR = 'plain_index_scans'
/** Tables of which it was said what to run. */
const told = new Set<string>()

/** Told what is done to the tables of an inbox that is in use. */
export type OnNotice = (message: string) => void

/** Which indexes the processes of one store search by. */
export class PostgresLayout {
  readonly #names: PostgresNames
  readonly #onNotice: OnNotice
  #isBucketed = false
  #isDone = false
  #firstSeq = 0
  #lookAtMs = 0
  #working: Promise<void> | undefined
  #letGo: (() => void) | undefined
  #isStopped = false

  constructor(names: PostgresNames, onNotice: OnNotice = logNotice) {
    this.#names = names
    this.#onNotice = onNotice
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
    this.#working = this.#work(pool, nowMs, isFirst).finally(() => (this.#working = undefined))
  }

  /** Resolves when nothing is being done. */
  async settle(): Promise<void> {
    await this.#working
  }

  /** Lets go of what is being done; the server goes on with an index that it builds. */
  stop(): void {
    this.#isStopped = true
    this.#letGo?.()
  }

  #noteVersion(version: number): void {
    this.#isDone = version >= BUCKETED_VERSION
    this.#isBucketed = this.#isDone
  }

  /** Beside everything else: it takes as long as an older snapshot keeps what was deleted. */
  async #readFirstSeq(client: PostgresClient): Promise<void> {
    const { rows } = await client.query(
      `SELECT min(seq)::text AS first FROM ${this.#names.qualified}inbox`,
    )
    const first = findText(rows[0] ?? {}, 'first')
    if (first !== undefined) this.#firstSeq = Number(first)
  }

  async #read(client: PostgresClient): Promise<void> {
    const { qualified } = this.#names
    const { rows } = await client.query(
      `SELECT (SELECT max(version) FROM ${qualified}receiver_migrations) AS version,
         (SELECT count(*) FROM unnest($1::text[]) AS n JOIN pg_index ON indexrelid = to_regclass(n) AND indisvalid) AS built`,
      [BUCKET_INDEXES.map(({ name }) => qualified + name)],
    )
    const [row = {}] = rows
    this.#noteVersion(readNumber(row, 'version'))
    this.#isBucketed ||= readNumber(row, 'built') === BUCKET_INDEXES.length
  }

  async #work(pool: PostgresPool, nowMs: number, isFirst: boolean): Promise<void> {
    if (this.#isBucketed && !isFirst) {
      // What is known stays right when it can't be read.
      await withConnection(pool, (client) => this.#readFirstSeq(client)).catch(() => undefined)
    }
    if (this.#isDone) return
    if (!this.#isBucketed && !hasRoom(pool)) this.#sayHow()
    else await this.#change(pool, nowMs)
  }

  /** One process at a time; the others have nothing to wait for. */
  async #change(pool: PostgresPool, nowMs: number): Promise<void> {
    const lock = `(${BUILD_LOCK_CLASS}, hashtext(${toLockPlace(this.#names)}))`
    try {
      await withConnection(pool, async (client, markBroken) => {
        try {
          const { rows } = await client.query(`SELECT pg_try_advisory_lock${lock}::text AS got`)
          if (findText(rows[0] ?? {}, 'got') !== 'true') return
          // Whoever had the lock until now may have built them.
          await this.#read(client)
          await this.#untilStopped(() =>
            this.#isBucketed ? this.#dropUnused(client, nowMs) : this.#build(client),
          )
          await this.#read(client)
          await client.query(`SELECT pg_advisory_unlock${lock}`)
        } catch (error) {
          // It may still have the lock, and a setting of ours.
          markBroken()
          throw error
        }
      })
    } catch (error) {
      // Everything works as before, and the next look tries again.
      if (this.#isStopped) return
      this.#tell(
        `the indexes of ${this.#names.qualified}inbox stay as they are for now: ${String(error)}`,
      )
    }
  }

  /** Gives its connection back when the store is closed, which may be minutes before an answer. */
  async #untilStopped(work: () => Promise<void>): Promise<void> {
    const stopped = new Promise<never>((_, reject) => {
      this.#letGo = () => reject(new Error('the store was closed'))
    })
    if (this.#isStopped) this.#letGo?.()
    await Promise.race(this.#isStopped ? [stopped] : [work(), stopped])
  }

  async #build(client: PostgresClient): Promise<void> {
    const { qualified } = this.#names
    for (const { name } of BUCKET_INDEXES) {
      const { rows } = await client.query(
        'SELECT indisvalid::text AS valid FROM pg_index WHERE indexrelid = to_regclass($1)',
        [qualified + name],
      )
      // Whoever was building it has ended: the lock is ours.
      if (rows[0]?.['valid'] === 'false') {
        await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${qualified}${name}`)
      }
    }
    const startMs = performance.now()
    this.#tell(
      `building indexes of ${qualified}inbox beside the present ones; events are accepted meanwhile`,
    )
    await client.query('SET statement_timeout = 0')
    for (const sql of this.#buildSql()) await client.query(sql)
    await client.query('RESET statement_timeout')
    const seconds = Math.ceil((performance.now() - startMs) / 1_000)
    this.#tell(
      `the indexes are built, in ${seconds} s; ${PLAIN_INDEXES.map((name) => qualified + name).join(' and ')} will be dropped ` +
        'when no process has used them for an hour',
    )
  }

  #buildSql(): string[] {
    const { prefix, qualified } = this.#names
    return BUCKET_INDEXES.map(
      ({ name, on }) =>
        `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${prefix}${name} ON ${qualified}inbox ${on}`,
    )
  }

  /** With one connection in all, events would wait for the one that builds. */
  #sayHow(): void {
    if (told.has(this.#names.qualified)) return
    // Once in a process: some make a store for each request.
    told.add(this.#names.qualified)
    this.#tell(
      `the indexes of ${this.#names.qualified}inbox are those of an older version, and this pool has one connection; run this once, which ` +
        `lets everybody go on: ${this.#buildSql().join('; ')}`,
    )
  }

  async #dropUnused(client: PostgresClient, nowMs: number): Promise<void> {
    const { qualified } = this.#names
    const plain = PLAIN_INDEXES.map((name) => qualified + name)
    const { rows } = await client.query(
      `SELECT CASE WHEN current_setting('track_counts') = 'on' THEN (SELECT coalesce(sum(idx_scan), 0)::text
           FROM unnest($1::text[]) AS n JOIN pg_stat_user_indexes ON indexrelid = to_regclass(n)) END AS scans,
         (SELECT value FROM ${qualified}cursors WHERE name = $2) AS seen,
         (SELECT saved_at_ms FROM ${qualified}cursors WHERE name = $2) AS at_ms`,
      [plain, CURSOR],
    )
    const [row = {}] = rows
    const scans = findText(row, 'scans')
    if (scans === undefined) return
    if (scans !== findText(row, 'seen')) {
      await client.query(
        `INSERT INTO ${qualified}cursors VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value, saved_at_ms = excluded.saved_at_ms`,
        [CURSOR, scans, nowMs],
      )
      return
    }
    if (nowMs - readNumber(row, 'at_ms') < UNUSED_MS) return
    for (const name of plain) await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`)
    await client.query(
      `INSERT INTO ${qualified}receiver_migrations VALUES ($1, $2) ON CONFLICT DO NOTHING`,
      [BUCKETED_VERSION, nowMs],
    )
    this.#tell(`dropped ${plain.join(' and ')}, which nobody has used for an hour`)
  }

  #tell(message: string): void {
    try {
      this.#onNotice(`firma-receiver: ${message}`)
    } catch {
      // Whoever is told must not keep the store from its work.
    }
  }
}

/** Whether a pool can give a connection away for minutes; `pg` says how many it has. */
function hasRoom(pool: PostgresPool & { options?: { max?: number } }): boolean {
  return pool.options?.max !== 1
}

function logNotice(message: string): void {
  // eslint-disable-next-line no-console -- The default of an option; it is said a few times in the life of an inbox.
  console.warn(message)
}
