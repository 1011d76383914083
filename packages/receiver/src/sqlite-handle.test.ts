import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  EXCLUSIVE_WAIT_MS_MAX,
  openSqlite,
  SqliteHandleError,
  STATEMENTS_CACHED_MAX,
  type SqliteHandle,
} from './sqlite-handle.ts'

let folder: string
let handle: SqliteHandle

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'firma-handle-'))
  handle = await openSqlite(':memory:')
})

afterEach(async () => {
  await handle.close()
  rmSync(folder, { recursive: true, force: true })
})

const rejection = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

/** A promise and its resolver, so that a test decides when a holder settles. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

describe('openSqlite', () => {
  it('creates the folder, and sets WAL, full synchronisation, foreign keys and the busy timeout', async () => {
    const path = join(folder, 'deep', 'er', 'firma.db')
    const file = await openSqlite(path, { busyTimeoutMs: 1_234 })
    const pragma = async (name: string): Promise<unknown> =>
      file.exclusive((db) => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0])
    expect(await pragma('journal_mode')).toBe('wal')
    expect(await pragma('synchronous')).toBe(2)
    expect(await pragma('foreign_keys')).toBe(1)
    expect(await pragma('busy_timeout')).toBe(1_234)
    expect(statSync(path).isFile()).toBe(true)
    await file.close()
  })

  it('keeps bytes, big integers and nulls as they are', async () => {
    const bytes = new Uint8Array([0, 255, 1])
    const row = await handle.exclusive((db) => {
      db.exec('CREATE TABLE sample (bytes BLOB, number INTEGER, absent TEXT)')
      db.prepare('INSERT INTO sample VALUES (?, ?, ?)').run(bytes, 1_759_000_000_000, null)
      return db.prepare('SELECT * FROM sample').get()
    })
    const stored = row?.['bytes']
    expect(stored instanceof Uint8Array && [...stored]).toEqual([...bytes])
    expect(row).toMatchObject({ number: 1_759_000_000_000, absent: null })
  })

  it('names the driver in use', () => {
    expect(['node:sqlite', '@photostructure/sqlite']).toContain(handle.driver)
  })

  it('says on the console as soon as a store is made that no library is there, and what to run', () => {
    const store = JSON.stringify(new URL('stores/sqlite.ts', import.meta.url).href)
    const hook = `export const resolve = (name, context, next) => {
      if (name === '@photostructure/sqlite') throw new TypeError('not installed')
      return next(name, context)
    }`
    const script = `import { register } from 'node:module'
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)})
      process.getBuiltinModule = () => undefined
      const { sqliteStore } = await import(${store})
      sqliteStore({ path: 'never-opened.db' })`
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--conditions=source', '--import', 'tsx', '--input-type=module', '--eval', script],
      { encoding: 'utf8', timeout: 180_000 },
    )
    expect(stderr).toContain('firma-receiver: no SQLite library found')
    expect(stderr).toContain('run "npm install @photostructure/sqlite@1"')
    expect(status).toBe(0)
  })

  it('refuses a busy timeout that is no whole number', async () => {
    expect(await rejection(openSqlite(':memory:', { busyTimeoutMs: 1.5 }))).toBeInstanceOf(
      RangeError,
    )
  })
})

describe('exclusive', () => {
  it('serves first come first served, and nobody else until a holder that awaits has settled', async () => {
    const seen: string[] = []
    const { opened, open } = gate()
    const first = handle.exclusive(async () => {
      seen.push('first starts')
      await opened
      seen.push('first ends')
    })
    const second = handle.exclusive(() => seen.push('second'))
    const third = handle.exclusive(() => seen.push('third'))
    expect(seen).toEqual(['first starts'])
    open()
    await Promise.all([first, second, third])
    expect(seen).toEqual(['first starts', 'first ends', 'second', 'third'])
  })

  it('goes on after work that threw, at once or later', async () => {
    const sync = handle.exclusive(() => {
      throw new TypeError('now')
    })
    const later = handle.exclusive(async () => {
      await Promise.resolve()
      throw new TypeError('later')
    })
    const last = handle.exclusive(() => 'served')
    expect(await rejection(sync)).toMatchObject({ message: 'now' })
    expect(await rejection(later)).toMatchObject({ message: 'later' })
    expect(await last).toBe('served')
  })

  it('refuses to wait for itself, at once, when the inner call comes before any await', async () => {
    const error = await rejection(handle.exclusive(() => handle.exclusive(() => 'never')))
    expect(error).toBeInstanceOf(SqliteHandleError)
    expect(error).toMatchObject({ reason: 'reentrant' })
    expect(await handle.exclusive(() => 'alive')).toBe('alive')
  })

  it('ends a wait for itself that began after an await', async () => {
    vi.useFakeTimers()
    try {
      const outer = rejection(
        handle.exclusive(async () => {
          await Promise.resolve()
          return handle.exclusive(() => 'never')
        }),
      )
      await vi.advanceTimersByTimeAsync(EXCLUSIVE_WAIT_MS_MAX + 1)
      expect(await outer).toMatchObject({ reason: 'wait_too_long' })
    } finally {
      vi.useRealTimers()
    }
    expect(await handle.exclusive(() => 'alive')).toBe('alive')
  })

  it('rolls back a transaction that was left open, and says so unless the work failed by itself', async () => {
    await handle.exclusive((db) => db.exec('CREATE TABLE sample (id INTEGER)'))
    const forgotten = await rejection(
      handle.exclusive((db) => db.exec('BEGIN; INSERT INTO sample VALUES (1)')),
    )
    expect(forgotten).toMatchObject({ reason: 'transaction_left_open' })
    const failed = await rejection(
      handle.exclusive(async (db) => {
        db.exec('BEGIN; INSERT INTO sample VALUES (2)')
        await Promise.resolve()
        throw new TypeError('mine')
      }),
    )
    expect(failed).toMatchObject({ message: 'mine' })
    expect(await handle.exclusive((db) => db.prepare('SELECT * FROM sample').all())).toEqual([])
  })

  it('compiles the same text once and forgets what was unused for longest', async () => {
    await handle.exclusive((db) => {
      const first = db.prepare('SELECT 0 AS n')
      expect(db.prepare('SELECT 0 AS n')).toBe(first)
      for (let n = 1; n <= STATEMENTS_CACHED_MAX; n += 1) db.prepare(`SELECT ${n} AS n`)
      expect(db.prepare('SELECT 0 AS n')).not.toBe(first)
    })
  })
})

describe('close', () => {
  it('leaves no lock behind, whatever was compiled', async () => {
    const path = join(folder, 'left.db')
    const first = await openSqlite(path)
    await first.exclusive((database) => {
      database.exec('CREATE TABLE t (n)')
      database.prepare('INSERT INTO t VALUES (?)').run(1)
    })
    await first.close()
    const second = await openSqlite(path, { busyTimeoutMs: 0 })
    const row = await second.exclusive((database) => {
      // Needs the file for itself.
      database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; COMMIT')
      return database.prepare('SELECT n FROM t').get()
    })
    expect(row).toEqual({ n: 1 })
    await second.close()
  })

  it('disturbs nobody else who has the file open', async () => {
    const path = join(folder, 'shared.db')
    const first = await openSqlite(path)
    await first.exclusive((database) => database.exec('CREATE TABLE t (n)'))
    const second = await openSqlite(path, { busyTimeoutMs: 0 })
    await first.close()
    const mode = await second.exclusive((database) => {
      database.prepare('INSERT INTO t VALUES (?)').run(2)
      return database.prepare('PRAGMA journal_mode').get()
    })
    expect(mode).toEqual({ journal_mode: 'wal' })
    await second.close()
  })

  it('waits for queued work and refuses new work', async () => {
    const other = await openSqlite(':memory:')
    const { opened, open } = gate()
    const held = other.exclusive(async (db) => {
      await opened
      return db.prepare('SELECT 7 AS n').get()?.['n']
    })
    const queued = other.exclusive((db) => db.prepare('SELECT 8 AS n').get()?.['n'])
    const closing = other.close()
    expect(await rejection(other.exclusive(() => 'late'))).toMatchObject({ reason: 'closed' })
    open()
    expect(await held).toBe(7)
    expect(await queued).toBe(8)
    await closing
    await other.close()
  })
})
