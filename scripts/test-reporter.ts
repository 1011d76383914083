import { writeFileSync } from 'node:fs'
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node'
import { COUNTS_FILE_VARIABLE, type Counts } from './test-counts.ts'

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

function listSecondTries(modules: readonly TestModule[]): NonNullable<Counts['secondTries']> {
  const flaky = modules
    .flatMap((module) => [...module.children.allTests('passed')])
    .filter((test) => test.diagnostic()?.flaky)
  return flaky.map((test) => ({
    name: `${test.project.name}: ${test.module.relativeModuleId} > ${test.fullName}`,
    error: firstErrorOf(test),
  }))
}

function firstErrorOf(test: TestCase): string {
  const [error] = test.result().errors ?? []
  if (error === undefined) return 'no error was kept'
  return [error.message, error.diff, error.stacks?.map(toPlace).join('\n')]
    .filter(Boolean)
    .join('\n')
}

function toPlace({ file, line, column }: { file: string; line: number; column: number }): string {
  return `at ${file}:${line}:${column}`
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
    writeFileSync(file, JSON.stringify({ ...total, secondTries: listSecondTries(modules) }))
  }
}
