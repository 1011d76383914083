import { writeFileSync } from 'node:fs'
import type { Reporter, TestModule, TestSuite } from 'vitest/node'

/** Environment variable that names the file into which {@link CountReporter} writes. */
export const COUNTS_FILE_VARIABLE = 'FIRMA_TEST_COUNTS_FILE'

/** How many individual tests ended how. */
export interface Counts {
  readonly passed: number
  /** Tests that failed, and failures outside of any test: a file that does not load, a stray error. */
  readonly failed: number
  readonly skipped: number
}

/** The last line of a test run. */
export function toSummaryLine(counts: Counts): string {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`
}

/** Reads what {@link CountReporter} wrote. A run that wrote nothing crashed, which is a failure. */
export function parseCounts(text: string | undefined): Counts {
  if (text === undefined || text === '') return { passed: 0, failed: 1, skipped: 0 }
  const counts: Counts = JSON.parse(text)
  return counts
}

/** Nothing failed, and something ran: a filter that matches no test proves nothing. */
export function isSuccess(counts: Counts): boolean {
  return counts.failed === 0 && counts.passed > 0
}

function countSuiteFailures(suites: Iterable<TestSuite>): number {
  let failures = 0
  for (const suite of suites) if (suite.errors().length > 0) failures += 1
  return failures
}

function countModule(module: TestModule): Counts {
  let passed = 0
  let failed = module.errors().length > 0 ? 1 : 0
  let skipped = 0
  failed += countSuiteFailures(module.children.allSuites())
  for (const test of module.children.allTests()) {
    const { state } = test.result()
    if (state === 'passed') passed += 1
    else if (state === 'skipped') skipped += 1
    // A test that is still pending when the run has ended never told how it ended.
    else failed += 1
  }
  return { passed, failed, skipped }
}

/** Vitest reporter that counts; vitest's own exit code and output stay as they are. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const file = process.env[COUNTS_FILE_VARIABLE]
    if (file === undefined) return
    let total: Counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      const counts = countModule(module)
      total = {
        passed: total.passed + counts.passed,
        failed: total.failed + counts.failed,
        skipped: total.skipped + counts.skipped,
      }
    }
    writeFileSync(file, JSON.stringify(total))
  }
}
