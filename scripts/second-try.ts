// For every test file: in CI (`FIRMA_SECOND_TRY=1`) a test that failed is tried once more, and the run's end names it.
// Not where chance is the point, in properties, simulations and faults: what fails there once is a finding.
// Why: docs/decisions/080-a-second-try-in-ci.md.
import { readFileSync } from 'node:fs'
import { type RunnerTask, beforeAll } from 'vitest'

const FINDINGS = /\/test\/(?:faults|simulation)\//
const PROPERTIES = /from 'fast-check'/

function allow(tasks: readonly RunnerTask[]): void {
  for (const task of tasks) {
    if (task.type === 'test') task.retry = 1
    else allow(task.tasks)
  }
}

if (process.env['FIRMA_SECOND_TRY'] === '1') {
  // oxlint-disable-next-line no-empty-pattern -- vitest reads from the pattern what the hook wants
  beforeAll(({}, { file }) => {
    const path = file.filepath
    if (FINDINGS.test(path) || PROPERTIES.test(readFileSync(path, 'utf8'))) return
    allow(file.tasks)
  })
}
