/** The demo's folder: the database, the encryption key, and the credentials shown at the start. */
import { randomBytes } from 'node:crypto'
import {
  chmod,
  mkdir,
  open,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type SqliteHandle, openSqlite } from 'firma-receiver/sqlite'
import { z } from 'zod'
import { KEY_FILE, toKeyRing } from '../config/keys.ts'
import { FirmaError } from '../errors.ts'
import { RUNNING_FILE } from './hub-access.ts'
import { KEY_BYTES, type KeyRing } from '../seal.ts'

const CREDENTIALS = z.object({
  devId: z.string(),
  apiKey: z.string(),
  redirectSecret: z.string(),
  destinationId: z.string(),
  destinationSecret: z.string(),
  /** Absent in folders of earlier versions. */
  operatorKey: z.string().optional(),
})

export type DemoCredentials = z.infer<typeof CREDENTIALS>

/** Names of the database and of the key file in a data folder. */
export const DATABASE = 'firma.sqlite'
export const KEYS = 'keys.json'

/** Makes the data folder, with every folder above it, for its owner alone. */
export async function openFolder(folder: string): Promise<void> {
  try {
    await makeFolder(resolve(folder))
    // A file of that name would be found only later, and by a worse name.
    await readdir(folder)
  } catch (cause) {
    throw new FirmaError(
      'configuration_invalid',
      `${folder} cannot be used as data folder; choose one that you may write to with --data`,
      { cause },
    )
  }
}

/** Not by `recursive`, which never ends where a parent takes no folders (`/proc`). */
async function makeFolder(path: string): Promise<void> {
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

/** Reads the key file of a data folder, or makes one that only its owner can read. */
export async function openKeyFile(folder: string): Promise<KeyRing> {
  const keys = await findKeyFile(folder)
  if (keys !== undefined) return keys
  const path = join(folder, KEYS)
  if ((await readSize(join(folder, DATABASE))) > 0) {
    throw new FirmaError(
      'configuration_invalid',
      `${path} is gone, and ${DATABASE} cannot be read without it; restore it, or start afresh with another folder (--data)`,
    )
  }
  const key = randomBytes(KEY_BYTES)
  await writePrivate(path, { primary: 'k1', keys: { k1: key.toString('hex') } })
  return { primaryId: 'k1', keys: new Map([['k1', key]]) }
}

/** Reads the key file of a data folder; `undefined` when there is none. */
export async function findKeyFile(folder: string): Promise<KeyRing | undefined> {
  const path = join(folder, KEYS)
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  const keys = toKeyRing(parseFile(KEY_FILE, path, text))
  if (typeof keys !== 'string') return keys
  throw new FirmaError(
    'configuration_invalid',
    `${path} ${keys}; restore it, or start afresh with another folder (--data)`,
  )
}

/** Makes a key, and writes it into the key file as the one that seals. @returns The key and its id. */
export async function addKeyToFile(
  folder: string,
): Promise<{ readonly id: string; readonly key: Uint8Array }> {
  const path = join(folder, KEYS)
  const { keys } = parseFile(KEY_FILE, path, (await readIfThere(path)) ?? '')
  let number = Object.keys(keys).length + 1
  while (keys[`k${number}`] !== undefined) number += 1
  const [id, key] = [`k${number}`, randomBytes(KEY_BYTES)]
  // Whole or not at all: half a key file would lose every key.
  const draft = `${path}.new`
  await writePrivate(draft, { primary: id, keys: { ...keys, [id]: key.toString('hex') } })
  const file = await open(draft)
  await file.sync()
  await file.close()
  await rename(draft, path)
  return { id, key }
}

export async function findCredentials(folder: string): Promise<DemoCredentials | undefined> {
  const path = join(folder, 'demo.json')
  const text = await readIfThere(path)
  return text === undefined ? undefined : parseFile(CREDENTIALS, path, text)
}

export async function saveCredentials(folder: string, credentials: DemoCredentials): Promise<void> {
  await writePrivate(join(folder, 'demo.json'), credentials)
}

/**
 * Leaves a note with the hub's address, by which commands on this machine find the demo.
 *
 * @returns Takes it away.
 */
export async function announceRunning(
  folder: string,
  hubUrl: string,
): Promise<() => Promise<void>> {
  const path = join(folder, RUNNING_FILE)
  await writePrivate(path, { hubUrl, pid: process.pid })
  return async () => await rm(path, { force: true })
}

export async function openDatabase(folder: string): Promise<SqliteHandle> {
  const path = join(folder, DATABASE)
  try {
    // Made before SQLite does, which would let everybody read it.
    await (await open(path, 'a', 0o600)).close()
    return await openSqlite(path)
  } catch (cause) {
    throw new FirmaError(
      'configuration_invalid',
      `cannot open the database ${path}; restore it, or start afresh with another folder (--data)`,
      { cause },
    )
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

async function writePrivate(path: string, content: unknown): Promise<void> {
  try {
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
