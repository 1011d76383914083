import { randomBytes } from 'node:crypto'
import { spawn, spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { findFreePorts } from './free-port.ts'
import { findPrograms, installPrograms, preparePackage } from './postgres-programs.ts'

/** A throwaway PostgreSQL server of ours. */
export interface TestPostgres {
  /** For `pg`: user, password, loopback address, port and database. */
  readonly url: string
  /** What `postgres --version` says. */
  readonly version: string
  /** Ends the server as a crash does and starts it again on the same port; returns when it takes connections. */
  restart(): void
  /** Stops the server and deletes its files. May be called twice. */
  stop(): void
}

/** How the server treats what it is told. */
export interface PostgresSettings {
  /** Whether a commit survives a power cut; not by default, for tests only wait for it. */
  isDurable?: boolean
  /** What else it is started with, by the names of its own settings. */
  own?: Readonly<Record<string, string>>
}

interface Account {
  readonly uid?: number
  readonly gid?: number
}

const START_TIMEOUT_MS = 300_000
/**
 * Sixteen test files at once, each with a few processes and pools of ten: no more than 500. What nobody uses costs the
 * server 20 KB of memory each.
 */
const CONNECTIONS_MAX = 1_000
/** Somebody else may take a port between the look at it and the start. */
const START_TRIES = 3
const USER = 'firma'
const NOBODY = 65_534

/**
 * A PostgreSQL server for the tests: the one that `FIRMA_PG_URL` names, else one that is started now from the programs in
 * `FIRMA_POSTGRES_BIN`, of the system, or of an npm package, and stopped when this process ends.
 *
 * @returns What the tests find it by, for their environment.
 * @throws With the one line to run, when there is none and none can be had.
 */
export async function providePostgres(
  environment: NodeJS.ProcessEnv,
): Promise<Record<string, string>> {
  const chosen = environment['FIRMA_PG_URL']
  if (chosen !== undefined && chosen !== '') return { FIRMA_PG_URL: chosen }
  const server = await startPostgres({}, environment)
  process.once('exit', () => server.stop())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    // Only an exit that we ask for runs what is to be done at the end.
    process.once(signal, () => process.exit(1))
  }
  return { FIRMA_PG_URL: server.url }
}

/**
 * Starts a server with a cluster of its own in a temporary folder, on a free port of the loopback address.
 *
 * @throws With the one line to run, when no programs are found.
 */
export async function startPostgres(
  settings: PostgresSettings = {},
  environment: NodeJS.ProcessEnv = process.env,
): Promise<TestPostgres> {
  const found = findPrograms(environment) ?? installPrograms()
  const account = chooseAccount()
  const folder = mkdtempSync(path.join(tmpdir(), 'firma-postgres-'))
  const run = { account, bin: found, folder }
  try {
    if (account.uid !== undefined && account.gid !== undefined) {
      chownSync(folder, account.uid, account.gid)
      // Where root has its files, the other account may not look.
      run.bin = preparePackage(found, path.join(folder, 'programs'))
    } else run.bin = preparePackage(found)
    const password = createCluster(run)
    const all = { ...settings, ...readSettings(environment) }
    const { port, version } = await startOnFreePort(run, all)
    guard(run)
    const url = `postgres://${USER}:${password}@127.0.0.1:${port}/postgres`
    return { url, version, restart: () => restart(run), stop: () => stop(run) }
  } catch (error) {
    stop(run)
    throw error
  }
}

/** `FIRMA_POSTGRES_SETTINGS='shared_buffers=4GB max_wal_size=16GB'`: a server as large as the one to be spoken about. */
function readSettings(environment: NodeJS.ProcessEnv): Pick<PostgresSettings, 'own'> {
  const words = (environment['FIRMA_POSTGRES_SETTINGS'] ?? '').split(/\s+/).filter(Boolean)
  const pairs = words.map((word) => {
    const [name = '', value] = word.split('=', 2)
    if (!/^[a-z_.]+$/.test(name) || value === undefined || !/^[\w.]+$/.test(value)) {
      throw new TypeError(
        `FIRMA_POSTGRES_SETTINGS has to be words like shared_buffers=4GB, and has ${JSON.stringify(word)}`,
      )
    }
    return [name, value]
  })
  return { own: Object.fromEntries(pairs) }
}

