// `npm run test:pack`: what is published works in somebody else's empty folder.
// Takes the dist folders as they are, so `npm run build` comes first.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { packPackage } from './pack.ts'
import { type PackageManifest, readManifest } from './package-manifest.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const PACKAGES = ['packages/receiver', 'packages/connect', 'packages/hub']
const STANDALONE = 'firma-receiver'
const COMMAND = 'firma'
/** Works only beside React, an optional peer that the consumers here do not have. */
const NEEDS_REACT = 'firma-connect/react'
const COMMAND_TIMEOUT_MS = 60_000
const require = createRequire(import.meta.url)

interface Packed {
  readonly manifest: PackageManifest
  readonly tarball: string
}

function run(folder: string, command: string, args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: COMMAND_TIMEOUT_MS * 3,
    shell: process.platform === 'win32',
  })
  if (status === 0) return stdout
  const output = `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`.trim()
  throw new Error(`${command} ${args.join(' ')} failed:\n${output}`)
}

function createConsumer(target: string, name: string, tarballs: string[]): string {
  const folder = path.join(target, `consumer-${name}`)
  mkdirSync(folder)
  const manifest = { name: 'consumer', private: true, type: 'module' }
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest))
  // Installed together, the hub finds the receiver of the same build and asks no registry for it.
  const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  run(folder, 'npm', ['install', '--loglevel=error', ...options, ...tarballs])
  return folder
}

/** `firma-receiver/sqlite` for entry `./sqlite` of firma-receiver. */
function listSpecifiers(manifest: PackageManifest): string[] {
  return Object.keys(manifest.exports)
    .map((entry) => path.posix.join(manifest.name, entry))
    .filter((specifier) => specifier !== NEEDS_REACT)
}

async function checkManifest({ manifest, tarball }: Packed): Promise<void> {
  const bytes = Uint8Array.from(readFileSync(tarball))
  const { messages, pkg } = await publint({ pack: { tarball: bytes.buffer }, strict: true })
  if (messages.length === 0) return
  const lines = messages.map((message) => formatMessage(message, pkg, { color: false }))
  throw new Error(`publint on ${manifest.name}:\n${lines.join('\n')}`)
}

function checkImports(consumer: string, manifest: PackageManifest): void {
  for (const specifier of listSpecifiers(manifest)) {
    const code = `const entry = await import('${specifier}')
      if (Object.keys(entry).length === 0) throw new TypeError('${specifier} exports nothing')`
    run(consumer, process.execPath, ['--input-type=module', '--eval', code])
  }
}

/** `require` of an ES module: what a CommonJS app does, and what each Node that we support can. */
function checkRequires(consumer: string, manifest: PackageManifest): void {
  for (const specifier of listSpecifiers(manifest)) {
    const code = `const entry = require('${specifier}')
      if (Object.keys(entry).length === 0) throw new TypeError('${specifier} exports nothing')`
    run(consumer, process.execPath, ['--input-type=commonjs', '--eval', code])
  }
}

const USE_RECEIVER = `
  const body = new TextEncoder().encode(JSON.stringify({ type: 'auth', status: 'success', user: { user_id: 'u-1' } }))
  const timestampSeconds = Math.floor(Date.now() / 1000)
  const told = []
  const receiver = createReceiver({ secrets: ['s'], store: memoryStore(), onEvent: ({ type }) => void told.push(type) })
  const url = 'http://app.test/'
  signTerra({ secret: 's', timestampSeconds, body }).then(async (signature) => {
    const request = new Request(url, { method: 'POST', headers: { 'x-terra-signature': signature }, body })
    const { status } = await receiver.fetch(request)
    const connection = await receiver.resolve('u-1')
    console.log(status, connection?.status, told.join())
  })`

/** Both kinds of module do with it what it is for. */
function checkReceives(consumer: string): void {
  const names = '{ createReceiver, memoryStore, signTerra }'
  const beginnings = {
    module: `import ${names} from '${STANDALONE}'`,
    commonjs: `const ${names} = require('${STANDALONE}')`,
  }
  for (const [kind, beginning] of Object.entries(beginnings)) {
    const args = [`--input-type=${kind}`, '--eval', `${beginning}\n${USE_RECEIVER}`]
    const output = run(consumer, process.execPath, args).trim()
    if (output === '200 active auth') continue
    throw new Error(`${STANDALONE} as ${kind} should have received an event, but: ${output}`)
  }
}

/** What many apps still compile with, `moduleResolution: node`, does not read `exports`; no compiler that is installed here can be asked. */
function checkOldResolution({ name, exports, typesVersions }: PackageManifest): void {
  const promised = Object.entries(exports)
    .filter(([entry]) => entry !== '.')
    .map(([entry, { types = '' }]) => [path.posix.normalize(entry), [types]])
  const found = Object.entries(typesVersions?.['*'] ?? {})
  if (JSON.stringify(found) === JSON.stringify(promised)) return
  throw new Error(
    `${name}: typesVersions must name the types of each entry of exports, in their order; expected ${JSON.stringify(promised)}`,
  )
}

