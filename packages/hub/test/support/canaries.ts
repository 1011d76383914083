/**
 * Canaries of the whole test run: every secret that a test's hub and its simulated providers make is remembered, and when the
 * test has finished, nothing of it may be in the database, the logs or the traces of that hub.
 */
import {
  INVALID_SPAN_CONTEXT,
  type Span,
  type SpanOptions,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { Random } from '../../src/deps.ts'
import type { TestDatabase } from './test-database.ts'

/** What so many random bytes are drawn for is secret; identifiers, salts and nonces are of other lengths. */
const SECRET_BYTES = 32
/** Shorter ones would be found by chance. */
const LENGTH_MIN = 32
/** What a secret may be a part of: its own characters, with those of a prefix or of another encoding. */
const RUN = /[\w+/-]{32,}/g

/** Everything that was traced in this process, where the test file does not trace by itself. */
const spans: string[] = []

/** Once for a process: whoever has asked for a tracer keeps it. */
function takeDownSpans(): void {
  const note = (...given: unknown[]): void => void spans.push(JSON.stringify(given))
  // Of no valid context, so that no header and no row says anything of it: the hub behaves as without traces.
  const span: Span = {
    spanContext: () => INVALID_SPAN_CONTEXT,
    setAttribute: (...given) => (note(given), span),
    setAttributes: (given) => (note(given), span),
    addEvent: (...given) => (note(given), span),
    addLink: () => span,
    addLinks: () => span,
    setStatus: (given) => (note(given), span),
    updateName: (given) => (note(given), span),
    recordException: (error) => note(error instanceof Error ? error.stack : error),
    end: () => undefined,
    isRecording: () => true,
  }
  const startSpan = (name: string, options?: SpanOptions): Span => {
    note(name, options?.attributes)
    return span
  }
  const startActiveSpan = (name: string, ...rest: unknown[]): unknown => {
    const run = rest.pop() as (span: Span) => unknown
    return run(startSpan(name, rest[0] as SpanOptions | undefined))
  }
  const tracer: Tracer = { startSpan, startActiveSpan }
  // False where there is one already: the first time, or the test's own.
  trace.setGlobalTracerProvider({ getTracer: () => tracer })
}

export class Canaries {
  readonly #values = new Set<string>()
  readonly #lengths = new Set<number>()
  /** Where the spans begin that are this hub's, or others' of the same time. */
  readonly #firstSpan: number

  constructor({ isTraced }: { isTraced: boolean }) {
    if (isTraced) takeDownSpans()
    this.#firstSpan = spans.length
  }

  /** Remembers a secret, unless it is too short to be told from other texts. */
  add(value: string): void {
    if (value.length < LENGTH_MIN) return
    this.#values.add(value)
    this.#lengths.add(value.length)
  }

  has(value: string): boolean {
    return this.#values.has(value)
  }

  /** The same source, whose secrets are remembered in each form that they are given. */
  watch<T extends Pick<Random, 'bytes'>>(random: T): T {
    const bytes = (count: number): Uint8Array => {
      const drawn = random.bytes(count)
      this.addBytes(drawn)
      return drawn
    }
    return { ...random, bytes }
  }

  /** Remembers what was drawn, in each form that it can be given, where it is secret. */
  addBytes(drawn: Uint8Array): void {
    if (drawn.length !== SECRET_BYTES) return
    for (const form of ['base64url', 'base64', 'hex'] as const) {
      this.add(Buffer.from(drawn).toString(form).replace(/=+$/, ''))
    }
  }

  /** Where secrets are that should be nowhere, in words for the failure of a test. */
  async findIn(database: TestDatabase, logLines: readonly string[]): Promise<string[]> {
    const places: (readonly [string, string])[] = [
      ...logLines.map((line) => ['the log', line] as const),
      ...spans.slice(this.#firstSpan).map((span) => ['a trace', span] as const),
    ]
    for (const table of await database.tables()) {
      const rows = await database.rows(`SELECT * FROM ${table}`)
      places.push([`the table ${table}`, JSON.stringify(rows)])
    }
    return places.flatMap(([place, text]) =>
      this.#isIn(text) ? [`a secret is in ${place}: ${text.slice(0, 500)}`] : [],
    )
  }

  #isIn(text: string): boolean {
    return [...text.matchAll(RUN)].some(([run]) => this.#isSecret(run))
  }

  /** Itself, or behind a prefix, or before something else. */
  #isSecret(run: string): boolean {
    if (this.#values.has(run)) return true
    for (const length of this.#lengths) {
      if (run.length <= length) continue
      if (this.#values.has(run.slice(0, length)) || this.#values.has(run.slice(-length)))
        return true
    }
    return false
  }
}
