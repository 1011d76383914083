/** Environment variable that names the file into which `test-reporter.ts` writes. */
export const COUNTS_FILE_VARIABLE = 'FIRMA_TEST_COUNTS_FILE'

/** How many individual tests ended how. */
export interface Counts {
  readonly passed: number
  /** Tests that failed, and failures outside of any test: a file that does not load, a stray error. */
  readonly failed: number
  readonly skipped: number
  /** Tests that failed at first and passed when they were tried again, with what they said. */
  readonly secondTries?: readonly { readonly name: string; readonly error: string }[]
}

/** The last line of a test run. */
export function toSummaryLine(counts: Counts): string {
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  return `${counts.passed} passed, ${counts.failed} failed${skipped}`
}

/** What has to be looked into although it counts as passed; nothing where nothing was tried again. */
export function toSecondTryLines({ secondTries = [] }: Counts): string[] {
  if (secondTries.length === 0) return []
  const found = secondTries.flatMap(({ name, error }) => [
    `  ${name}`,
    ...error.split('\n').map((line) => `    ${line}`),
  ])
  return [
    'Passed only at the second try, which is a bug of the test or of what it tests:',
    ...found,
  ]
}

/** Reads what `test-reporter.ts` wrote. A run that wrote nothing crashed, which is a failure. */
export function parseCounts(text: string | undefined): Counts {
  if (text === undefined || text === '') return { passed: 0, failed: 1, skipped: 0 }
  const counts: Counts = JSON.parse(text)
  return counts
}

/** Nothing failed, and something ran: a filter that matches no test proves nothing. */
export function isSuccess(counts: Counts): boolean {
  return counts.failed === 0 && counts.passed > 0
}
