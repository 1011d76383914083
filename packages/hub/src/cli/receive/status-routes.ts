/** What whoever runs the service asks: does it live, can it work, how is it doing. Open to all who reach the port; nothing here names anybody. */
import type { Hono } from 'hono'
import type { Metrics } from './metrics.ts'

export interface StatusDeps {
  /** Asks the store; rejects when it does not answer, or takes no writes. */
  readonly probe: () => Promise<void>
  readonly metrics: Pick<Metrics, 'render'>
}

/** A store that takes longer is as good as gone to whoever balances load. */
const PROBE_MS_MAX = 2_000

export function addStatusRoutes(app: Hono, { probe, metrics }: StatusDeps): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.get('/readyz', async (c) => {
    const isReady = await answersInTime(probe)
    return isReady ? c.json({ status: 'ready' }) : c.json({ status: 'store_unavailable' }, 503)
  })
  app.get('/metrics', async (c) => {
    const { contentType, text } = await metrics.render()
    return c.body(text, 200, { 'content-type': contentType })
  })
}

async function answersInTime(probe: () => Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), PROBE_MS_MAX)
  })
  const answered = probe().then(
    () => true,
    // Whoever asks learns that it fails, not why: the port is open to more than the operator.
    () => false,
  )
  const isReady = await Promise.race([answered, late])
  clearTimeout(timer)
  return isReady
}
