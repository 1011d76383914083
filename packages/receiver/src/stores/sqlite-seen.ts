import type { SqliteDatabase, SqliteHandle } from '../sqlite-handle.ts'
import { readNumber, readText } from './rows.ts'
import { BUCKET_BITS, SeenKeys } from './seen-keys.ts'

/** Buckets that are read at once when the filters are filled. */
const BUCKETS_AT_ONCE = 16
/** Users that are remembered at most, some 10 MB of their names; then it begins anew. */
const USERS_MAX = 100_000
const known = new WeakMap<SqliteHandle, Map<string, SqliteSeen>>()

/** A key of an event, with its hash. */
export interface HashedKey {
  readonly environment: string
  readonly eventKey: string
  /** From `hashKey`. */
  readonly keyHash: number
}

/**
 * What one connection remembers of an inbox and its users: which keys there can be, and some users that there are. Right while nobody else writes, which
 * SQLite tells. Used inside transactions only.
 */
export class SqliteSeen {
  readonly #inbox: string
  readonly #keys = new SeenKeys()
  /** Names by environment: to join the two costs as much as all the rest of a question. */
  readonly #users = new Map<string, Set<string>>()
  #usersCount = 0
  /** All events up to this number have been added, whoever inserted them. */
  #readSeq = 0
  #dataVersion: number | undefined
  #isPruned = false

  private constructor(inbox: string) {
    this.#inbox = inbox
  }

  /** One for all stores on the same tables of one connection: each must know what the others insert. */
  static of(handle: SqliteHandle, inbox: string): SqliteSeen {
    const byInbox = known.get(handle) ?? new Map<string, SqliteSeen>()
    known.set(handle, byInbox)
    const seen = byInbox.get(inbox) ?? new SqliteSeen(inbox)
    byInbox.set(inbox, seen)
    return seen
  }

  /** Learns what other processes have inserted since the last time; nothing to do where there are none. */
  catchUp(database: SqliteDatabase): void {
    const version = Number(database.prepare('PRAGMA data_version').get()?.['data_version'])
    if (version === this.#dataVersion && !this.#isPruned) return
    if (version !== this.#dataVersion) this.forgetUsers()
    const ends = database
      .prepare(`SELECT min(seq) AS first, max(seq) AS last FROM ${this.#inbox}`)
      .get()
    const first = Number(ends?.['first'] ?? 0)
    const last = Number(ends?.['last'] ?? 0)
    this.#keys.forgetBefore(first)
    this.#isPruned = false
    if (version === this.#dataVersion) return
    const end = Math.floor(last / 2 ** BUCKET_BITS)
    let bucket = Math.floor(Math.max(first, this.#readSeq) / 2 ** BUCKET_BITS)
    for (; bucket <= end; bucket += BUCKETS_AT_ONCE) {
      // As one text: a row for each of some million numbers would take a second for each million.
      const row = database
        .prepare(
          `SELECT json_group_array(seq) AS seqs, json_group_array(key_hash) AS hashes
           FROM ${this.#inbox} WHERE seq >> ${BUCKET_BITS} BETWEEN ? AND ?`,
        )
        .get(bucket, bucket + BUCKETS_AT_ONCE - 1)
      const seqs: number[] = JSON.parse(readText(row ?? {}, 'seqs'))
      const hashes: number[] = JSON.parse(readText(row ?? {}, 'hashes'))
      for (const [i, seq] of seqs.entries()) this.#keys.add(seq, hashes[i] ?? 0)
    }
    this.#readSeq = last
    this.#dataVersion = version
  }

  /** Number of the event with this key, which has this hash. */
  findSeq(
    database: SqliteDatabase,
    { environment, eventKey, keyHash }: HashedKey,
  ): number | undefined {
    for (const { first, last } of this.#keys.findRanges(keyHash)) {
      // One statement for some hundred buckets: to begin one costs ten times as much as to search a bucket.
      const row = database
        .prepare(
          `WITH RECURSIVE bucket (n) AS (SELECT ? UNION ALL SELECT n - 1 FROM bucket WHERE n > ?)
           SELECT of.seq AS seq FROM bucket CROSS JOIN ${this.#inbox} AS of
             ON of.seq >> ${BUCKET_BITS} = bucket.n AND of.key_hash = ?
           WHERE of.event_key = ? AND of.environment = ? LIMIT 1`,
        )
        .get(last, first, keyHash, eventKey, environment)
      if (row !== undefined) return readNumber(row, 'seq')
    }
    return undefined
  }

  /** Notes that this connection deletes events. What is known of them is forgotten by a later transaction, because this one may be rolled back. */
  notePruned(): void {
    this.#isPruned = true
  }

  /** Notes an event that this connection inserts. Harmless when that is rolled back. */
  add(seq: number, keyHash: number): void {
    this.#keys.add(seq, keyHash)
  }

  /** Whether a user is remembered; `false` says nothing. */
  hasUser(environment: string, userId: string): boolean {
    return this.#users.get(environment)?.has(userId) === true
  }

  /** Remembers a user that is there. */
  addUser(environment: string, userId: string): void {
    if (this.#usersCount >= USERS_MAX) this.forgetUsers()
    const users = this.#users.get(environment) ?? new Set<string>()
    this.#users.set(environment, users.add(userId))
    this.#usersCount += 1
  }

  /** Forgets the users: one was deleted, or a transaction was rolled back that may have made some. */
  forgetUsers(): void {
    this.#users.clear()
    this.#usersCount = 0
  }
}
