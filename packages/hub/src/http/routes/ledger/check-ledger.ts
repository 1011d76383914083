import { z } from '@hono/zod-openapi'
import { toTimestamp } from '../../../core/time.ts'
import { checkLedger } from '../../../operations/check-ledger.ts'
import { defineRoute } from '../../route.ts'

const TOTALS = z.object({
  delivered: z.number(),
  pending: z.number(),
  held: z.number(),
  failed: z.number(),
  suppressed: z.number(),
})

export const checkLedgerRoute = defineRoute({
  paths: ['/admin/v1/ledger'],
  methods: ['get'],
  summary: 'What became of every event at every destination, and what cannot be right',
  answer: z.object({
    balanced: z.boolean(),
    checked_at: z.string(),
    events: z.number(),
    deliveries: z.number(),
    totals: TOTALS,
    pruned: TOTALS,
    suppressed_reasons: z.record(z.string(), z.number()),
    rows: z.array(
      z.object({ destination_id: z.string(), type: z.string(), totals: TOTALS, pruned: TOTALS }),
    ),
    discrepancies: z.array(
      z.object({
        kind: z.string(),
        event_id: z.string().nullable(),
        delivery_id: z.number().nullable(),
      }),
    ),
  }),
  async handle(deps, environment) {
    const ledger = await checkLedger(deps, environment)
    const { totals, pruned, discrepancies } = ledger
    return {
      json: {
        balanced: discrepancies.length === 0,
        checked_at: toTimestamp(deps.clock.nowMs()),
        events: ledger.events,
        deliveries: Object.values(totals).reduce((sum, count) => sum + count, 0),
        totals,
        pruned,
        suppressed_reasons: ledger.suppressed,
        rows: ledger.rows.map(({ destinationId, ...row }) => ({
          destination_id: destinationId,
          ...row,
        })),
        discrepancies: discrepancies.map(({ kind, eventId, deliveryId }) => ({
          kind,
          event_id: eventId,
          delivery_id: deliveryId,
        })),
      },
    }
  },
})