async function startOnFreePort(
  run: Run,
  settings: PostgresSettings,
): Promise<{ port: number; version: string }> {
  for (let tries = 1; ; tries += 1) {
    const port = await findFreePorts(1)
    try {
      return { port, version: start(run, port, settings) }
    } catch (error) {
      if (tries === START_TRIES) throw error
    }
  }
}

interface Run {
  readonly account: Account
  readonly bin: string
  readonly folder: string
}

function createCluster({ account, bin, folder }: Run): string {
  const password = randomBytes(16).toString('hex')
  const passwordFile = path.join(folder, 'password')
  writeFileSync(passwordFile, password, { mode: 0o644 })
  const access = ['--username', USER, '--pwfile', passwordFile, '--auth', 'scram-sha-256']
  const form = ['--encoding', 'UTF8', '--locale', 'C', '--no-sync']
  const args = ['--pgdata', path.join(folder, 'data'), ...access, ...form]
  execute(path.join(bin, 'initdb'), args, account)
  rmSync(passwordFile)
  return password
}

function start(
  { account, bin, folder }: Run,
  port: number,
  { isDurable, own }: PostgresSettings,
): string {
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: CONNECTIONS_MAX,
    ...(isDurable === true ? {} : { fsync: 'off', full_page_writes: 'off' }),
    ...own,
  }
  const options = Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`)
  const data = path.join(folder, 'data')
  const log = path.join(folder, 'log')
  const wait = ['--wait', '--timeout', String(START_TIMEOUT_MS / 1_000)]
  const args = ['start', '--pgdata', data, '--log', log, ...wait, '--options', options.join(' ')]
  execute(path.join(bin, 'pg_ctl'), args, account)
  return execute(path.join(bin, 'postgres'), ['--version'], account).trim()
}

/**
 * Ends the server with this process, however that ends: a test runner kills its workers, and then nothing of
 * theirs runs any more. The system closes the pipe, which is all that the shell waits for.
 */
function guard({ account, bin, folder }: Run): void {
  const wait = 'cat; "$0" stop --pgdata "$1/data" --mode immediate; rm -rf "$1"'
  const child = spawn('sh', ['-c', wait, path.join(bin, 'pg_ctl'), folder], {
    ...account,
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  // Neither the shell nor the pipe to it keeps this process.
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
}

/** With the settings that it was started with: it has noted them in its own folder. */
function restart({ account, bin, folder }: Run): void {
  const wait = ['--wait', '--timeout', String(START_TIMEOUT_MS / 1_000)]
  const files = ['--pgdata', path.join(folder, 'data'), '--log', path.join(folder, 'log')]
  execute(path.join(bin, 'pg_ctl'), ['restart', ...files, '--mode', 'immediate', ...wait], account)
}

/** By the process id that the server has noted in its own folder, so no other server is ever met. */
function stop({ account, bin, folder }: Run): void {
  const data = path.join(folder, 'data')
  if (existsSync(path.join(data, 'postmaster.pid'))) {
    const args = ['stop', '--pgdata', data, '--mode', 'immediate', '--wait']
    spawnSync(path.join(bin, 'pg_ctl'), args, { ...account, cwd: '/', stdio: 'ignore' })
  }
  rmSync(folder, { recursive: true, force: true })
}

function execute(command: string, args: string[], account: Account): string {
  // The server keeps what it inherits, so it gets no pipe of ours; `cwd` because it may not see this folder.
  const options = { ...account, cwd: '/', encoding: 'utf8', timeout: START_TIMEOUT_MS } as const
  const isServer = args[0] === 'start' || args[0] === 'restart'
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    stdio: isServer ? 'ignore' : ['ignore', 'pipe', 'pipe'],
  })
  if (status === 0) return stdout ?? ''
  const output = `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trim()
  throw new Error(`${command} ${args.join(' ')} failed with ${status}: ${output}`)
}

/** The server refuses to run as root. */
function chooseAccount(): Account {
  if (process.getuid?.() !== 0) return {}
  const find = (flag: string): number | undefined => {
    const { status, stdout } = spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' })
    return status === 0 ? Number(stdout) : undefined
  }
  return { uid: find('-u') ?? NOBODY, gid: find('-g') ?? NOBODY }
}
