/** The demo's folder: the database, the encryption key, and the credentials shown at the start. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, open, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type SqliteHandle, openSqlite } from 'firma-receiver/sqlite'
import { z } from 'zod'
import { FirmaError } from '../errors.ts'
import { KEY_BYTES, type KeyRing } from '../seal.ts'

const KEY_FILE = z.object({
  primary: z.string().min(1),
  keys: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)),
})

const CREDENTIALS = z.object({
  devId: z.string(),
  apiKey: z.string(),
  redirectSecret: z.string(),
  destinationId: z.string(),
  destinationSecret: z.string(),
})

export type DemoCredentials = z.infer<typeof CREDENTIALS>

const DATABASE = 'firma.sqlite'
/** A database that another process has opened stays its own, so there is little to wait for. */
const BUSY_TIMEOUT_MS = 500

/** Reads the key file of a data folder, or makes one that only its owner can read. */
export async function openKeyFile(folder: string): Promise<KeyRing> {
  const path = join(folder, 'keys.json')
  const text = await readIfThere(path)
  if (text === undefined) {
    if ((await readSize(join(folder, DATABASE))) > 0) {
      throw new FirmaError(
        'configuration_invalid',
        `${path} is gone, and ${DATABASE} cannot be read without it; restore it, or start afresh with another folder (--data)`,
      )
    }
    const key = randomBytes(KEY_BYTES)
    await writePrivate(folder, path, { primary: 'k1', keys: { k1: key.toString('hex') } })
    return { primaryId: 'k1', keys: new Map([['k1', key]]) }
  }
  const file = parseFile(KEY_FILE, path, text)
  const keys = Object.entries(file.keys).map(([id, hex]) => [id, Buffer.from(hex, 'hex')] as const)
  if (file.keys[file.primary] === undefined) {
    throw new FirmaError(
      'configuration_invalid',
      `${path} names "${file.primary}" as primary, but has no such key; restore it, or start afresh with another folder (--data)`,
    )
  }
  return { primaryId: file.primary, keys: new Map(keys) }
}

export async function findCredentials(folder: string): Promise<DemoCredentials | undefined> {
  const path = join(folder, 'demo.json')
  const text = await readIfThere(path)
  return text === undefined ? undefined : parseFile(CREDENTIALS, path, text)
}

export async function saveCredentials(folder: string, credentials: DemoCredentials): Promise<void> {
  await writePrivate(folder, join(folder, 'demo.json'), credentials)
}

/**
 * Opens the database for this process alone: a second one would take the destination away from the
 * first and send its events elsewhere.
 */
export async function openDatabase(folder: string): Promise<SqliteHandle> {
  const path = join(folder, DATABASE)
  try {
    await makeFolder(folder)
    // Made before SQLite does, which would let everybody read it.
    await (await open(path, 'a', 0o600)).close()
    const sqlite = await openSqlite(path, { busyTimeoutMs: BUSY_TIMEOUT_MS })
    try {
      await sqlite.exclusive((database) => {
        // The statement after it takes the lock, and the operating system ends it with the process.
        database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT')
      })
      return sqlite
    } catch (error) {
      await sqlite.close()
      throw error
    }
  } catch (cause) {
    const why =
      cause instanceof Error && cause.message.includes('locked')
        ? `${path} is in use by another Firma; end it, or choose another folder with --data`
        : `cannot open the database ${path}; restore it, or start afresh with another folder (--data)`
    throw new FirmaError('configuration_invalid', why, { cause })
  }
}

async function readSize(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch {
    // Not there, or not for us: whoever opens it next says so.
    return 0
  }
}

/** Not by `recursive` alone, which never ends where a parent takes no folders (`/proc`). */
async function makeFolder(folder: string): Promise<void> {
  const path = resolve(folder)
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolder(dirname(path))
    await mkdir(path, { mode: 0o700 })
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new FirmaError(
      'configuration_invalid',
      `cannot read ${path}; choose another folder with --data`,
      { cause: error },
    )
  }
}

async function writePrivate(folder: string, path: string, content: unknown): Promise<void> {
  try {
    await makeFolder(folder)
    await writeFile(path, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
    // The mode above counts only for a new file.
    await chmod(path, 0o600)
  } catch (cause) {
    throw new FirmaError(
      'configuration_invalid',
      `cannot write ${path}; choose a folder that you may write to with --data`,
      { cause },
    )
  }
}

function parseFile<T extends z.ZodType>(schema: T, path: string, text: string): z.output<T> {
  const damaged = (detail: string): FirmaError =>
    new FirmaError(
      'configuration_invalid',
      `${path} is damaged (${detail}); restore it, or start afresh with another folder (--data)`,
    )
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    // Not the parser's own words: they would quote the file, and it holds secrets.
    throw damaged('it is not JSON')
  }
  const result = schema.safeParse(content)
  if (result.success) return result.data
  const where = result.error.issues[0]?.path.map(String).join('.') ?? ''
  throw damaged(where === '' ? 'it is not an object' : `${where} is missing or malformed`)
}
