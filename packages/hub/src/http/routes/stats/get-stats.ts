import { z } from '@hono/zod-openapi'
import { SECOND_MS, toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import { readStats } from '../../../operations/read-stats.ts'
import { defineRoute } from '../../route.ts'

const STATS = z
  .object({
    since: z.string(),
    bucket_seconds: z.number(),
    connections: z.array(
      z.object({
        provider: z.string(),
        state: z.enum(['active', 'degraded', 'inactive', 'deleted']),
        count: z.number(),
      }),
    ),
    events: z.array(z.object({ start: z.string(), type: z.string(), count: z.number() })),
    destinations: z.array(
      z.object({
        destination_id: z.string(),
        url: z.string(),
        status: z.enum(['enabled', 'disabled']),
        delivered: z.number(),
        failed: z.number(),
        open: z.number(),
        success_rate: z.number().nullable(),
        lag_mean_ms: z.number().nullable(),
        lag_max_ms: z.number().nullable(),
        oldest_open_at: z.string().nullable(),
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
    return {
      json: {
        since: toTimestamp(stats.sinceMs),
        bucket_seconds: stats.bucketMs / SECOND_MS,
        connections: stats.connections,
        events: stats.events.map(({ startMs, type, count }) => ({
          start: toTimestamp(startMs),
          type,
          count,
        })),
        destinations: stats.destinations.map(
          ({ id, url, status, delivered, failed, open, ...times }) => ({
            destination_id: id,
            url,
            status,
            delivered,
            failed,
            open,
            success_rate: delivered + failed === 0 ? null : delivered / (delivered + failed),
            lag_mean_ms: times.lagMeanMs,
            lag_max_ms: times.lagMaxMs,
            oldest_open_at: toTimestampOrNull(times.oldestOpenMs),
          }),
        ),
        attention: stats.attention,
      },
    }
  },
})
