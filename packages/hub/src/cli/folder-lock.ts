/** A data folder belongs to one process at a time. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { FirmaError } from '../errors.ts'

/** Whoever has the folder keeps it, so there is little to wait for. */
const BUSY_TIMEOUT_MS = 200

/**
 * Takes a folder: a second process on it would take the destination away from the first and send its
 * events elsewhere. The lock is one of the operating system, through an empty database of its own: it
 * ends with the process, however that ends, and everybody can still read the real one.
 *
 * @returns Gives the folder back.
 * @throws FirmaError `configuration_invalid` when another process has it.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'firma.lock')
  let giveBack = (): void => undefined
  try {
    await (await open(path, 'a', 0o600)).close()
    const lock = await openSqlite(path, { busyTimeoutMs: BUSY_TIMEOUT_MS })
    const isGivenBack = new Promise<void>((resolve) => {
      giveBack = resolve
    })
    await new Promise<void>((resolve, reject) => {
      const isHeld = lock.exclusive(async (database) => {
        database.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
        resolve()
        await isGivenBack
        database.exec('ROLLBACK')
      })
      isHeld.catch(reject)
    })
    return async () => {
      giveBack()
      await lock.close()
    }
  } catch (cause) {
    const why =
      cause instanceof Error && cause.message.includes('locked')
        ? `${folder} is in use by another Firma; end it, or choose another folder with --data`
        : `cannot lock ${path}; choose a folder that you may write to with --data`
    throw new FirmaError('configuration_invalid', why, { cause })
  }
}
