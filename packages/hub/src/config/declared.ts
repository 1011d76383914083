/** Environments that the configuration file declares, with their providers and destinations. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import {
  DESTINATION_BOUNDS,
  EVENT_TYPES_ERROR,
  HEADERS_ERROR,
  HEADER_NAMES_ERROR,
  HEADER_VALUE_ERROR,
  HEADER_VALUE_PATTERN,
  SCHEDULE_ERROR,
  findEventTypeFault,
  isSchedule,
  toSchedule,
} from '../core/destination-settings.ts'
import type { RetrySchedule } from '../core/retry.ts'
import { FirmaError } from '../errors.ts'
import { isCustomHeaderName } from '../event-headers.ts'
import { CATALOG, type ProviderOverrides, completeProvider } from '../providers/catalog.ts'
import { Redacted } from '../secret.ts'
import { suggest } from '../core/nearest.ts'

/** Shortest key or secret of ours that is accepted: what is shorter is guessed. */
const SECRET_LENGTH_MIN = 24

const REFERENCE_ERROR = 'must be { "env": "NAME" }, { "file": "path" } or the secret itself'
const REFERENCE = z.union(
  [
    z.string().min(1),
    z.strictObject({ env: z.string().min(1) }),
    z.strictObject({ file: z.string().min(1) }),
  ],
  { error: REFERENCE_ERROR },
)

/** How the file names a secret. */
export type SecretReference = z.input<typeof REFERENCE>

const ID_ERROR = 'must be 3 to 63 lower case letters, digits and hyphens, for example acme-prod'

const PROVIDER = z.strictObject({
  clientId: z.string({ error: 'must be the client id that the provider gave you' }).min(1),
  clientSecret: REFERENCE,
  noticeKey: REFERENCE.optional(),
  secrets: z.record(z.string(), REFERENCE).optional(),
  overrides: z.record(z.string(), z.unknown()).optional(),
})

const DESTINATION = z.strictObject({
  url: z.url({
    protocol: /^https?$/,
    error: 'must be an address like https://app.example/webhook',
  }),
  secret: REFERENCE,
  eventTypes: z
    .array(
      z
        .string({ error: 'must be the name of an event type' })
        .refine((type) => findEventTypeFault(type) === null, {
          error: ({ input }) => findEventTypeFault(String(input)) ?? '',
        }),
      { error: EVENT_TYPES_ERROR },
    )
    .min(DESTINATION_BOUNDS.eventTypes.min, { error: EVENT_TYPES_ERROR })
    .max(DESTINATION_BOUNDS.eventTypes.max, { error: EVENT_TYPES_ERROR })
    .nullable()
    .optional(),
  wantsExtensions: z.boolean({ error: 'must be true or false' }).optional(),
  timeoutMs: within(DESTINATION_BOUNDS.timeoutMs).optional(),
  concurrency: within(DESTINATION_BOUNDS.concurrency).optional(),
  retries: z
    .strictObject({
      baseSeconds: within(DESTINATION_BOUNDS.baseSeconds),
      capSeconds: within(DESTINATION_BOUNDS.capSeconds),
      windowHours: within(DESTINATION_BOUNDS.windowHours),
    })
    .refine(isSchedule, { error: `must be a schedule, and this one ${SCHEDULE_ERROR}` })
    .nullable()
    .optional(),
  headers: z
    .record(
      z.string().transform((name) => name.toLowerCase()),
      REFERENCE,
    )
    .refine((headers) => Object.keys(headers).length <= DESTINATION_BOUNDS.headersMax, {
      error: `must be fewer: it ${HEADERS_ERROR}`,
    })
    .refine((headers) => Object.keys(headers).every(isCustomHeaderName), {
      error: `must be headers of yours: it ${HEADER_NAMES_ERROR}`,
    })
    .nullable()
    .optional(),
})

function within({ min, max }: { readonly min: number; readonly max: number }) {
  const error = `must be a whole number from ${min} to ${max}`
  return z.int({ error }).min(min, { error }).max(max, { error })
}

const ENVIRONMENT = z.strictObject({
  id: z.string({ error: ID_ERROR }).regex(/^[a-z0-9][a-z0-9-]{2,62}$/, { error: ID_ERROR }),
  name: z.string().min(1).max(100).optional(),
  apiKey: REFERENCE,
  matchPolicy: z.enum(['reference', 'account_and_reference', 'account']).optional(),
  failedAuthShape: z.enum(['auth_cancelled', 'legacy']).optional(),
  isProduction: z.boolean().optional(),
  connect: z
    .strictObject({
      confirmation: z.enum(['off', 'required']).optional(),
      accountPolicy: z.enum(['allow', 'reject', 'move']).optional(),
    })
    .optional(),
  redirects: z
    .strictObject({
      schemes: z.array(z.string()).optional(),
      allowList: z.array(z.url()).nullable().optional(),
    })
    .optional(),
  providers: z.record(z.string(), PROVIDER).optional(),
  destinations: z.array(DESTINATION).max(100).optional(),
})

export const ENVIRONMENTS = z.array(ENVIRONMENT, { error: 'must be a list of environments' })

/** An environment as the file declares it. */
export type EnvironmentDeclaration = z.input<typeof ENVIRONMENT>

/** The same with its secrets read. */
export interface DeclaredEnvironment extends Pick<
  z.output<typeof ENVIRONMENT>,
  'id' | 'name' | 'matchPolicy' | 'failedAuthShape' | 'isProduction' | 'connect' | 'redirects'
> {
  readonly apiKey: Redacted<string>
  readonly providers: readonly DeclaredProvider[]
  readonly destinations: readonly DeclaredDestination[]
}

