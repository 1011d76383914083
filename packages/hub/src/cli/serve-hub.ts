/** What the demo and production have in common: how a hub gets to its port, and how everything ends. */
import type { Hub } from '../hub.ts'
import { createDashboard } from './dashboard.ts'
import type { ServingPort } from './serve.ts'

/** What ends a part that has started. */
export type Closers = (() => Promise<void>)[]

/** Starts parts one after the other; what has started is closed again, the last first, when a later one fails. */
export async function startAll<T>(
  start: (closers: Closers) => Promise<T>,
): Promise<T & { close(): Promise<void> }> {
  const closers: Closers = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }
  try {
    return { ...(await start(closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Answers at the port with the dashboard's pages and the hub, and begins to work. Everything is set up by now. */
export async function serveHub(port: ServingPort, hub: Hub): Promise<void> {
  const dashboard = await createDashboard()
  port.serve(
    async (request, address) => (await dashboard(request)) ?? (await hub.fetch(request, address)),
  )
  hub.start()
}
