import { z } from '@hono/zod-openapi'
import { SECOND_MS, toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import { type DestinationFigures, readStats } from '../../../operations/read-stats.ts'
import { defineRoute } from '../../route.ts'

const STATE = z.enum(['active', 'degraded', 'inactive', 'deleted'])

const STATS = z
  .object({
    since: z.string(),
    bucket_seconds: z.number(),
    connections: z.array(
      z.object({
        provider: z.string(),
        state: STATE,
        count: z.number(),
      }),
    ),
    /** At the end of each span; spans in which nothing was written down are left out. */
    connections_over_time: z.array(
      z.object({ start: z.string(), provider: z.string(), state: STATE, count: z.number() }),
    ),
    events: z.array(z.object({ start: z.string(), type: z.string(), count: z.number() })),
    events_counted_until: z.string().nullable().openapi({
      description: 'Events from then on are not counted yet; null where all are.',
    }),
    destinations: z.array(
      z.object({
        destination_id: z.string(),
        url: z.string(),
        status: z.enum(['enabled', 'disabled']),
        delivered: z.number(),
        failed: z.number(),
        open: z.number().openapi({
          description: 'Owed and not delivered yet; counting stops at 10,000.',
        }),
        success_rate: z.number().nullable(),
        lag_mean_ms: z.number().nullable(),
        lag_max_ms: z.number().nullable(),
        oldest_open_at: z.string().nullable(),
        quiet_until: z.string().nullable().openapi({
          description:
            'It answered 429 or 503 with Retry-After: no data is sent to it before then.',
        }),
        connections_quiet_until: z.string().nullable().openapi({
          description: 'The same of events of connections, to one of which it answered so.',
        }),
        over_time: z.array(
          z.object({
            start: z.string(),
            delivered: z.number(),
            failed: z.number(),
            lag_mean_ms: z.number().nullable(),
            lag_max_ms: z.number().nullable(),
          }),
        ),
        counted_until: z.string().nullable().openapi({
          description: 'Deliveries from then on are not counted yet; null where all are.',
        }),
      }),
    ),
    attention: z.array(
      z.object({
        kind: z.enum([
          'destination_disabled',
          'destination_failing',
          'connections_degraded',
          'revocations_failed',
          'no_destination',
          'no_provider',
        ]),
        subject: z.string().nullable(),
        count: z.number(),
        message: z.string(),
      }),
    ),
  })
  .openapi('Stats')

export const getStats = defineRoute({
  paths: ['/admin/v1/stats'],
  methods: ['get'],
  summary: 'Connections by provider and state, events over time, deliveries, what needs attention',
  query: z.object({
    range: z.enum(['24h', '7d', '30d'], { error: 'must be 24h, 7d or 30d' }).optional(),
  }),
  answer: STATS,
  async handle(deps, environment, { query }) {
    const stats = await readStats(deps, environment, query.range ?? '24h')
    const { connectionsOverTime, destinations } = stats
    return {
      json: {
        since: toTimestamp(stats.sinceMs),
        bucket_seconds: stats.bucketMs / SECOND_MS,
        connections: stats.connections,
        connections_over_time: connectionsOverTime.map(withStart),
        events: stats.events.map(withStart),
        events_counted_until: toTimestampOrNull(stats.eventsCountedUntilMs),
        destinations: destinations.map(toWireDestination),
        attention: stats.attention,
      },
    }
  },
})

function withStart<T extends { readonly startMs: number }>({ startMs, ...rest }: T) {
  return { start: toTimestamp(startMs), ...rest }
}

function toWireDestination(figures: DestinationFigures) {
  const { id, url, status, delivered, failed, open } = figures
  return {
    destination_id: id,
    url,
    status,
    delivered,
    failed,
    open,
    success_rate: delivered + failed === 0 ? null : delivered / (delivered + failed),
    lag_mean_ms: figures.lagMeanMs,
    lag_max_ms: figures.lagMaxMs,
    oldest_open_at: toTimestampOrNull(figures.oldestOpenMs),
    quiet_until: toTimestampOrNull(figures.quietUntilMs),
    connections_quiet_until: toTimestampOrNull(figures.stateQuietUntilMs),
    over_time: figures.overTime.map((span) => ({
      start: toTimestamp(span.startMs),
      delivered: span.delivered,
      failed: span.failed,
      lag_mean_ms: span.delivered === 0 ? null : Math.round(span.lagSumMs / span.delivered),
      lag_max_ms: span.delivered === 0 ? null : span.lagMaxMs,
    })),
    counted_until: toTimestampOrNull(figures.countedUntilMs),
  }
}
