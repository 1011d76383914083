/** Writes answers: tables for people, JSON, CSV and JSON lines for programs. */
import { z } from 'zod'
import type { Io } from './io.ts'
import { cutTo, padTo, toVisible, widthOf } from './text-width.ts'

export const FORMATS = ['table', 'json', 'csv', 'ndjson'] as const
export type Format = (typeof FORMATS)[number]

/** The flags that choose a format. */
export interface FormatFlags {
  readonly format?: Format
  readonly json?: boolean
}

export type Row = Readonly<Record<string, unknown>>

/** Columns of a table; the other formats carry every field. */
export interface Column {
  /** Field of the row, with dots for fields of fields. */
  readonly key: string
  readonly title?: string
  readonly align?: 'left' | 'right'
  /** How a table shows the value; the value itself by default. */
  readonly toText?: (value: unknown) => string
}

const ROW = z.record(z.string(), z.unknown())

/** An answer of the hub as a row. */
export function toRow(answer: unknown): Row {
  return ROW.parse(answer)
}

/** The format asked for: a table on a terminal, JSON when somebody else reads. */
export function toFormat(io: Io, { format, json }: FormatFlags): Format {
  if (json === true) return 'json'
  return format ?? (io.isTerminal ? 'table' : 'json')
}

/** Writes a list. `more` is said under a table that is not everything. */
export function writeRows(
  io: Io,
  flags: FormatFlags,
  list: { rows: readonly Row[]; columns: readonly Column[]; empty: string; more?: string },
): void {
  const { rows, columns, empty, more } = list
  switch (toFormat(io, flags)) {
    case 'json':
      return io.out(`${JSON.stringify(rows, null, 2)}\n`)
    case 'ndjson':
      return io.out(rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    case 'csv':
      return io.out(toCsv(rows, columns))
    case 'table':
      if (rows.length === 0) return io.err(empty)
      io.out(toTable(io, rows, columns))
      if (more !== undefined) io.err(more)
  }
}

/** Writes one thing: its fields under each other, or as JSON. */
export function writeRecord(io: Io, flags: FormatFlags, record: Row): void {
  switch (toFormat(io, flags)) {
    case 'json':
      return io.out(`${JSON.stringify(record, null, 2)}\n`)
    case 'ndjson':
      return io.out(`${JSON.stringify(record)}\n`)
    case 'csv':
      return io.out(
        toCsv(
          [record],
          Object.keys(record).map((key) => ({ key })),
        ),
      )
    case 'table': {
      const width = Math.max(...Object.keys(record).map(widthOf))
      const lines = Object.entries(record).map(
        ([key, value]) => `${dim(io, padTo(key, width))}  ${toVisible(toCell(value))}`,
      )
      io.out(`${lines.join('\n')}\n`)
    }
  }
}

/** Space between columns. */
const GAP = 2
/** Narrowest that a column is made to fit the terminal. */
const COLUMN_WIDTH_MIN = 8

function toTable(io: Io, rows: readonly Row[], columns: readonly Column[]): string {
  const titles = columns.map(({ key, title = key }) => title)
  const cells = rows.map((row) =>
    columns.map(({ key, toText = toTableCell }) => toVisible(toText(read(row, key)))),
  )
  const widths = titles.map((title, index) =>
    Math.max(widthOf(title), ...cells.map((line) => widthOf(line[index] ?? ''))),
  )
  if (io.isTerminal) fit(widths, columns, io.width)
  const toLine = (line: readonly string[]): string =>
    line
      .map((cell, index) => {
        const width = widths[index] ?? 0
        return padTo(
          cutTo(cell, width),
          width,
          columns[index]?.align === 'right' ? 'right' : 'left',
        )
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  return `${[dim(io, toLine(titles)), ...cells.map(toLine)].join('\n')}\n`
}

/** Takes from the widest column until all fit; ids stay whole, since half of one is none. */
function fit(widths: number[], columns: readonly Column[], available: number): void {
  const isFixed = columns.map(({ key }) => /(?:^|_)id$/.test(key))
  const total = (): number => widths.reduce((sum, width) => sum + width + GAP, -GAP)
  while (total() > available) {
    const free = widths.map((width, index) => (isFixed[index] === true ? 0 : width))
    const widest = Math.max(...free)
    if (widest <= COLUMN_WIDTH_MIN) return
    widths[free.indexOf(widest)] = widest - 1
  }
}

/** RFC 4180. */
function toCsv(rows: readonly Row[], columns: readonly Column[]): string {
  const quote = (text: string): string =>
    /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  const lines = [
    columns.map(({ key }) => quote(key)),
    ...rows.map((row) => columns.map(({ key }) => quote(toCell(read(row, key))))),
  ]
  return lines.map((line) => `${line.join(',')}\r\n`).join('')
}

function read(row: Row, key: string): unknown {
  let value: unknown = row
  for (const step of key.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as Record<string, unknown>)[step]
  }
  return value
}

/** Times without what nobody reads. */
function toTableCell(value: unknown): string {
  const text = toCell(value)
  const time = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})[\d.]*(?:Z|\+00:00)$/.exec(text)
  return time === null ? text : `${time[1]} ${time[2]}`
}

function toCell(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** Faint, where there are colours. */
function dim(io: Io, text: string): string {
  return io.hasColour ? `\u001B[2m${text}\u001B[0m` : text
}
