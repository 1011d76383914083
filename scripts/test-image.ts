// `npm run test:image`: what the Dockerfile does, step by step in a temporary folder, for machines without a container
// engine: the files that .dockerignore lets through, every COPY and RUN, the start, the health check and the stop.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const PORT = 4_471
const STEP_MS_MAX = 600_000
const HEALTHY_MS_MAX = 60_000

/** One line of a Dockerfile, its continuations joined. */
interface Step {
  readonly word: string
  readonly rest: string
}

/** A stage as a folder that stands for its file system. */
interface Stage {
  readonly folder: string
  workdir: string
  readonly env: Record<string, string>
  readonly last: Map<string, string>
}

function readSteps(): Step[] {
  const lines = readFileSync(path.join(root, 'Dockerfile'), 'utf8').split('\n')
  const text = lines.filter((line) => !line.startsWith('#')).join('\n')
  return text
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, word = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? []
      return { word, rest }
    })
}

/** Whether .dockerignore keeps a path out: its names are plain, and begin with two stars where they count at every depth. */
function createFilter(): (file: string) => boolean {
  const lines = readFileSync(path.join(root, '.dockerignore'), 'utf8').split('\n')
  const patterns = lines
    .filter((line) => line !== '')
    .map((line) => {
      const name = line
        .replace(/^\*\*\//, '')
        .replaceAll('.', '\\.')
        .replaceAll('*', '[^/]*')
      return new RegExp(line.startsWith('**/') ? `(?:^|/)${name}(?:/|$)` : `^${name}(?:/|$)`)
    })
  return (file) => !patterns.some((pattern) => pattern.test(path.relative(root, file)))
}

function inStage(stage: Stage, file: string): string {
  return path.join(stage.folder, path.resolve(stage.workdir, file))
}

function copy(stage: Stage, stages: ReadonlyMap<string, Stage>, rest: string): void {
  const words = rest.split(' ')
  const from =
    words[0]?.startsWith('--from=') === true ? stages.get(words.shift()?.slice(7) ?? '') : undefined
  const target = words.pop() ?? ''
  for (const source of words) {
    const file = from === undefined ? path.join(root, source) : path.join(from.folder, source)
    const isInto = target.endsWith('/') || target === '.'
    const to = inStage(
      stage,
      isInto && source !== '.' ? path.join(target, path.basename(source)) : target,
    )
    mkdirSync(path.dirname(to), { recursive: true })
    cpSync(file, to, { recursive: true, ...(from === undefined && { filter: createFilter() }) })
  }
}

/** The command with the stage's folder before its absolute paths, and without users that only the image has. */
function toHere(stage: Stage, command: string): string {
  return command
    .replaceAll(/ --(?:owner|group)=\S+/g, '')
    .replaceAll(/(?<=\s)\/(?=app|data|usr)/g, `${stage.folder}/`)
}

function run(stage: Stage, command: string): void {
  mkdirSync(path.join(stage.folder, 'usr/local/bin'), { recursive: true })
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', toHere(stage, command)], {
    cwd: path.join(stage.folder, stage.workdir),
    // A cache of its own: the image empties it in the end.
    env: { ...process.env, ...stage.env, npm_config_cache: path.join(stage.folder, 'npm-cache') },
    encoding: 'utf8',
    timeout: STEP_MS_MAX,
  })
  if (status !== 0) throw new Error(`RUN ${command} failed:\n${stdout}${stderr}`)
}

function build(folder: string): Stage {
  const stages = new Map<string, Stage>()
  let stage: Stage | undefined
  for (const { word, rest } of readSteps()) {
    console.log(`${word} ${rest.slice(0, 100)}`)
    if (word === 'FROM') {
      const name = / AS (\w+)$/.exec(rest)?.[1] ?? 'final'
      stage = { folder: path.join(folder, name), workdir: '/', env: {}, last: new Map() }
      stages.set(name, stage)
      continue
    }
    if (stage === undefined) throw new Error(`${word} comes before FROM`)
    if (word === 'WORKDIR') {
      stage.workdir = rest
      mkdirSync(path.join(stage.folder, rest), { recursive: true })
    } else if (word === 'COPY') copy(stage, stages, rest)
    else if (word === 'RUN') run(stage, rest)
    else if (word === 'ENV') {
      for (const [, key = '', value = ''] of rest.matchAll(/(\w+)=(\S+)/g)) stage.env[key] = value
    } else stage.last.set(word, rest)
  }
  if (stage === undefined) throw new Error('the Dockerfile has no stage')
  return stage
}

function toArguments(stage: Stage, word: string): string[] {
  const [, json = '[]'] = /(\[.*\])$/.exec(stage.last.get(word) ?? '') ?? []
  return JSON.parse(json) as string[]
}

/** Starts what the image starts, waits until its own health check passes, and stops it as an engine does. */
async function start(stage: Stage): Promise<void> {
  const [program = '', ...args] = [
    ...toArguments(stage, 'ENTRYPOINT'),
    ...toArguments(stage, 'CMD'),
  ]
  const env = {
    PATH: `${path.join(stage.folder, 'usr/local/bin')}:${process.env['PATH'] ?? ''}`,
    ...stage.env,
    FIRMA_DATA: path.join(stage.folder, 'data'),
    FIRMA_HOST: '127.0.0.1',
    FIRMA_PORT: String(PORT),
    FIRMA_BASE_URL: 'https://connect.example.com',
    FIRMA_ENCRYPTION_KEYS: `k1:${'ab'.repeat(32)}`,
  }
  const hub = spawn(program, args, { cwd: path.join(stage.folder, stage.workdir), env })
  let output = ''
  for (const stream of [hub.stdout, hub.stderr])
    stream.on('data', (text) => (output += String(text)))
  const ended = new Promise<number | null>((resolve) => void hub.once('exit', resolve))
  try {
    const [check = '', ...checkArgs] = toArguments(stage, 'HEALTHCHECK')
    const here = checkArgs.map((text) => text.replace(':4000/', `:${PORT}/`))
    const untilMs = Date.now() + HEALTHY_MS_MAX
    while (spawnSync(check, here, { timeout: 10_000 }).status !== 0) {
      if (Date.now() > untilMs || hub.exitCode !== null)
        throw new Error(`it is not healthy:\n${output}`)
      await wait(250)
    }
    const page = await fetch(`http://127.0.0.1:${PORT}/docs/operations`)
    if (!page.ok) throw new Error(`the documentation is not in the image: ${page.status}`)
  } finally {
    hub.kill((stage.last.get('STOPSIGNAL') ?? 'SIGTERM') as NodeJS.Signals)
  }
  const code = await ended
  if (code !== 0) throw new Error(`it was stopped with ${code}:\n${output}`)
}

const folder = mkdtempSync(path.join(tmpdir(), 'firma-image-'))
try {
  const stage = build(folder)
  if (existsSync(inStage(stage, 'node_modules/typescript')))
    throw new Error('what is for development is in the image')
  await start(stage)
  console.log('The image builds, starts, is healthy and stops.')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
