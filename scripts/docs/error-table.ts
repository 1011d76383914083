import type { Document } from './documents.ts'
import { listTableRows } from './markdown.ts'

/** Where the table of errors is. */
const ERRORS_DOCUMENT = 'docs/errors.md'

interface ErrorFacts {
  readonly status: number
  readonly retryable: boolean
}

/** Where the table of errors differs from the errors themselves. */
export function compareErrors(
  documents: readonly Document[],
  errors: Readonly<Record<string, ErrorFacts>>,
): string[] {
  const document = documents.find(({ file }) => file === ERRORS_DOCUMENT)
  if (document === undefined) return [`${ERRORS_DOCUMENT} is missing`]
  const rows = listErrorRows(document.markdown)
  const documented = new Set(rows.map(({ code }) => code))
  const missing = Object.keys(errors).filter((code) => !documented.has(code))
  return [
    ...missing.map((code) => `${ERRORS_DOCUMENT}: ${code} is missing`),
    ...rows.flatMap((row) => compareRow(row, errors[row.code])),
    ...listRepeats(rows).map((code) => `${ERRORS_DOCUMENT}: ${code} is listed twice`),
  ]
}

interface ErrorRow {
  readonly code: string
  readonly status: string
  readonly retryable: string
}

/** Rows that begin with a code in backticks; the header does not. */
function listErrorRows(markdown: string): ErrorRow[] {
  return listTableRows(markdown).flatMap(([first = '', status = '', retryable = '']) => {
    const code = /^`(?<code>\w+)`$/.exec(first)?.groups?.['code']
    return code === undefined ? [] : [{ code, status, retryable }]
  })
}

function compareRow(row: ErrorRow, facts: ErrorFacts | undefined): string[] {
  if (facts === undefined) return [`${ERRORS_DOCUMENT}: no error is called ${row.code}`]
  const problems: string[] = []
  if (row.status !== String(facts.status)) {
    problems.push(`${ERRORS_DOCUMENT}: ${row.code} answers ${facts.status}, not "${row.status}"`)
  }
  const retryable = facts.retryable ? 'yes' : 'no'
  if (row.retryable !== retryable) {
    problems.push(
      `${ERRORS_DOCUMENT}: ${row.code} is retryable: ${retryable}, not "${row.retryable}"`,
    )
  }
  return problems
}

function listRepeats(rows: readonly ErrorRow[]): string[] {
  const codes = rows.map(({ code }) => code)
  return [...new Set(codes.filter((code, index) => codes.indexOf(code) !== index))]
}
