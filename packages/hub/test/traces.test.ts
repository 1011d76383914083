/** What OpenTelemetry's SDK sees when it is in the process. */
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestHub } from './support/create-test-hub.ts'

const exporter = new InMemorySpanExporter()

function named(name: string): ReadableSpan[] {
  return exporter.getFinishedSpans().filter((span) => span.name === name)
}

// First: a tracer that has met an SDK stays with it.
describe('without an SDK in the process', () => {
  it('nothing is traced', async () => {
    const hub = await createTestHub({ isTraced: false })
    await hub.connect('GARMIN')
    expect(await hub.rows('SELECT trace_parent FROM event')).toEqual([{ trace_parent: null }])
  })
})

describe('traces', () => {
  beforeAll(() => {
    const spanProcessors = [new SimpleSpanProcessor(exporter)]
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }))
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  })

  beforeEach(() => {
    exporter.reset()
  })

  afterAll(() => {
    trace.disable()
    context.disable()
  })

  it('follow a connect over its announcement to each attempt', async () => {
    const hub = await createTestHub()
    hub.app.answer = () => ({ status: hub.app.received.length === 1 ? 503 : 200 })
    await hub.connect('GARMIN')
    await hub.advanceByMs(120_000)
    const [connect] = named('firma.connect')
    const [announce] = named('firma.announce')
    const attempts = named('firma.attempt')
    expect(announce?.parentSpanContext?.spanId).toBe(connect?.spanContext().spanId)
    expect(attempts).toHaveLength(2)
    for (const attempt of attempts) {
      expect(attempt.spanContext().traceId).toBe(connect?.spanContext().traceId)
      expect(attempt.parentSpanContext?.spanId).toBe(announce?.spanContext().spanId)
    }
    const [event] = await hub.rows('SELECT id, trace_parent FROM event')
    const { traceId, spanId } = announce?.spanContext() ?? {}
    expect(event?.['trace_parent']).toBe(`00-${traceId}-${spanId}-01`)
    expect(attempts.map(({ attributes }) => attributes)).toMatchObject([
      { 'firma.event': event?.['id'], 'firma.attempt': 1, 'http.response.status_code': 503 },
      { 'firma.event': event?.['id'], 'firma.attempt': 2, 'http.response.status_code': 200 },
    ])
  })

  it('follow data from the request that brought it, though its commit is shared', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    exporter.reset()
    const [user] = await hub.rows('SELECT user_id FROM event')
    const body = { user_id: user?.['user_id'], type: 'body', data: [{ weight: 80 }] }
    const answers = await Promise.all(
      [1, 2].map(async () => await hub.call('POST', '/admin/v1/events/generate', body)),
    )
    expect(answers.map(({ status }) => status)).toEqual([201, 201])
    await hub.hub.settle()
    const parents = named('firma.attempt').map((span) => span.parentSpanContext?.spanId)
    const announced = named('firma.announce').map((span) => span.spanContext().spanId)
    expect(announced).toHaveLength(2)
    expect(new Set(parents)).toEqual(new Set(announced))
  })

  it('are told to no destination, and hold no address, token or secret', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const [received] = hub.app.received
    expect(Object.keys(received?.headers ?? {})).not.toContain('traceparent')
    const names = exporter.getFinishedSpans().flatMap(({ attributes }) => Object.keys(attributes))
    expect([...new Set(names)].toSorted((a, b) => a.localeCompare(b))).toEqual([
      'firma.attempt',
      'firma.delivery',
      'firma.destination',
      'firma.environment',
      'firma.event',
      'firma.event.type',
      'firma.events',
      'firma.flow',
      'firma.lane',
      'firma.provider',
      'http.response.status_code',
    ])
  })
})
