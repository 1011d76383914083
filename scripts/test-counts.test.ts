import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isSuccess, parseCounts, toSecondTryLines, toSummaryLine } from './test-counts.ts'

const script = fileURLToPath(new URL('test.ts', import.meta.url))

let folder: string

/** What `npm test` prints and returns for these test files. */
function runTests(
  files: Record<string, string>,
  ...filters: string[]
): [status: number | null, lastLine: string, output: string] {
  for (const [name, source] of Object.entries(files)) writeFileSync(path.join(folder, name), source)
  const args = ['--import', 'tsx', script, '--root', folder, '--globals', ...filters]
  // The environment of the vitest that runs this test would tell the inner one that it is a worker.
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'))
  const { status, stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: Object.fromEntries(entries),
  })
  return [status, stdout.trimEnd().split('\n').at(-1) ?? '', stdout]
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'firma-test-counts-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('npm test', () => {
  it('succeeds when every test passes', () => {
    const source = `it('a', () => {}); it('b', () => {})`
    expect(runTests({ 'one.test.ts': source }).slice(0, 2)).toEqual([0, '2 passed, 0 failed'])
  })

  it('counts failed and skipped tests', () => {
    const source = `it('a', () => {}); it.skip('b', () => {}); it('c', () => { throw new TypeError() })`
    expect(runTests({ 'one.test.ts': source }).slice(0, 2)).toEqual([
      1,
      '1 passed, 1 failed, 1 skipped',
    ])
  })

  it('counts a file that does not load as a failure', () => {
    const files = { 'one.test.ts': `it('a', () => {})`, 'two.test.ts': `import './absent.ts'` }
    expect(runTests(files).slice(0, 2)).toEqual([1, '1 passed, 1 failed'])
  })

  it('counts a hook that fails and an error outside of any test as failures', () => {
    const hook = `describe('a', () => { beforeAll(() => { throw new TypeError() }); it('b', () => {}) })`
    const stray = `it('a', () => { void Promise.reject(new TypeError('stray')) })`
    const files = { 'one.test.ts': hook, 'two.test.ts': stray }
    expect(runTests(files).slice(0, 2)).toEqual([1, '1 passed, 2 failed, 1 skipped'])
  })

  it('names what passed only at the second try, with its first error, before the counts', () => {
    const source = `let tries = 0; it('a', () => { expect((tries += 1)).toBe(2) })`
    const [status, lastLine, output] = runTests({ 'one.test.ts': source }, '--retry=1')
    expect([status, lastLine]).toEqual([0, '1 passed, 0 failed'])
    expect(output).toMatch(
      /Passed only at the second try.*\n.* one\.test\.ts > a\n +expected 1 to be 2/,
    )
  })

  it('fails when no test matches the filter', () => {
    const files = { 'one.test.ts': `it('a', () => {})` }
    expect(runTests(files, 'absent').slice(0, 2)).toEqual([1, '0 passed, 0 failed'])
  })
})

describe('parseCounts', () => {
  it('takes a run without counts for a crash', () => {
    expect(parseCounts(undefined)).toEqual({ passed: 0, failed: 1, skipped: 0 })
    expect(parseCounts('')).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })
})

describe('toSecondTryLines', () => {
  it('says nothing when nothing was tried again', () => {
    expect(toSecondTryLines({ passed: 1, failed: 0, skipped: 0, secondTries: [] })).toEqual([])
  })
})

describe('isSuccess', () => {
  it('needs a test that passed and none that failed', () => {
    expect(isSuccess({ passed: 1, failed: 0, skipped: 1 })).toBe(true)
    expect(isSuccess({ passed: 1, failed: 1, skipped: 0 })).toBe(false)
    expect(isSuccess({ passed: 0, failed: 0, skipped: 3 })).toBe(false)
  })
})

describe('toSummaryLine', () => {
  it('mentions skipped tests only when there are some', () => {
    expect(toSummaryLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
    expect(toSummaryLine({ passed: 3, failed: 1, skipped: 2 })).toBe(
      '3 passed, 1 failed, 2 skipped',
    )
  })
})
