import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'

/** Where systems put a Chromium, in the order in which they are tried. */
const CHROMIUM_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]
const DEBIAN_PACKAGES = ['chromium', 'fonts-dejavu-core']
const START_TIMEOUT_MS = 300_000

/**
 * A browser for the tests: the one that `FIRMA_CHROMIUM` names, else one of the system, else one that
 * is installed now.
 *
 * @returns What the tests find it by, for their environment.
 * @throws With the one line to run, when there is no browser and none can be had.
 */
export async function provideChromium(
  environment: NodeJS.ProcessEnv,
): Promise<Record<string, string>> {
  const chosen = environment['FIRMA_CHROMIUM']
  if (chosen !== undefined && chosen !== '') {
    if (starts(chosen)) return { FIRMA_CHROMIUM: chosen }
    throw new Error(`FIRMA_CHROMIUM is "${chosen}", which does not start; correct it or unset it`)
  }
  const found = findSystemChromium() ?? (await findDownloadedChromium())
  const chromium = found ?? installDebianChromium() ?? (await downloadChromium())
  if (chromium !== undefined) return { FIRMA_CHROMIUM: chromium }
  throw new Error(`the tests need a Chromium, and none could be installed; run: ${installLine()}`)
}

function findSystemChromium(): string | undefined {
  return CHROMIUM_PATHS.find(starts)
}

/** A file that is there may still not start: on Ubuntu it asks for a snap instead. */
function starts(file: string): boolean {
  if (!existsSync(file)) return false
  const options = { stdio: 'ignore', timeout: START_TIMEOUT_MS } as const
  return spawnSync(file, ['--version'], options).status === 0
}

async function findDownloadedChromium(): Promise<string | undefined> {
  const { chromium } = await import('playwright-core')
  const file = chromium.executablePath()
  return file !== '' && starts(file) ? file : undefined
}

function isDebianRoot(): boolean {
  return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
}

function installDebianChromium(): string | undefined {
  if (!isDebianRoot()) return undefined
  console.log(`Installing a browser for the tests (apt-get install ${DEBIAN_PACKAGES.join(' ')}) …`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const run = (args: string[]): boolean =>
    spawnSync('apt-get', args, { env, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0
  const installArguments = ['install', '-y', '-q', '--no-install-recommends', ...DEBIAN_PACKAGES]
  if (!run(['update', '-q']) || !run(installArguments)) return undefined
  return findSystemChromium()
}

async function downloadChromium(): Promise<string | undefined> {
  console.log('Downloading a browser for the tests (playwright-core install chromium) …')
  const manifest = createRequire(import.meta.url).resolve('playwright-core/package.json')
  const cli = path.join(path.dirname(manifest), 'cli.js')
  const { status } = spawnSync(process.execPath, [cli, 'install', 'chromium'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return status === 0 ? await findDownloadedChromium() : undefined
}

function installLine(): string {
  if (process.platform === 'darwin') return 'brew install --cask google-chrome'
  if (existsSync('/usr/bin/apt-get')) {
    const apt = process.getuid?.() === 0 ? 'apt-get' : 'sudo apt-get'
    return `${apt} update && ${apt} install -y --no-install-recommends ${DEBIAN_PACKAGES.join(' ')}`
  }
  return 'npx playwright-core install --with-deps chromium'
}
