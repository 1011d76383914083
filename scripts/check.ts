// `npm run check`: everything but the tests. All steps run, so that one run tells everything.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

interface Step {
  readonly name: string
  /** Script of the root package.json. */
  readonly script: string
  /** Step without which this one cannot run. */
  readonly after?: string
}

const STEPS: readonly Step[] = [
  { name: 'format', script: 'format:check' },
  { name: 'lint', script: 'lint' },
  { name: 'types', script: 'typecheck' },
  { name: 'docs', script: 'check:docs' },
  { name: 'unused code', script: 'knip' },
  { name: 'lock file', script: 'check:lockfile' },
  { name: 'build', script: 'build' },
  { name: 'packed packages', script: 'test:pack', after: 'build' },
]

type Outcome = 'ok' | 'failed' | 'not run'

function runStep(step: Step, outcomes: ReadonlyMap<string, Outcome>): Outcome {
  if (step.after !== undefined && outcomes.get(step.after) !== 'ok') return 'not run'
  const { status } = spawnSync('npm', ['run', '--silent', step.script], {
    cwd: root,
    // A failing step prints what is wrong; npm's account of it would only push that away.
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  return status === 0 ? 'ok' : 'failed'
}

const outcomes = new Map<string, Outcome>()
const report: string[] = []
for (const step of STEPS) {
  console.log(`\n── ${step.name} (npm run ${step.script})`)
  const startedAtMs = performance.now()
  const outcome = runStep(step, outcomes)
  outcomes.set(step.name, outcome)
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1)
  report.push(`${outcome.padEnd(8)}${step.name.padEnd(18)}${seconds.padStart(6)} s`)
}
console.log(`\n${report.join('\n')}`)
if ([...outcomes.values()].some((outcome) => outcome !== 'ok')) process.exitCode = 1