function checkTypes(consumer: string, manifests: PackageManifest[]): void {
  const lines = manifests
    .flatMap(listSpecifiers)
    .map((name, i) => `export * as e${i} from '${name}'`)
  writeFileSync(path.join(consumer, 'consumer.ts'), `${lines.join('\n')}\n`)
  const requires = manifests
    .flatMap(listSpecifiers)
    .map((name, i) => `import e${i} = require('${name}')\nexport const n${i} = Object.keys(e${i})`)
  writeFileSync(path.join(consumer, 'consumer-cjs.cts'), `${requires.join('\n')}\n`)
  // As Node resolves, and as bundlers do.
  compileTypes(consumer, 'NodeNext', ['consumer.ts', 'consumer-cjs.cts'])
  compileTypes(consumer, 'Bundler', ['consumer.ts'])
}

function compileTypes(
  consumer: string,
  moduleResolution: 'NodeNext' | 'Bundler',
  files: string[],
): void {
  const compilerOptions = {
    strict: true,
    target: 'ES2023',
    module: moduleResolution === 'Bundler' ? 'Preserve' : 'NodeNext',
    moduleResolution,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    types: ['node'],
    typeRoots: [path.join(root, 'node_modules/@types')],
  }
  writeFileSync(path.join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin/tsc')
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', '.', '--pretty', 'false'], {
    cwd: consumer,
    encoding: 'utf8',
  })
  // What other people's declarations get wrong is not for us to report.
  const ours = stdout.split('\n').filter((line) => /error TS/.test(line) && isOurs(line))
  if (ours.length > 0) {
    throw new Error(`types do not compile (${moduleResolution}):\n${ours.join('\n')}`)
  }
}

function isOurs(diagnostic: string): boolean {
  const dependency = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(diagnostic)?.[1]
  return dependency === undefined || dependency === COMMAND || dependency === STANDALONE
}

function checkStandsAlone(consumer: string): void {
  const installed = readdirSync(path.join(consumer, 'node_modules')).filter(
    (name) => !name.startsWith('.'),
  )
  if (installed.length === 1 && installed[0] === STANDALONE) return
  throw new Error(`${STANDALONE} must install nothing else, but there is: ${installed.join(', ')}`)
}

function checkCommand(consumer: string): void {
  const command = path.join(consumer, 'node_modules/.bin', COMMAND)
  const help = run(consumer, command, ['--help'])
  if (!/usage/i.test(help))
    throw new Error(`${COMMAND} --help does not say how to use it:\n${help}`)
  // The hub serves its documentation from its own package.
  const documents = path.join(consumer, 'node_modules', COMMAND, 'dist/documents')
  const images = readdirSync(path.join(root, 'docs/images')).map((name) => `docs/images/${name}`)
  for (const file of ['docs/index.md', 'packages/receiver/README.md', ...images]) {
    if (!existsSync(path.join(documents, file))) throw new Error(`${COMMAND} lacks ${file}`)
  }
}

async function main(target: string): Promise<void> {
  const packed = PACKAGES.map((folder) => ({
    manifest: readManifest(path.join(root, folder)),
    tarball: packPackage(folder, target),
  }))
  for (const each of packed) await checkManifest(each)
  console.log(`packed ${packed.map(({ manifest }) => manifest.name).join(', ')}; publint agrees`)

  const alone = packed.filter(({ manifest }) => manifest.name === STANDALONE)
  const aloneConsumer = createConsumer(
    target,
    'receiver',
    alone.map((each) => each.tarball),
  )
  checkStandsAlone(aloneConsumer)
  for (const { manifest } of alone) {
    checkImports(aloneConsumer, manifest)
    checkRequires(aloneConsumer, manifest)
    checkOldResolution(manifest)
  }
  checkReceives(aloneConsumer)
  checkTypes(
    aloneConsumer,
    alone.map((each) => each.manifest),
  )
  console.log(`${STANDALONE} stands alone, imported and required`)

  const consumer = createConsumer(
    target,
    'both',
    packed.map((each) => each.tarball),
  )
  for (const { manifest } of packed) checkImports(consumer, manifest)
  checkTypes(
    consumer,
    packed.map((each) => each.manifest),
  )
  checkCommand(consumer)
  console.log(`both install without scripts, import, compile; ${COMMAND} --help runs`)
}

const target = mkdtempSync(path.join(tmpdir(), 'firma-pack-'))
try {
  await main(target)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  rmSync(target, { recursive: true, force: true })
}
