/** Real servers of other runtimes, each running a small app with the packed receiver. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { packPackage } from '../../../scripts/pack.ts'
import { provideRuntimes, type Runtimes } from '../../../scripts/runtimes.ts'

const APPS = fileURLToPath(new URL('./runtimes/', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const START_TIMEOUT_MS = 300_000
/** No run takes so long. */
const LEFTOVER_MS = 86_400_000
const COMMAND_TIMEOUT_MS = 900_000
/** What a Worker has of Node under `nodejs_compat`, and libraries ask for by its older names. */
const NODE_MODULES = 'crypto dns events fs net path stream string_decoder tls url util'.split(' ')
/** The bundle is a module, and libraries in it `require` those. */
const REQUIRE = `import { createRequire } from 'node:module'; const require = createRequire('/')`

/** How an app finds its database. */
export interface AppEnvironment {
  STORE: 'memory' | 'sqlite' | 'postgres'
  DATABASE_URL: string
  TABLE_PREFIX: string
}

/** A server that runs. */
export interface RunningServer {
  /** Its address, without a path. */
  url: string
  /** Ends it as a power cut does. */
  kill(): Promise<void>
}

/** A folder in which the packed receiver is installed, below one that has the runtimes. */
export class RuntimeApp {
  readonly folder: string
  readonly #runtimes: Runtimes

  /** Compiles, packs and installs the receiver as it is now. */
  constructor() {
    this.#runtimes = provideRuntimes()
    removeLeftovers(this.#runtimes.folder)
    this.folder = mkdtempSync(path.join(this.#runtimes.folder, 'app-'))
    const built = path.join(this.folder, 'built')
    const packed = path.join(this.folder, 'packed')
    mkdirSync(packed)
    const tsc = createRequire(import.meta.url).resolve('typescript/package.json')
    const project = ['-p', 'packages/receiver/tsconfig.build.json', '--outDir', `${built}/dist`]
    run(ROOT, process.execPath, [path.join(path.dirname(tsc), 'bin/tsc'), ...project])
    const tarball = packPackage('packages/receiver', packed, built)
    cpSync(APPS, this.folder, { recursive: true })
    writeFileSync(path.join(this.folder, 'package.json'), '{"private":true,"type":"module"}')
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent', '--omit=peer']
    run(this.folder, 'npm', ['install', ...options, tarball])
  }

  /** Starts the app of a runtime. */
  async start(
    runtime: 'bun' | 'deno' | 'hono' | 'workerd' | 'next',
    environment: AppEnvironment,
  ): Promise<RunningServer> {
    const { bun, deno, workerd } = this.#runtimes.programs
    switch (runtime) {
      case 'bun':
        return this.#serve(bun, ['run', 'server.mjs'], environment)
      case 'deno':
        return this.#serve(
          deno,
          ['run', '--allow-all', '--node-modules-dir=manual', 'server.mjs'],
          environment,
        )
      case 'hono':
        return this.#serve(process.execPath, ['server.mjs'], environment)
      case 'workerd': {
        await this.#bundleWorker(environment)
        return this.#serve(workerd, ['serve', 'workerd.capnp', '--control-fd=1'], environment)
      }
      case 'next':
        return this.#serve(
          process.execPath,
          [this.#next, 'start', 'next', '--hostname', '127.0.0.1', '--port', '0'],
          environment,
        )
    }
  }

  /** What Next.js needs once. */
  buildNext(environment: AppEnvironment): void {
    run(this.folder, process.execPath, [this.#next, 'build', 'next'], {
      ...environment,
      APP_ROOT: this.#runtimes.folder,
      NEXT_TELEMETRY_DISABLED: '1',
    })
  }

  get #next(): string {
    return path.join(this.#runtimes.folder, 'node_modules/next/dist/bin/next')
  }

  async #bundleWorker({ STORE }: AppEnvironment): Promise<void> {
    await build({
      absWorkingDir: this.folder,
      entryPoints: [STORE === 'postgres' ? 'worker-postgres.mjs' : 'worker-memory.mjs'],
      outfile: 'worker.js',
      bundle: true,
      format: 'esm',
      conditions: ['workerd', 'worker'],
      mainFields: ['module', 'main'],
      external: ['node:*', 'cloudflare:*', 'pg-native'],
      alias: Object.fromEntries(NODE_MODULES.map((name) => [name, `node:${name}`])),
      banner: { js: REQUIRE },
      logLevel: 'error',
    })
  }

  async #serve(
    command: string,
    args: string[],
    environment: AppEnvironment,
  ): Promise<RunningServer> {
    const child = spawn(command, args, {
      cwd: this.folder,
      env: { ...process.env, ...environment, NEXT_TELEMETRY_DISABLED: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.once('error', () => resolve())
    })
    const port = await findPort(child, exited)
    return {
      url: `http://127.0.0.1:${port}`,
      async kill() {
        child.kill('SIGKILL')
        await exited
      },
    }
  }

  /** Removes it. */
  close(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** What runs left behind that were killed. */
function removeLeftovers(folder: string): void {
  const names = readdirSync(folder).filter((name) => name.startsWith('app-'))
  for (const app of names.map((name) => path.join(folder, name))) {
    const ageMs = Date.now() - (statSync(app, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (ageMs > LEFTOVER_MS) rmSync(app, { recursive: true, force: true })
  }
}

/** Reads on until the server has said its port. */
async function findPort(child: ChildProcess, exited: Promise<void>): Promise<string> {
  let said = ''
  const found = new Promise<string>((resolve) => {
    const read = (chunk: Buffer): void => {
      said += chunk.toString()
      // To its end: a line can come in two pieces.
      const port = /(?:port |"port":|127\.0\.0\.1:)(\d+)\D/.exec(said)?.[1]
      if (port !== undefined) resolve(port)
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
  })
  const timeout = AbortSignal.timeout(START_TIMEOUT_MS)
  const late = new Promise<void>((resolve) => {
    timeout.addEventListener('abort', () => resolve())
  })
  const port = await Promise.race([found, exited, late])
  if (typeof port === 'string') return port
  child.kill('SIGKILL')
  throw new Error(`${child.spawnargs.join(' ')} did not say its port, but:\n${said}`)
}

function run(
  cwd: string,
  command: string,
  args: string[],
  environment: Readonly<Record<string, string>> = {},
): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...environment },
    encoding: 'utf8',
    timeout: COMMAND_TIMEOUT_MS,
  })
  if (status === 0) return
  throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}${error?.message ?? ''}`)
}