export interface DeclaredProvider {
  readonly provider: string
  readonly clientId: string
  readonly clientSecret: Redacted<string>
  /** Absent: a new provider gets one that nobody is told, so it takes no notices. */
  readonly noticeKey: Redacted<string> | undefined
  /** What the provider issued beside the client's secret, by the names in its catalog entry. */
  readonly secrets: Redacted<Readonly<Record<string, string>>>
  /** What differs from the catalog: a variant, and a JSON merge patch. */
  readonly overrides: ProviderOverrides
}

export interface DeclaredDestination extends Omit<
  z.output<typeof DESTINATION>,
  'secret' | 'retries' | 'headers'
> {
  readonly secret: Redacted<string>
  readonly retries?: RetrySchedule | null
  readonly headers?: Redacted<Readonly<Record<string, string>>> | null
}

/** Where references lead to. */
export interface SecretSources {
  readonly variables: NodeJS.ProcessEnv
  /** Paths are relative to this. */
  readonly folder: string
}

/**
 * Reads the secrets of the declared environments.
 *
 * @throws FirmaError `configuration_invalid`, naming the place in the file.
 */
export function readDeclared(
  environments: z.output<typeof ENVIRONMENTS>,
  sources: SecretSources,
): DeclaredEnvironment[] {
  const ids = environments.map(({ id }) => id)
  const twice = ids.find((id, index) => ids.indexOf(id) !== index)
  if (twice !== undefined) throw invalid(`environments: "${twice}" is declared twice`)
  return environments.map((environment, index) => {
    const at = `environments.${index}`
    const own = (place: string, reference: SecretReference): Redacted<string> =>
      readOwn(`${at}.${place}`, reference, sources)
    const { providers = {}, destinations = [], apiKey, ...rest } = environment
    return {
      ...rest,
      apiKey: own('apiKey', apiKey),
      providers: Object.entries(providers).map(([provider, app]) => {
        const place = `${at}.providers.${provider}`
        const { clientId, clientSecret, noticeKey, secrets = {}, overrides = {} } = app
        checkProvider(place, provider, overrides)
        const name = `providers.${provider}.noticeKey`
        return {
          provider,
          clientId,
          clientSecret: readReference(`${place}.clientSecret`, clientSecret, sources),
          noticeKey: noticeKey === undefined ? undefined : own(name, noticeKey),
          secrets: new Redacted(
            Object.fromEntries(
              Object.entries(secrets).map(([secret, reference]) => [
                secret,
                readReference(`${place}.secrets.${secret}`, reference, sources).reveal(),
              ]),
            ),
          ),
          overrides,
        }
      }),
      destinations: destinations.map(({ retries, headers, secret, ...rest }, number) => {
        const place = `destinations.${number}`
        return {
          ...rest,
          secret: own(`${place}.secret`, secret),
          ...(retries !== undefined && { retries: retries && toSchedule(retries) }),
          ...(headers !== undefined && {
            headers: headers && readHeaders(`${at}.${place}.headers`, headers, sources),
          }),
        }
      }),
    }
  })
}

/** Their values may be secrets. */
function readHeaders(
  place: string,
  headers: Readonly<Record<string, SecretReference>>,
  sources: SecretSources,
): Redacted<Record<string, string>> {
  const values = Object.entries(headers).map(([name, reference]) => {
    const value = readReference(`${place}.${name}`, reference, sources).reveal()
    if (!HEADER_VALUE_PATTERN.test(value)) {
      throw invalid(`${place}.${name} (its value is not shown) ${HEADER_VALUE_ERROR}`)
    }
    return [name, value] as const
  })
  return new Redacted(Object.fromEntries(values))
}

function checkProvider(place: string, provider: string, overrides: ProviderOverrides): void {
  const known = [...CATALOG.keys()]
  const entry = CATALOG.get(provider)
  if (entry !== undefined) {
    try {
      completeProvider(entry, overrides)
      return
    } catch (cause) {
      if (!(cause instanceof FirmaError)) throw cause
      const todo = 'correct it (docs/adding-a-provider.md)'
      throw new FirmaError(cause.code, `${place}.overrides: ${cause.message}; ${todo}`, { cause })
    }
  }
  throw invalid(`${place}: the catalog has no such provider${suggest(provider, known)}`)
}

/** A secret that the operator chose: it must not be one that can be guessed. */
function readOwn(
  place: string,
  reference: SecretReference,
  sources: SecretSources,
): Redacted<string> {
  const secret = readReference(place, reference, sources)
  if (secret.reveal().length >= SECRET_LENGTH_MIN) return secret
  throw invalid(
    `${place} (its value is not shown) is too short; it must have at least ${SECRET_LENGTH_MIN} characters, for example from: openssl rand -hex 32`,
  )
}

function readReference(
  place: string,
  reference: SecretReference,
  { variables, folder }: SecretSources,
): Redacted<string> {
  if (typeof reference === 'string') return new Redacted(reference)
  if ('env' in reference) {
    const value = variables[reference.env] ?? ''
    if (value !== '') return new Redacted(value)
    throw invalid(`${place} names the variable ${reference.env}, which is not set; set it`)
  }
  const path = resolve(folder, reference.file)
  return new Redacted(readSecretFile(`${place} names the file`, path))
}

/**
 * The text of a file that holds one secret, without the line break that editors add.
 *
 * @throws FirmaError `configuration_invalid`, beginning with `subject`.
 */
export function readSecretFile(subject: string, path: string): string {
  let text: string
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (cause) {
    const what = `${subject} "${path}", which cannot be read; correct the path or its rights`
    throw new FirmaError('configuration_invalid', what, { cause })
  }
  if (text === '') throw invalid(`${subject} "${path}", which is empty; write the secret`)
  return text
}

function invalid(message: string): FirmaError {
  return new FirmaError('configuration_invalid', message)
}
