/** Requests of the bench: signed events of about 1 KB, as bytes that go out as they are. */
import { createHmac, randomInt, randomUUID } from 'node:crypto'

export const SECRET = 'bench-signing-secret'
/** What makes bodies 1 KB: samples of a day, as data events have them. */
const SAMPLES = Array.from({ length: 26 }, (_, i) => ({ bpm: 60 + (i % 40), at_s: i * 300 }))

/** Of which events there are how many. */
export interface Mix {
  /** Connections that events are about. */
  readonly users: number
  /** So many of them are known from the start. */
  readonly knownUsers: number
  /** Part of state events (`auth`), from 0 to 1; the others are data. */
  readonly stateShare: number
}

/** A body, with the header that proves it. */
interface SignedBody {
  readonly body: Buffer
  readonly signature: string
}

export function toUserId(n: number): string {
  // Random as real ones are, and the same for the same number.
  const hex = createHmac('md5', 'user').update(String(n)).digest('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export function toAuthEvent(n: number): object {
  const at = '2024-10-07T03:45:00.000000+00:00'
  const scopes = 'ACTIVITY_EXPORT,HEALTH_EXPORT'
  const referenceId = `person-${n}`
  const user = { user_id: toUserId(n), provider: 'GARMIN', reference_id: referenceId, scopes }
  return { type: 'auth', status: 'success', user: { ...user, active: true, created_at: at } }
}

export function toDataEvent(n: number): object {
  const user = { user_id: toUserId(n), provider: 'GARMIN', reference_id: `person-${n}` }
  return { type: 'daily', user, data: [{ heart_rate_data: SAMPLES, n: randomUUID() }] }
}

export function signBody(event: object): SignedBody {
  const body = Buffer.from(JSON.stringify(event))
  const seconds = Math.floor(Date.now() / 1_000)
  const hash = createHmac('sha256', SECRET).update(`${seconds}.`).update(body).digest('hex')
  return { body, signature: `t=${seconds},v1=${hash}` }
}

/** Bodies to send again and again under new trace ids: a sender cannot sign as fast as a receiver can be asked. */
export function makeBodies(count: number, { users, stateShare }: Mix): SignedBody[] {
  return Array.from({ length: count }, () => {
    const n = randomInt(users)
    return signBody(Math.random() < stateShare ? toAuthEvent(n) : toDataEvent(n))
  })
}

/** A whole request, with a trace id that nobody has used. */
export function toRequest({ body, signature }: SignedBody): Buffer {
  const head =
    'POST /terra HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n' +
    `Content-Length: ${body.length}\r\nX-Terra-Signature: ${signature}\r\n` +
    `X-Terra-Trace-Id: ${randomUUID()}\r\nX-Terra-Ordering-Timestamp: ${Date.now()}\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}
