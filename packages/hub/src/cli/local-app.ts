/** The app on this machine that `firma listen` forwards to and `firma trigger` sends to. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { createSigningSecret } from '../secret.ts'
import { systemRandom } from '../system.ts'
import { CliError, EXIT } from './exit-codes.ts'
import { ProfileFile } from './profiles.ts'

const SETTINGS = z.object({ secret: z.string(), forward_to: z.url().optional() })

/** Longest that the app is waited for: as long as a destination. */
const ANSWER_MS_MAX = 8_000
/** Characters of an answer that are shown. */
const ANSWER_LENGTH = 120

export interface LocalApp {
  readonly url: string
  /** Signs what is sent: the same at every start, so that the app keeps its setting. */
  readonly secret: string
}

/** How the app took an event. */
export interface Taken {
  /** Null where nothing came back. */
  readonly status: number | null
  readonly answer: string
  readonly durationMs: number
}

/**
 * The app's address and the secret between it and us; both are remembered.
 *
 * @param given Address by flag; without one, the address of the last time.
 */
export function openLocalApp(variables: NodeJS.ProcessEnv, given: string | undefined): LocalApp {
  const path = join(dirname(new ProfileFile(variables).path), 'listen.json')
  const known = read(path)
  const url = given ?? known?.forward_to ?? 'http://localhost:3000/webhook'
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new CliError(
      `"${url}" is no address of an app; write one like http://localhost:3000/webhook`,
      EXIT.usage,
    )
  }
  const chosen = variables['FIRMA_SIGNING_SECRET'] || undefined
  const secret = known?.secret ?? createSigningSecret(systemRandom)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, `${JSON.stringify({ secret, forward_to: url }, null, 2)}\n`, { mode: 0o600 })
  // The mode above counts only for a new file.
  chmodSync(path, 0o600)
  return { url, secret: chosen ?? secret }
}

function read(path: string): z.output<typeof SETTINGS> | undefined {
  try {
    return SETTINGS.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // Not there, or not ours any more: a new secret is made.
    return undefined
  }
}

/** Hands an event to the app. */
export async function sendToApp(
  url: string,
  { headers, body }: { headers: Readonly<Record<string, string>>; body: string | Uint8Array },
): Promise<Taken> {
  const startedAt = performance.now()
  const toTaken = (status: number | null, answer: string): Taken => {
    const durationMs = Math.round(performance.now() - startedAt)
    return { status, answer: answer.trim().slice(0, ANSWER_LENGTH), durationMs }
  }
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX)
    const init = { method: 'POST', headers, body: Buffer.from(body), signal } as const
    const response = await fetch(url, { ...init, redirect: 'manual' })
    return toTaken(response.status, await response.text())
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const text = cause instanceof Error ? cause.message || cause.name : String(cause)
    return toTaken(null, text === '' ? 'no answer' : text)
  }
}

/** How the app took it, in a few words. */
export function describeTaken({ status, answer, durationMs }: Taken): string {
  if (status === null) return `no answer (${answer})`
  const isFine = status >= 200 && status < 300
  return `${status} in ${durationMs} ms${isFine || answer === '' ? '' : `: ${answer}`}`
}
