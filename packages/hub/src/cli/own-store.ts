/** The configured database itself, for a command that changes what no hub lets anybody change. */
import type { Config } from '../config/config.ts'
import type { ClockDep, IdsDep, RandomDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { openStore, refuseWrongKeys } from '../hub.ts'
import { createSealer } from '../seal.ts'
import type { StoreDep } from '../store/open.ts'
import { createIds, systemClock, systemRandom } from '../system.ts'
import { readDatabaseState } from './databases.ts'
import { KEYS, findKeyFile } from './demo-files.ts'
import { openConfigured } from './production.ts'
import { startAll } from './serve-hub.ts'

type OwnStore = ClockDep & IdsDep & RandomDep & StoreDep

/**
 * Checks that there is a database of this version, and changes nothing.
 *
 * @returns Its name, without secrets.
 * @throws FirmaError `configuration_invalid` where there is none, or one of another version.
 */
export async function checkOwnStore(config: Config): Promise<string> {
  const { name, exists, pending } = await readDatabaseState(config)
  if (!exists) throw invalid(`there is no database at ${name}; name its folder with --data`)
  if (pending.length > 0) {
    throw invalid(`${name} is of an earlier version; start the hub once, or run firma migrate`)
  }
  return name
}

/**
 * Opens the database for as long as `run` takes.
 *
 * @throws FirmaError `configuration_invalid` as {@link checkOwnStore}, while a hub has its SQLite file, and where the
 *   encryption keys are missing or others.
 */
export async function withOwnStore<T>(
  config: Config,
  run: (deps: OwnStore) => Promise<T>,
): Promise<T> {
  await checkOwnStore(config)
  const { dataFolder } = config
  const keys = config.encryptionKeys?.reveal() ?? (await findKeyFile(dataFolder))
  if (keys === undefined) {
    const what = `there are no encryption keys: neither FIRMA_ENCRYPTION_KEYS nor ${dataFolder}/${KEYS}`
    throw invalid(`${what}; give those of the hub, for the audit log is sealed with them`)
  }
  const [clock, random] = [systemClock, systemRandom]
  const sealer = createSealer({ random }, keys)
  const { store, close } = await startAll(async (closers) => {
    const database = await openConfigured(config, closers)
    const opened = await openStore(database, { sealer, nowMs: clock.nowMs() })
    await refuseWrongKeys(opened)
    closers.push(async () => await opened.close())
    return { store: opened }
  })
  try {
    return await run({ store, clock, random, ids: createIds(clock, random) })
  } finally {
    await close()
  }
}

function invalid(message: string): FirmaError {
  return new FirmaError('configuration_invalid', message)
}
