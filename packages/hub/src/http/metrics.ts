/** `GET /metrics`, for an operator's key, or for whoever is on this machine. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import { DESTINATIONS_SHOWN_MAX } from '../metrics.ts'
import type { AppDeps } from './app-deps.ts'
import { enterAsOperator } from './mount.ts'

export function mountMetrics(app: OpenAPIHono, deps: AppDeps): void {
  app.get('/metrics', async (c) => {
    const { isLocal } = c.env as { readonly isLocal?: boolean }
    if (deps.metricsFor !== 'loopback' || isLocal !== true) await enterAsOperator(deps, c)
    const { store, metrics, clock } = deps
    const ids = await store.destinations.listIds(DESTINATIONS_SHOWN_MAX)
    const nowMs = clock.nowMs()
    const owed = await store.deliveryHealth.listOldestOwed(ids)
    metrics.setOldestOwed(
      owed.map(({ destinationId, oldestOwedAtMs }) => ({
        destinationId,
        ageMs: oldestOwedAtMs === null ? 0 : Math.max(0, nowMs - oldestOwedAtMs),
      })),
    )
    metrics.setOwed(await store.deliveryHealth.countQueue())
    const { registry } = metrics
    const text = await registry.metrics()
    return new Response(text, { headers: { 'content-type': registry.contentType } })
  })
}
