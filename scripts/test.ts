// `npm test`: gets what the tests need, runs them, and ends with one line of counts.
// Arguments are handed to vitest: `npm test -- packages/receiver -t "late deauth"`.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { provideChromium } from './chromium.ts'
import { providePostgres } from './postgres.ts'
import { provideRuntimes } from './runtimes.ts'
import {
  COUNTS_FILE_VARIABLE,
  type Counts,
  isSuccess,
  parseCounts,
  toSecondTryLines,
  toSummaryLine,
} from './test-counts.ts'

/** Each finds or installs one thing, and says in the environment where it is. */
const NEEDS = [
  provideChromium,
  providePostgres,
  async (): Promise<Record<string, string>> => {
    provideRuntimes()
    return {}
  },
]

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

async function provideNeeds(): Promise<NodeJS.ProcessEnv> {
  console.log(`Using Node ${process.versions.node}`)
  let environment = { ...process.env }
  for (const provide of NEEDS) {
    const provided = await provide(environment)
    for (const [name, value] of Object.entries(provided)) console.log(`Using ${name}=${value}`)
    environment = { ...environment, ...provided }
  }
  return environment
}

async function runVitest(environment: NodeJS.ProcessEnv, filters: string[]): Promise<Counts> {
  const folder = mkdtempSync(path.join(tmpdir(), 'firma-test-'))
  const countsFile = path.join(folder, 'counts.json')
  try {
    const exitCode = await startVitest({ ...environment, [COUNTS_FILE_VARIABLE]: countsFile }, [
      ...filters,
      '--reporter=default',
      `--reporter=${path.join(root, 'scripts/test-reporter.ts')}`,
    ])
    const counts = parseCounts(
      existsSync(countsFile) ? readFileSync(countsFile, 'utf8') : undefined,
    )
    // Whatever vitest objects to beyond the tests, coverage for one, must not read as a success.
    return exitCode !== 0 && isSuccess(counts) ? { ...counts, failed: 1 } : counts
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function startVitest(environment: NodeJS.ProcessEnv, args: string[]): Promise<number | null> {
  const manifest = createRequire(import.meta.url).resolve('vitest/package.json')
  const cli = path.join(path.dirname(manifest), 'vitest.mjs')
  const child = spawn(process.execPath, [cli, 'run', ...args], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', resolve)
  })
}

async function main(): Promise<void> {
  const counts = await runVitest(await provideNeeds(), process.argv.slice(2))
  if (!isSuccess(counts)) process.exitCode = 1
  if (counts.passed + counts.failed === 0) console.log('No test ran.')
  for (const line of toSecondTryLines(counts)) console.log(line)
  console.log(toSummaryLine(counts))
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  // Without what they need, the tests as a whole have failed.
  console.log(toSummaryLine({ passed: 0, failed: 1, skipped: 0 }))
  process.exitCode = 1
})
