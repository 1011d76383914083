import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { describeStore, toIncoming } from '../../test/describe-store.ts'
import { user } from '../../test/histories.ts'
import { findConnection } from '../connections.ts'
import { acceptEvent } from '../inbox.ts'
import { openSqlite } from '../sqlite-handle.ts'
import { memoryStore } from './memory.ts'
import { sqliteStore } from './sqlite.ts'

describeStore('memory', memoryStore, 1_000)
describeStore('sqlite', () => sqliteStore({ path: ':memory:' }), 150)

const AUTH = { body: { type: 'auth', status: 'success', user: user('a') }, orderingMs: 1 }

describe('sqliteStore', () => {
  it('finds everything again after it was closed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firma-store-'))
    try {
      const path = join(folder, 'new', 'firma.db')
      const first = sqliteStore({ path })
      await first.transaction((tx) => acceptEvent(tx, toIncoming(AUTH)))
      await first.close()
      const second = sqliteStore({ path })
      const found = await second.transaction((tx) => findConnection(tx, '', 'a'))
      expect(found).toMatchObject({ status: 'active', referenceId: 'tony_stark' })
      await second.close()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('lives in tables of its own beside others, and leaves a shared handle open', async () => {
    const handle = await openSqlite(':memory:')
    const [one, two] = ['one_', 'two_'].map((tablePrefix) => sqliteStore({ handle, tablePrefix }))
    await one?.transaction((tx) => acceptEvent(tx, toIncoming(AUTH)))
    expect(await two?.transaction((tx) => tx.listEvents({ limit: 1 }))).toEqual([])
    await one?.close()
    await two?.close()
    const sql =
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'one!_%' ESCAPE '!' ORDER BY name"
    const rows = await handle.exclusive((database) => database.prepare(sql).all())
    expect(rows.map(({ name }) => name)).toEqual([
      'one_aliases',
      'one_cursors',
      'one_inbox',
      'one_receiver_migrations',
      'one_users',
    ])
    await handle.close()
  })

  it('refuses tables of a newer version', async () => {
    const handle = await openSqlite(':memory:')
    await sqliteStore({ handle }).transaction(async () => undefined)
    await handle.exclusive((database) =>
      database.exec('INSERT INTO firma_receiver_migrations VALUES (99, 0)'),
    )
    const older = sqliteStore({ handle })
    await expect(older.transaction(async () => undefined)).rejects.toThrow(/version 99/)
    await handle.close()
  })

  it('opens again after it could not be opened', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'firma-store-'))
    const store = sqliteStore({ path: folder })
    try {
      await expect(store.transaction(async () => 1)).rejects.toThrow(/unable to open|directory/)
      rmSync(folder, { recursive: true })
      expect(await store.transaction(async () => 1)).toBe(1)
    } finally {
      await store.close()
      rmSync(folder, { recursive: true, force: true })
      for (const suffix of ['-wal', '-shm']) rmSync(folder + suffix, { force: true })
    }
  })

  it('refuses a prefix that is no name, and neither or both of path and handle', async () => {
    const handle = await openSqlite(':memory:')
    expect(() => sqliteStore({ handle, tablePrefix: 'x; DROP' })).toThrow(RangeError)
    expect(() => sqliteStore({})).toThrow(RangeError)
    expect(() => sqliteStore({ handle, path: ':memory:' })).toThrow(RangeError)
    await handle.close()
  })

  it('uses its indexes for the reads of every request', async () => {
    const handle = await openSqlite(':memory:')
    await sqliteStore({ handle }).transaction(async () => undefined)
    const plan = (sql: string): Promise<string> =>
      handle.exclusive((database) =>
        database
          .prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .all()
          .map(({ detail }) => String(detail))
          .join('; '),
      )
    const plans = [
      "WITH RECURSIVE bucket (n) AS (SELECT 9 UNION ALL SELECT n - 1 FROM bucket WHERE n > 1) SELECT of.seq AS seq FROM bucket CROSS JOIN firma_inbox AS of ON of.seq >> 10 = bucket.n AND of.key_hash = 4 WHERE of.event_key = 'a' AND of.environment = '' LIMIT 1",
      'SELECT json_group_array(key_hash) FROM firma_inbox WHERE seq >> 10 BETWEEN 1 AND 16',
      "UPDATE firma_inbox SET attempts = 1 WHERE environment = '' AND user_id = 'a' AND handler_state = 'parked'",
      "SELECT * FROM firma_inbox WHERE seq > 0 AND handler_state IN (SELECT value FROM json_each('[]')) AND handler_state NOT IN ('done', 'none') ORDER BY seq LIMIT 9",
      "SELECT record FROM firma_users WHERE environment = '' AND user_id = 'a'",
      "SELECT record FROM firma_users WHERE environment = '' AND component_id = 'a'",
      "SELECT old_user_id FROM firma_users JOIN firma_aliases ON firma_aliases.environment = firma_users.environment AND old_user_id = user_id WHERE firma_users.environment = '' AND component_id = 'a'",
      "SELECT record FROM firma_users WHERE reference_id = 'a' AND provider = 'b' AND environment = '' AND is_orphan = 1 ORDER BY user_id, environment LIMIT 1",
      "SELECT record FROM firma_users WHERE reference_id = 'a' AND provider = 'b' AND environment = '' ORDER BY user_id, environment LIMIT 1",
      "SELECT record FROM firma_users WHERE reference_id = 'a' ORDER BY user_id, environment LIMIT 1",
      "SELECT record FROM firma_users WHERE user_id > 'a' AND environment = '' ORDER BY user_id LIMIT 9",
    ]
    expect(await Promise.all(plans.map(plan))).toEqual([
      expect.stringContaining('SEARCH of USING INDEX firma_inbox_key (<expr>=? AND key_hash=?)'),
      expect.stringContaining('firma_inbox_key (<expr>>? AND <expr><?)'),
      expect.stringContaining('firma_inbox_parked (user_id=? AND environment=?)'),
      expect.stringContaining('firma_inbox_due (handler_state=?'),
      expect.stringContaining('firma_users_id (user_id=? AND environment=?)'),
      expect.stringContaining('firma_users_component (component_id=? AND environment=?)'),
      expect.stringMatching(/users_component .*; SEARCH firma_aliases USING .*\(old_user_id=\?/),
      expect.stringContaining('firma_users_orphan (reference_id=? AND provider=?)'),
      expect.stringContaining('firma_users_reference (reference_id=? AND provider=?)'),
      expect.stringContaining('firma_users_reference (reference_id=?)'),
      expect.stringContaining('firma_users_id (user_id>?)'),
    ])
    await handle.close()
  })
})
