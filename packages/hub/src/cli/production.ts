/** The hub alone, with real providers, on what the operator has configured. */
import { availableParallelism } from 'node:os'
import type { Config } from '../config/config.ts'
import { defaultThreads } from '../delivery/courier-threads.ts'
import type { Log } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { type Hub, type HubDatabase, openHub } from '../hub.ts'
import { applyDeclaration, ensureApiKey } from '../operations/apply-declaration.ts'
import type { KeyRing } from '../seal.ts'
import { KEYS, addKeyToFile, findKeyFile, openDatabase, openFolder } from './demo-files.ts'
import { lockFolder } from './folder-lock.ts'
import { listen } from './serve.ts'
import { type Closers, serveHub, startAll } from './serve-hub.ts'

export interface Production {
  /** Where it listens, which is not where the world reaches it. */
  readonly url: string
  readonly baseUrl: string
  readonly hub: Hub
  /** What the configuration file has added to the database. */
  readonly added: readonly string[]
  close(): Promise<void>
}

/** What production needs beside a database. */
export interface ProductionNeeds {
  readonly baseUrl: string
  readonly keys: KeyRing
}

/**
 * Checks that nothing would have to be made up.
 *
 * @throws FirmaError `configuration_invalid`, naming everything that is missing.
 */
export async function checkProduction(config: Config): Promise<ProductionNeeds> {
  const { baseUrl, dataFolder } = config
  const keys = config.encryptionKeys?.reveal() ?? (await findKeyFile(dataFolder))
  const missing: string[] = []
  if (baseUrl === undefined) {
    missing.push('a base URL (--base-url, FIRMA_BASE_URL or baseUrl in the configuration file)')
  }
  if (keys === undefined) {
    missing.push(
      `encryption keys (FIRMA_ENCRYPTION_KEYS, FIRMA_ENCRYPTION_KEYS_FILE, or ${dataFolder}/${KEYS} as firma init makes it)`,
    )
  }
  if (baseUrl === undefined || keys === undefined) {
    throw invalid(
      `production mode needs ${missing.join(' and ')}; firma start without --production is the demo`,
    )
  }
  const { protocol, hostname } = new URL(baseUrl)
  // Cookies of the connect flow are `__Host-` ones, which browsers take over https alone.
  if (protocol !== 'https:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname)) {
    throw invalid(
      `--base-url (FIRMA_BASE_URL) is "${baseUrl}"; in production it must begin with https://, which a proxy in front of the hub serves`,
    )
  }
  return { baseUrl, keys }
}

/** Starts everything; what has started is closed again when something later fails. */
export async function startProduction(config: Config, log: Log): Promise<Production> {
  const needs = await checkProduction(config)
  return await startAll(async (closers) => await open(config, needs, { log, closers }))
}

async function open(
  config: Config,
  { baseUrl, keys }: ProductionNeeds,
  { log, closers }: { log: Log; closers: Closers },
): Promise<Omit<Production, 'close'>> {
  const { allowedRanges, proxies, rateLimits, metrics: metricsFor, auditDays } = config
  const database = await openConfigured(config, closers)
  const port = await listen(config.host, config.port)
  closers.push(async () => await port.close())
  const senderThreads = config.senderThreads ?? defaultThreads(availableParallelism())
  const declared = config.environments
  const delivery = { allowedRanges, senderThreads }
  const settings = { ...delivery, proxies, rateLimits, metricsFor, auditDays, declared }
  const makeKey = config.encryptionKeys === undefined && {
    makeKey: async () => await addKeyToFile(config.dataFolder),
  }
  const onUnfit = ({ message: reason }: FirmaError): void => {
    log.error({ reason }, 'this process cannot work beside the others any more; it ends')
    process.exitCode = 1
    // As if it were asked to: what is under way is finished.
    process.kill(process.pid, 'SIGTERM')
  }
  const hub = await openHub({ ...database, baseUrl, keys, ...settings, ...makeKey, onUnfit, log })
  closers.push(async () => await hub.close())
  const added: string[] = []
  const operatorKey = config.operatorKey?.reveal()
  if (operatorKey !== undefined && (await ensureApiKey(hub.deps, null, operatorKey))) {
    added.push('the operator key')
  }
  for (const environment of config.environments) {
    added.push(...(await applyDeclaration(hub.deps, environment)))
  }
  await serveHub(port, hub)
  return { url: port.url, baseUrl, hub, added }
}

/** Takes the database of the configuration, and its folder where it is a file. */
export async function openConfigured(
  { dataFolder, databaseUrl }: Config,
  closers: Closers,
): Promise<HubDatabase> {
  if (databaseUrl !== undefined) return { postgresUrl: databaseUrl.reveal() }
  await openFolder(dataFolder)
  closers.push(await lockFolder(dataFolder))
  const sqlite = await openDatabase(dataFolder)
  closers.push(async () => await sqlite.close())
  return { sqlite }
}

function invalid(message: string): FirmaError {
  return new FirmaError('configuration_invalid', message)
}
