import { describe, expect, it } from 'vitest'
import type { Io } from './io.ts'
import { type Format, writeRecord, writeRows } from './output.ts'
import { cutTo, padTo, toVisible, widthOf } from './text-width.ts'

function createIo(width: number | undefined): Io & { readonly text: () => string } {
  let text = ''
  const nobody = async (): Promise<never> => Promise.reject(new Error('nobody is there'))
  return {
    out: (part) => (text += part),
    err: (line) => (text += `${line}\n`),
    progress: () => undefined,
    isTerminal: width !== undefined,
    canAsk: false,
    width: width ?? 120,
    hasColour: false,
    variables: {},
    folder: '.',
    readInput: nobody,
    ask: nobody,
    askSecret: nobody,
    untilInterrupted: () => new AbortController().signal,
    exitCode: 0,
    text: () => text,
  }
}

const ROWS = [
  {
    id: '0198f0c4-7a2e',
    name: '東京の人',
    note: 'a "quoted", text',
    at: '2026-11-23T09:30:00.123456+00:00',
  },
  { id: '0198f0c4-7a2f', name: '👩‍👩‍👧 family', note: null, at: null },
]
const COLUMNS = [{ key: 'id' }, { key: 'name' }, { key: 'note' }, { key: 'at', title: 'when' }]

function write(format: Format | undefined, width?: number): string {
  const io = createIo(width)
  const flags = format === undefined ? {} : { format }
  writeRows(io, flags, { rows: ROWS, columns: COLUMNS, empty: 'Nothing.', more: 'There are more.' })
  return io.text()
}

describe('writeRows', () => {
  it('aligns wide characters and clusters in a table', () => {
    expect(write('table', 100)).toBe(
      [
        'id             name       note              when',
        '0198f0c4-7a2e  東京の人   a "quoted", text  2026-11-23 09:30:00',
        '0198f0c4-7a2f  👩‍👩‍👧 family',
        'There are more.',
        '',
      ].join('\n'),
    )
  })

  it('cuts texts to fit the terminal, and never ids', () => {
    const lines = write(undefined, 60).split('\n')
    expect(lines[1]).toContain('0198f0c4-7a2e')
    expect(lines[1]).toContain('…')
    for (const line of lines.slice(0, 3)) expect(widthOf(line)).toBeLessThanOrEqual(60)
  })

  it('writes JSON for programs unless told otherwise', () => {
    expect(JSON.parse(write(undefined))).toEqual(ROWS)
    expect(
      write('ndjson')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual(ROWS)
  })

  it('writes CSV as RFC 4180 says, values unchanged', () => {
    expect(write('csv').split('\r\n')).toEqual([
      'id,name,note,at',
      '0198f0c4-7a2e,東京の人,"a ""quoted"", text",2026-11-23T09:30:00.123456+00:00',
      '0198f0c4-7a2f,👩‍👩‍👧 family,,',
      '',
    ])
  })

  it('says that there is nothing', () => {
    const io = createIo(80)
    writeRows(io, {}, { rows: [], columns: COLUMNS, empty: 'Nothing.' })
    expect(io.text()).toBe('Nothing.\n')
  })
})

describe('writeRecord', () => {
  it('writes fields under each other, or JSON', () => {
    const io = createIo(80)
    writeRecord(io, {}, { name: 'a', scopes: ['x', 'y'] })
    expect(io.text()).toBe('name    a\nscopes  ["x","y"]\n')
    const piped = createIo(undefined)
    writeRecord(piped, {}, { name: 'a' })
    expect(JSON.parse(piped.text())).toEqual({ name: 'a' })
  })
})

describe('text', () => {
  it('is as wide as it looks', () => {
    expect(['abc', '東京', '👍', '🇩🇪', 'e\u0301', ''].map(widthOf)).toEqual([3, 4, 2, 2, 1, 0])
    expect(cutTo('東京の人', 5)).toBe('東京…')
    expect(padTo('東', 4)).toBe('東  ')
    expect(padTo('1', 3, 'right')).toBe('  1')
  })

  it('cannot steer the terminal', () => {
    expect(toVisible('\u001B[2Jx\r\n\u202Egnp')).toBe(String.raw`\u001b[2Jx\u000d\u000a\u202egnp`)
  })
})
