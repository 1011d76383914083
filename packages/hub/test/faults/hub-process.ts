/** A hub in a process of its own, to be killed: loads everything, waits to be told where to work, and says when it listens. */
import { openSqlite } from 'firma-receiver/sqlite'
import { interrupted } from '../../src/cli/interrupted.ts'
import { listen } from '../../src/cli/serve.ts'
import { openHub } from '../../src/hub.ts'
import { type HubProcessSettings, TEST_KEYS } from './settings.ts'

async function serve(settings: HubProcessSettings): Promise<void> {
  const { baseUrl, sqlitePath, postgresUrl, refreshTimes, senderThreads = 0 } = settings
  const sqlite = sqlitePath === undefined ? undefined : await openSqlite(sqlitePath)
  const port = await listen('127.0.0.1', 0)
  const hub = await openHub({
    ...(sqlite === undefined ? { postgresUrl: postgresUrl ?? '' } : { sqlite }),
    baseUrl,
    keys: TEST_KEYS,
    allowedRanges: ['127.0.0.0/8'],
    rateLimits: null,
    senderThreads,
    ...(refreshTimes !== undefined && { refreshTimes }),
    // Losing the database for a moment is part of the tests: it is told to nobody.
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  })
  port.serve(async (request) => await hub.fetch(request))
  hub.start()
  process.send?.({ url: port.url })
  await interrupted()
  await port.close()
  await hub.close()
  await sqlite?.close()
  process.exit(0)
}

process.once('message', (settings) => {
  serve(settings as HubProcessSettings).catch((error: unknown) => {
    process.stderr.write(`${String(error)}\n`)
    process.exit(1)
  })
})
// Whoever started it is gone.
process.once('disconnect', () => process.exit(1))
process.send?.('loaded')
