/** Which hub a command talks to, and as whom. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { CliError, EXIT } from './exit-codes.ts'
import type { Io } from './io.ts'
import { ProfileFile } from './profiles.ts'

/** Flags of every command that talks to a hub. */
export interface AccessFlags {
  readonly url?: string
  readonly devId?: string
  readonly profile?: string
}

export interface HubAccess {
  readonly url: string
  /** Absent for an operator's key, where a command concerns no environment. */
  readonly devId: string | undefined
  readonly apiKey: string
  /** Where the credentials were found, for complaints. */
  readonly origin: string
}

/** Written by a demo while it runs. */
export const RUNNING_FILE = 'running.json'

const RUNNING = z.object({ hubUrl: z.url() })
const DEMO = z.object({ devId: z.string(), apiKey: z.string(), operatorKey: z.string().optional() })

/**
 * Credentials by flag and variable, else a profile, else those of a demo that runs here.
 *
 * @throws CliError when there are none.
 */
export function findAccess(io: Io, flags: AccessFlags): HubAccess {
  const { variables } = io
  const apiKey = flags.profile === undefined ? variables['FIRMA_API_KEY'] || undefined : undefined
  const url = flags.url ?? (variables['FIRMA_URL'] || undefined)
  const devId = flags.devId ?? (variables['FIRMA_DEV_ID'] || undefined)
  if (apiKey !== undefined) {
    if (url === undefined) {
      throw new CliError(
        'FIRMA_API_KEY is set and FIRMA_URL is not; set it, or give --url',
        EXIT.usage,
      )
    }
    return { url: checkUrl(url), devId, apiKey, origin: 'FIRMA_API_KEY' }
  }
  const name = flags.profile ?? (variables['FIRMA_PROFILE'] || undefined)
  const file = new ProfileFile(variables)
  const profile = file.find(name)
  if (profile !== undefined) {
    return {
      url: checkUrl(url ?? profile.url),
      devId: devId ?? profile.dev_id,
      apiKey: profile.api_key,
      origin: file.path,
    }
  }
  const demo = findDemo(io)
  if (demo !== undefined) {
    return { ...demo, url: checkUrl(url ?? demo.url), devId: devId ?? demo.devId }
  }
  throw new CliError(
    'no hub to talk to: start one here (firma start), log in to one (firma login), or set FIRMA_URL, FIRMA_DEV_ID and FIRMA_API_KEY',
    EXIT.usage,
  )
}

/** The demo whose data folder is here. */
function findDemo({ variables, folder }: Io): HubAccess | undefined {
  const data = resolve(folder, variables['FIRMA_DATA'] || 'data')
  const running = readIfValid(join(data, RUNNING_FILE), RUNNING)
  const path = join(data, 'demo.json')
  const demo = readIfValid(path, DEMO)
  if (running === undefined || demo === undefined) return undefined
  const { devId, apiKey, operatorKey } = demo
  return { url: running.hubUrl, devId, apiKey: operatorKey ?? apiKey, origin: path }
}

function readIfValid<T extends z.ZodType>(path: string, schema: T): z.output<T> | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    // Not there, or not for us: then there is no demo.
    return undefined
  }
}

/** @returns The address without a slash at its end. */
export function checkUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && ['http:', 'https:'].includes(url.protocol)) {
    return url.href.replace(/\/+$/, '')
  }
  throw new CliError(
    `--url (FIRMA_URL) is "${text}"; it must be an address like https://connect.example.com`,
    EXIT.usage,
  )
}
