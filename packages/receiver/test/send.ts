/** The sender's side for tests: signs a body the way Terra does. */
import { signTerra } from '../src/sign.ts'

/** Time at which test senders sign and test receivers look at the clock. */
export const NOW_MS = 1_790_000_000_000
export const SECRET = 'test-signing-secret'

let sent = 0

/** What a signed request consists of. */
export interface Sent {
  body: Uint8Array
  headers: Record<string, string>
}

/** Signs an event under a trace id of its own; `headers` come last and may replace what was made. */
export async function sign(
  event: object | string,
  headers: Record<string, string> = {},
  secret: string = SECRET,
): Promise<Sent> {
  sent += 1
  const number = sent
  const body = new TextEncoder().encode(typeof event === 'string' ? event : JSON.stringify(event))
  const signature = await signTerra({ secret, timestampSeconds: NOW_MS / 1_000, body })
  const own = { 'X-Terra-Signature': signature, 'X-Terra-Trace-Id': `trace-${number}` }
  return {
    body,
    headers: { ...own, 'X-Terra-Ordering-Timestamp': String(NOW_MS + number), ...headers },
  }
}
