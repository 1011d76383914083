import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toIncoming } from '../../test/describe-store.ts'
import { user } from '../../test/histories.ts'
import { acceptEvent, type Acceptance } from '../inbox.ts'
import { openSqlite, type SqliteHandle } from '../sqlite-handle.ts'
import type { ReceiverStore } from '../store.ts'
import { sqliteStore } from './sqlite.ts'

const AUTH = { body: { type: 'auth', status: 'success', user: user('a') }, orderingMs: 1 }

const accept = (store: ReceiverStore, eventKey: string): Promise<Acceptance> =>
  store.transaction((tx) => acceptEvent(tx, toIncoming(AUTH, { eventKey })))

describe('sqliteStore, about the events that it has', () => {
  let folder: string
  let path: string
  let handles: SqliteHandle[]
  const open = async (): Promise<SqliteHandle> => {
    const handle = await openSqlite(path)
    handles.push(handle)
    return handle
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'firma-seen-'))
    path = join(folder, 'firma.db')
    handles = []
  })
  afterEach(async () => {
    for (const handle of handles) await handle.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('knows what other processes inserted into the same file, in turns', async () => {
    const stores = [await open(), await open(), await open()].map((handle) =>
      sqliteStore({ handle }),
    )
    for (let n = 0; n < 30; n += 1) {
      const results: Acceptance[] = []
      for (const store of stores) results.push(await accept(store, `k${n}`))
      expect(results.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1)
      expect(new Set(results.map(({ row }) => row.seq)).size).toBe(1)
    }
  })

  it('knows what another store inserted on the same connection', async () => {
    const handle = await open()
    const [one, two] = [sqliteStore({ handle }), sqliteStore({ handle })]
    await accept(one, 'k1')
    expect(await accept(two, 'k1')).toMatchObject({ isDuplicate: true })
    await accept(two, 'k2')
    expect(await accept(one, 'k2')).toMatchObject({ isDuplicate: true })
  })

  it('takes an event whose transaction was rolled back, whoever brings it again', async () => {
    const [mine, others] = [await open(), await open()].map((handle) => sqliteStore({ handle }))
    await accept(mine!, 'k0')
    const failing = mine!.transaction(async (tx) => {
      await acceptEvent(tx, toIncoming(AUTH, { eventKey: 'k1' }))
      throw new TypeError('power cut')
    })
    await expect(failing).rejects.toThrow('power cut')
    // The same number, given out again to somebody else's event.
    expect(await accept(others!, 'k2')).toMatchObject({ isDuplicate: false, row: { seq: 2 } })
    expect(await accept(mine!, 'k2')).toMatchObject({ isDuplicate: true, row: { seq: 2 } })
    expect(await accept(mine!, 'k1')).toMatchObject({ isDuplicate: false, row: { seq: 3 } })
  })

  it('remembers no user that another process or store has deleted, or whose transaction was rolled back', async () => {
    const [handle, other] = [await open(), await open()]
    const [mine, beside, others] = [handle, handle, other].map((each) =>
      sqliteStore({ handle: each }),
    )
    const isKnown = (): Promise<boolean> => mine!.transaction((tx) => tx.hasUser('', 'a'))
    const failing = mine!.transaction(async (tx) => {
      await acceptEvent(tx, toIncoming(AUTH, { eventKey: 'k0' }))
      expect(await tx.hasUser('', 'a')).toBe(true)
      throw new TypeError('power cut')
    })
    await expect(failing).rejects.toThrow('power cut')
    expect(await isKnown()).toBe(false)
    for (const [n, store] of [mine, beside, others].entries()) {
      await accept(others!, `k${n + 1}`)
      expect([await isKnown(), await isKnown()]).toEqual([true, true])
      await store!.transaction((tx) => tx.deleteUser('', 'a'))
      expect([await isKnown(), await isKnown()]).toEqual([false, false])
    }
  })

  it('knows them all after it was opened again, across many buckets', async () => {
    const handle = await open()
    const first = sqliteStore({ handle })
    await first.transaction(async (tx) => {
      for (let n = 0; n < 10_000; n += 1) {
        await acceptEvent(tx, toIncoming(AUTH, { eventKey: `k${n}` }))
      }
    })
    const again = sqliteStore({ handle: await open() })
    for (const n of [0, 4_095, 4_096, 9_999]) {
      expect(await accept(again, `k${n}`)).toMatchObject({ isDuplicate: true, row: { seq: n + 1 } })
    }
    const filter = { environment: '', userIds: ['a'], afterSeq: 9_990, limit: 100 }
    const rows = await again.transaction((tx) => tx.listEvents(filter))
    expect(rows.map(({ seq }) => seq)).toEqual([
      9_991, 9_992, 9_993, 9_994, 9_995, 9_996, 9_997, 9_998, 9_999, 10_000,
    ])
  })

  it('keeps no memory of what was deleted', async () => {
    const handle = await open()
    let lookups = 0
    const counting: SqliteHandle = {
      ...handle,
      exclusive: (fn) =>
        handle.exclusive((database) =>
          fn({
            exec: (sql) => database.exec(sql),
            close: () => database.close(),
            prepare(sql) {
              if (sql.includes('AND key_hash = ?')) lookups += 1
              return database.prepare(sql)
            },
          }),
        ),
    }
    const store = sqliteStore({ handle: counting })
    await accept(store, 'old')
    // Far enough for a filter of its own.
    await handle.exclusive((database) => database.exec('UPDATE sqlite_sequence SET seq = 1000000'))
    await accept(store, 'young')
    await handle.exclusive((database) =>
      database.exec("UPDATE firma_inbox SET handler_state = 'done'"),
    )
    const filter = { throughSeq: Number.MAX_SAFE_INTEGER, isUnhandledIncluded: true, limit: 1 }
    expect(await store.transaction((tx) => tx.prune(filter))).toBe(1)
    expect(await accept(store, 'old')).toMatchObject({ isDuplicate: false })
    expect(lookups).toBe(0)
    expect(await accept(store, 'young')).toMatchObject({ isDuplicate: true })
  })

  it('takes over the events of a file of the first version', async () => {
    const handle = await open()
    await handle.exclusive((database) => database.exec(VERSION_1))
    const store = sqliteStore({ handle })
    expect(await accept(store, 'old-1')).toMatchObject({ isDuplicate: true, row: { seq: 3 } })
    const filter = { environment: '', userIds: ['a'], limit: 9 }
    const rows = await store.transaction((tx) => tx.listEvents(filter))
    expect(rows).toMatchObject([
      { seq: 3, handlerState: 'failed', handlerDueAtMs: 7, attempts: 2, handlerError: 'no' },
    ])
    expect((await accept(store, 'new')).row.seq).toBe(5)
  })
})

