/** What the demo keeps beside its database: the encryption key, and the credentials shown at the start. */
import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
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

/** Reads the key file of a data folder, or makes one that only its owner can read. */
export async function openKeyFile(folder: string): Promise<KeyRing> {
  const path = join(folder, 'keys.json')
  const text = await readIfThere(path)
  if (text === undefined) {
    const key = randomBytes(KEY_BYTES)
    await writePrivate(folder, path, { primary: 'k1', keys: { k1: key.toString('hex') } })
    return { primaryId: 'k1', keys: new Map([['k1', key]]) }
  }
  const file = parseFile(KEY_FILE, path, text)
  const keys = Object.entries(file.keys).map(([id, hex]) => [id, Buffer.from(hex, 'hex')] as const)
  if (file.keys[file.primary] === undefined) {
    throw new FirmaError(
      'configuration_invalid',
      `${path} names "${file.primary}" as primary, but has no such key`,
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

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new FirmaError('configuration_invalid', `cannot read ${path}`, { cause: error })
  }
}

async function writePrivate(folder: string, path: string, content: unknown): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
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
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new FirmaError(
      'configuration_invalid',
      `${path} is damaged; restore it, or start afresh with another folder (--data)`,
      { cause },
    )
  }
}
