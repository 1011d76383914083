/** A hub in a process of its own, to be killed: loads everything, waits to be told where to work, and says when it listens. */
import { openSqlite } from 'firma-receiver/sqlite'
import { interrupted } from '../../src/cli/interrupted.ts'
import { listen } from '../../src/cli/serve.ts'
import { openHub } from '../../src/hub.ts'
import { systemRandom } from '../../src/system.ts'
import { type HubProcessSettings, type ProcessNews, TEST_KEYS } from './settings.ts'

function tell(news: ProcessNews): void {
  process.send?.(news)
}

function tellLine(fields: object, message: string): void {
  const show = (_key: string, value: unknown): unknown =>
    value instanceof Error ? `${value.stack} ${String(value.cause)}` : value
  tell({ line: JSON.stringify({ ...fields, message }, show) })
}

function tellBytes(count: number): Uint8Array {
  const drawn = systemRandom.bytes(count)
  // As canaries are; of nonces and the like there are too many.
  if (count === 32) tell({ drawn: Buffer.from(drawn).toString('hex') })
  return drawn
}

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
    // Losing the database for a moment is part of the tests: it is shown to nobody, but looked through.
    log: { info: tellLine, warn: tellLine, error: tellLine },
    random: { ...systemRandom, bytes: tellBytes },
  })
  port.serve(async (request) => await hub.fetch(request))
  hub.start()
  tell({ url: port.url })
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
tell('loaded')