/** As version 1 made them, with an event that failed and one that was deleted. */
const VERSION_1 = `
  CREATE TABLE firma_receiver_migrations (version INTEGER PRIMARY KEY, applied_at_ms INTEGER NOT NULL);
  INSERT INTO firma_receiver_migrations VALUES (1, 0);
  CREATE TABLE firma_inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL, event_key TEXT NOT NULL, trace_id TEXT, type TEXT NOT NULL,
    user_id TEXT, ordering_ms INTEGER, received_at_ms INTEGER NOT NULL, body BLOB NOT NULL, headers TEXT NOT NULL,
    handler_state TEXT NOT NULL, handler_state_at_ms INTEGER NOT NULL, handler_error TEXT, attempts INTEGER NOT NULL,
    UNIQUE (event_key, environment));
  CREATE TABLE firma_users (
    environment TEXT NOT NULL, user_id TEXT NOT NULL, component_id TEXT NOT NULL, provider TEXT, reference_id TEXT,
    is_orphan INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (user_id, environment)) WITHOUT ROWID;
  CREATE TABLE firma_aliases (
    environment TEXT NOT NULL, old_user_id TEXT NOT NULL, new_user_id TEXT NOT NULL,
    PRIMARY KEY (old_user_id, new_user_id, environment)) WITHOUT ROWID;
  INSERT INTO firma_inbox VALUES (3, '', 'old-1', NULL, 'auth', 'a', 1, 5, x'${Buffer.from(JSON.stringify(AUTH.body)).toString('hex')}', '{}', 'failed', 7, 'no', 2);
  INSERT INTO firma_inbox VALUES (4, '', 'old-2', NULL, 'odd', NULL, NULL, 5, x'7b7d', '{}', 'done', 7, NULL, 1);
`
