/** Runs the command lines of the documents in a shell, against a demo. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, type Server, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Demo } from '../../src/cli/demo.ts'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { startMove } from '../../src/operations/provider-moves.ts'
import { startResend } from '../../src/operations/resend-events.ts'
import { addDestination, createEnvironment } from '../../src/operations/set-up.ts'
import { runCommand } from '../cli/run-command.ts'
import { connect, createDataFolder, startTestDemo } from '../e2e/support/start-test-demo.ts'
import { type CommandLine, NOT_RUN, readCommandLines } from './command-lines.ts'

/** Ids as the documents write them. */
const USER_ID = '4735eac4-31a2-47ef-8b11-51e98d84c680'
const ID = '0198f0c4-7a2e-7000-8000-000000000000'
/** Programs that this machine lacks, of those that lines use; their lines are not run here. */
const MISSING = ['jq', 'curl', 'openssl'].filter(
  (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).error !== undefined,
)

const lines = await readCommandLines()
const reasonOf = (text: string) => NOT_RUN.find(([pattern]) => pattern.test(text))

interface Place {
  readonly demo: Demo
  /** The working folder of the commands; the demo's data are in `data`. */
  readonly folder: string
  /** An app that takes whatever it is sent. */
  readonly appUrl: string
}

async function listenOn(server: Server): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

async function openPlace(): Promise<Place> {
  const folder = await createDataFolder()
  const demo = await startTestDemo(join(folder, 'data'))
  const app = createServer((request, response) => request.resume().on('end', () => response.end()))
  const files = {
    'garmin.secret': 'x',
    'operator.key': 'x',
    'fitbit.secret': 'x',
    'night.json': '[{}]',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  await createEnvironment(demo.hub.deps, { id: 'acme-prod', name: 'Acme' })
  for (const provider of ['FITBIT', 'GARMIN']) await connect(demo, provider)
  return { demo, folder, appUrl: `http://127.0.0.1:${await listenOn(app)}` }
}

/** What an example's id stands for: something that is there and of that kind. */
async function findId({ demo, appUrl }: Place, text: string): Promise<string> {
  const { deps } = demo.hub
  const environmentId = demo.credentials.devId
  if (text.includes('--destination')) return demo.credentials.destinationId
  const [, noun] = /firma (?:\S+ )*?(destinations|keys|moves|resends)/.exec(text) ?? []
  if (noun === 'destinations')
    return (await addDestination(deps, { environmentId, url: appUrl })).id
  if (noun === 'keys') {
    const request = { environmentId, name: 'an example' }
    return (await createApiKey(deps, 'docs', request)).apiKey.id
  }
  const environment = await deps.store.environments.find(environmentId)
  assert.ok(environment)
  if (noun === 'resends') return (await startResend(deps, environment, {}, 'docs')).id
  if (noun === 'moves') {
    const request = { from: 'FITBIT', perMinute: 60, actor: 'docs' }
    return (await startMove(deps, environment, request)).id
  }
  const [event] = await deps.store.events.list(environmentId, {}, { limit: 1 })
  return event?.id ?? ''
}

/** The line as it is run: with ids that exist, addresses of this machine, and files of its folder. */
async function prepare(place: Place, text: string): Promise<string> {
  const { demo, folder, appUrl } = place
  if (text.startsWith('firma redirects remove https')) {
    await runCommand(['redirects', 'add', text.split(' ').at(-1) ?? ''], { folder })
  }
  let line = text
  if (text.includes(USER_ID)) {
    const arrival = await connect(demo, 'GARMIN')
    line = line.replaceAll(USER_ID, arrival.searchParams.get('user_id') ?? '')
  }
  const id = /MOVE-ID/.test(line) || line.includes(ID) ? await findId(place, text) : ''
  const hosts: readonly (readonly [string, string])[] = [
    ['http://127.0.0.1:4000', demo.hubUrl],
    ['http://127.0.0.1:4002', demo.simulatorUrl],
    ['--url https://connect.example.com', `--url ${demo.hubUrl}`],
    ['https://app.example.com', appUrl],
    ['http://localhost:3000', appUrl],
  ]
  for (const [from, to] of hosts) line = line.replaceAll(from, to)
  return line
    .replaceAll(/MOVE-ID|0198f0c4-7a2e-7000-8000-000000000000/g, id)
    .replace(/ > (?:\/etc|"\$\{fpath|~)\S*$/, ' > /dev/null')
    .replaceAll(/\/(?:var\/)?backups\//g, `./${crypto.randomUUID()}-`)
    .replaceAll('/var/lib/firma', 'data')
    .replace(/^firma trigger (?!--list|.*--to).*/, `$& --to ${appUrl}`)
}

/** In a shell of their own; `firma` is this process, which would otherwise be loaded a hundred times. */
async function run(
  place: Place,
  line: string,
): Promise<{ exitCode: number | null; output: string }> {
  const { demo, folder } = place
  const port = await serveFirma(place, !/[|<>]/.test(line))
  const script = `set -o pipefail
firma() {
  exec 3<>/dev/tcp/127.0.0.1/${port}
  printf '%s\\0' "$@" $'\\n' >&3
  local code
  read -r code <&3
  cat <&3
  return "$code"
}
${line}`
  const child = spawn('bash', ['-c', script], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', KEY: demo.credentials.apiKey },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await once(child, 'close')
  return { exitCode: child.exitCode, output }
}

/** Answers one call of the shell's function: its exit code in a line, then what it writes. */
async function serveFirma({ demo, folder }: Place, isAtTerminal: boolean): Promise<number> {
  const { operatorKey = '' } = demo.credentials
  const call = async (args: readonly string[]): Promise<string> => {
    const place = args[0] === 'init' ? await createDataFolder() : folder
    const { exitCode, stdout, stderr } = await runCommand(args, {
      folder: place,
      variables: { XDG_CONFIG_HOME: join(folder, crypto.randomUUID()) },
      input: operatorKey,
      ...(isAtTerminal && { terminal: 120, answers: [args[0] === 'login' ? operatorKey : 'yes'] }),
    })
    return `${exitCode}\n${stdout}${exitCode === 0 ? '' : stderr}`
  }
  const server = createTcpServer((socket) => {
    let text = ''
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.endsWith('\0\n\0'))
        void call(text.split('\0').slice(0, -2)).then((answer) => socket.end(answer))
    })
    socket.on('close', () => server.close())
  })
  return await listenOn(server)
}

describe('the command lines of the documents', () => {
  it('do what they say, against a demo', async () => {
    const place = await openPlace()
    const runnable = lines.filter(
      ({ text }) =>
        reasonOf(text) === undefined && !MISSING.some((name) => text.includes(`${name} `)),
    )
    expect(runnable.length).toBeGreaterThan(80)
    const failures: unknown[] = []
    // What changes who can connect, or takes events away, comes last.
    const isLate = ({ text }: CommandLine): boolean =>
      /redirects|providers (?:en|dis)able|users erase/.test(text)
    const ordered = [...runnable.filter((each) => !isLate(each)), ...runnable.filter(isLate)]
    for (const { place: where, text } of ordered) {
      const line = await prepare(place, text)
      const { exitCode, output } = await run(place, line)
      if (exitCode !== 0) failures.push([where, line, exitCode, output])
    }
    expect(failures).toEqual([])
    // A hundred and twenty commands, on machines that may be busy.
  }, 600_000)

  it('are left out only for a reason that still holds', () => {
    for (const [pattern] of NOT_RUN) {
      const fitting = lines.filter(({ text }) => pattern.test(text))
      expect(fitting.length, String(pattern)).toBeGreaterThan(0)
    }
  })
})
