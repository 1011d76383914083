import { createLog } from '../../system.ts'
import { interrupted } from '../interrupted.ts'
import type { ReceiveConfig } from './config.ts'
import { startReceiveService, type ReceiveService } from './service.ts'

/**
 * Runs the receiver as a service until it is interrupted.
 *
 * @returns The exit code.
 */
export async function receive(config: ReceiveConfig): Promise<number> {
  // Before anything is open, so that a signal meanwhile does not cut it off.
  const isInterrupted = interrupted()
  const service = await startReceiveService(config, { log: createLog(config.logLevel) })
  console.log(greeting(config, service))
  await isInterrupted
  console.log('Finishing what is under way …')
  await service.close()
  return 0
}

function greeting(config: ReceiveConfig, { url, database }: ReceiveService): string {
  const { apiKey, forward, reconcile, tolerance } = config
  const secrets = config.signingSecrets.reveal()
  const labels = [...new Set(secrets.map(({ environment }) => environment ?? 'no label'))]
  return `Firma receives events.

  Webhook      ${url}/webhook
  Secrets      ${secrets.length} (${labels.join(', ')})
  Tolerance    ${tolerance === 'off' ? 'off: signatures of any age are accepted' : `${tolerance} s`}
  Database     ${database}
  Lookup API   ${apiKey === undefined ? 'closed; set FIRMA_RECEIVE_API_KEY to open it' : `${url}/v1`}
  Your app     ${forward === undefined ? 'not called; events are kept. Set FIRMA_RECEIVE_FORWARD_URL to hand them over' : withoutQuery(forward.url)}
  Repairs      ${explainRepairs(reconcile)}
  Retention    ${config.retentionMs === undefined ? 'off: events are kept for ever' : `${config.retentionMs / 86_400_000} days`}
  Status       ${url}/healthz, ${url}/readyz, ${url}/metrics

Stop with Ctrl+C.`
}

function explainRepairs(reconcile: ReceiveConfig['reconcile']): string {
  if (reconcile === undefined)
    return 'off; set FIRMA_RECEIVE_RECONCILE_URL to learn what was missed'
  const { url, recoverUrl, everyMs } = reconcile
  const from = [url, recoverUrl].filter((each) => each !== undefined).join(' and ')
  return `${from}, ${everyMs === undefined ? 'on demand' : `every ${everyMs / 1_000} s`}`
}

/** Some put a key into the query, and what is printed ends up in logs. */
function withoutQuery(url: string): string {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}
