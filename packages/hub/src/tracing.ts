/**
 * Spans by OpenTelemetry's API. Without its SDK in the process they are nothing and cost nothing. No attribute
 * holds more than ids, types and outcomes: no address, no body, no token.
 */
import {
  type Attributes,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  isSpanContextValid,
  trace,
} from '@opentelemetry/api'

const tracer = trace.getTracer('firma')

/** Version 00 of the W3C's Trace Context, the only one that we write. */
const TRACE_PARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/**
 * Runs something as a span below the present one; whatever it awaits is below it in turn.
 *
 * @param run Its own exception ends the span as an error, and is thrown on.
 */
export async function withSpan<T>(
  name: string,
  attributes: Attributes,
  run: (span: Span) => Promise<T>,
): Promise<T> {
  return await tracer.startActiveSpan(name, { attributes }, async (span) => await ending(span, run))
}

/**
 * One attempt at a delivery, below what announced its event: in that trace, however much later.
 *
 * @param traceParent As stored with the event; null begins a trace of its own.
 */
export async function withAttemptSpan<T>(
  traceParent: string | null,
  attributes: Attributes,
  run: (span: Span) => Promise<T>,
): Promise<T> {
  const parent = fromTraceParent(traceParent)
  // Not below whatever woke the worker: that was another event, or nothing.
  const context = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)
  const options = { kind: SpanKind.CLIENT, attributes }
  return await tracer.startActiveSpan('firma.attempt', options, context, async (span) =>
    ending(span, run),
  )
}

/** @returns The span as W3C `traceparent`; null where nobody traces. */
export function toTraceParent(span: Span): string | null {
  const context = span.spanContext()
  if (!isSpanContextValid(context)) return null
  const flags = context.traceFlags.toString(16).padStart(2, '0')
  return `00-${context.traceId}-${context.spanId}-${flags}`
}

/** @returns Undefined where it is null or not a `traceparent`. */
export function fromTraceParent(text: string | null): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACE_PARENT.exec(text ?? '') ?? []
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined
  // Of the flags only the sampling decision is ours to pass on.
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED
  const context = { traceId, spanId, traceFlags, isRemote: true }
  return isSpanContextValid(context) ? context : undefined
}

async function ending<T>(span: Span, run: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await run(span)
  } catch (error) {
    // The class alone: a message may quote what nobody else may read.
    const type = error instanceof Error ? error.name : 'unknown'
    span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR })
    throw error
  } finally {
    span.end()
  }
}
