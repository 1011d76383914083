import { z } from '@hono/zod-openapi'
import {
  DESTINATION_BOUNDS,
  EVENT_TYPES_ERROR,
  HEADERS_ERROR,
  HEADER_NAMES_ERROR,
  HEADER_VALUE_ERROR,
  HEADER_VALUE_PATTERN,
  type GivenSchedule,
  SCHEDULE_ERROR,
  findEventTypeFault,
  isSchedule,
  toSchedule,
} from '../../../core/destination-settings.ts'
import { HOUR_MS, SECOND_MS, toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import { isCustomHeaderName } from '../../../event-headers.ts'
import type { DeclaredDep } from '../../../operations/declared.ts'
import { Redacted } from '../../../secret.ts'
import type { DestinationLoad } from '../../../store/delivery-health.ts'
import type {
  Destination,
  DestinationChange,
  DestinationState,
} from '../../../store/destinations.ts'
import type { StoreDep } from '../../../store/open.ts'
import { wholeNumber } from '../../schemas.ts'

export const DESTINATION_ID = z.object({ destination_id: z.string() })

const HEADERS = z
  .record(
    z.string().transform((name) => name.toLowerCase()),
    z.string().regex(HEADER_VALUE_PATTERN, { error: HEADER_VALUE_ERROR }),
  )
  .refine((headers) => Object.keys(headers).length <= DESTINATION_BOUNDS.headersMax, {
    error: HEADERS_ERROR,
  })
  .refine((headers) => Object.keys(headers).every(isCustomHeaderName), {
    error: HEADER_NAMES_ERROR,
  })

function within({ min, max }: { readonly min: number; readonly max: number }) {
  return wholeNumber(min, max)
}

const EVENT_TYPES = z
  .array(
    z
      .string()
      .refine((type) => findEventTypeFault(type) === null, {
        error: ({ input }) => findEventTypeFault(String(input)) ?? '',
      })
      .openapi({ description: '`unknown:` before a name that this version does not know.' }),
    { error: EVENT_TYPES_ERROR },
  )
  .min(DESTINATION_BOUNDS.eventTypes.min, { error: EVENT_TYPES_ERROR })
  .max(DESTINATION_BOUNDS.eventTypes.max, { error: EVENT_TYPES_ERROR })

const SCHEDULE = z.object({
  base_seconds: z.number(),
  cap_seconds: z.number(),
  window_hours: z.number(),
})

const RETRIES = z
  .object({
    base_seconds: within(DESTINATION_BOUNDS.baseSeconds),
    cap_seconds: within(DESTINATION_BOUNDS.capSeconds),
    window_hours: within(DESTINATION_BOUNDS.windowHours),
  })
  .refine((retries) => isSchedule(toGiven(retries)), { error: SCHEDULE_ERROR })

/** What an operator sets; all of it can be changed later. */
export const SETTINGS = {
  event_types: EVENT_TYPES.nullable().optional(),
  wants_extensions: z.boolean().optional(),
  timeout_ms: within(DESTINATION_BOUNDS.timeoutMs).optional(),
  concurrency: within(DESTINATION_BOUNDS.concurrency).optional(),
  retries: RETRIES.nullable().optional(),
  headers: HEADERS.nullable().optional(),
}

function toGiven({
  base_seconds: baseSeconds,
  cap_seconds: capSeconds,
  window_hours: windowHours,
}: z.output<typeof SCHEDULE>): GivenSchedule {
  return { baseSeconds, capSeconds, windowHours }
}

export const DESTINATION_URL = z.string({ error: 'is missing' }).max(2_000)

const CHANGE = z.object({ url: DESTINATION_URL.optional(), ...SETTINGS })

export function toChange(body: z.output<typeof CHANGE>): Omit<DestinationChange, 'secret'> {
  const { headers, retries } = body
  return {
    ...(body.url !== undefined && { url: body.url }),
    ...(body.event_types !== undefined && { eventTypes: body.event_types }),
    ...(body.wants_extensions !== undefined && { wantsExtensions: body.wants_extensions }),
    ...(body.timeout_ms !== undefined && { timeoutMs: body.timeout_ms }),
    ...(body.concurrency !== undefined && { concurrency: body.concurrency }),
    ...(retries !== undefined && {
      retries: retries === null ? null : toSchedule(toGiven(retries)),
    }),
    ...(headers !== undefined && { headers: headers === null ? null : new Redacted(headers) }),
  }
}

export const DESTINATION = z
  .object({
    id: z.string(),
    url: z.string(),
    event_types: z.array(z.string()).nullable(),
    wants_extensions: z.boolean(),
    /** Whether it is the destination that the configuration file follows: the oldest of an address that the file has. */
    declared: z.boolean(),
    /** What the file says of it, which the next start sets again. */
    declared_settings: z.array(z.string()),
    status: z.enum(['enabled', 'disabled']),
    disabled_reason: z.string().nullable(),
    timeout_ms: z.number(),
    concurrency: z.number(),
    retries: SCHEDULE.nullable(),
    header_names: z.array(z.string()),
    keys: z.array(
      z.object({
        id: z.string(),
        kind: z.enum(['hmac', 'ed25519']),
        public_key: z.string().nullable(),
        expires_at: z.string().nullable(),
      }),
    ),
    created_at: z.string(),
  })
  .openapi('Destination')

/** As the API shows it; no secret, and of headers their names alone. */
export async function toWireDestination(
  { declared, store }: DeclaredDep & StoreDep,
  destination: Destination,
): Promise<z.output<typeof DESTINATION>> {
  const { retries, environmentId, url } = destination
  const settings = declared.findDestination(environmentId, url)
  const isDeclared = settings !== undefined && (await store.destinations.isOldestAt(destination))
  return {
    id: destination.id,
    url,
    event_types: destination.eventTypes === null ? null : [...destination.eventTypes],
    wants_extensions: destination.wantsExtensions,
    declared: isDeclared,
    declared_settings: isDeclared ? [...settings] : [],
    status: destination.status,
    disabled_reason: destination.disabledReason,
    timeout_ms: destination.timeoutMs,
    concurrency: destination.concurrency,
    retries:
      retries === null
        ? null
        : {
            base_seconds: retries.baseMs / SECOND_MS,
            cap_seconds: retries.capMs / SECOND_MS,
            window_hours: retries.windowMs / HOUR_MS,
          },
    header_names: Object.keys(destination.headers?.reveal() ?? {}),
    keys: destination.signingKeys.map((key) => ({
      id: key.id,
      kind: key.kind,
      public_key:
        key.publicKey === null
          ? null
          : `whpk_${Buffer.from(key.publicKey, 'base64url').toString('base64')}`,
      expires_at: toTimestampOrNull(key.expiresAtMs),
    })),
    created_at: toTimestamp(destination.createdAtMs),
  }
}

export const HEALTH = z.object({
  breaker: z.enum(['closed', 'open']),
  failing_since: z.string().nullable(),
  failures: z.number(),
  /** Data is tried then, with one delivery, and not before. */
  next_probe_at: z.string().nullable(),
  /** The same of events of connections, of which ten have failed, too. */
  connections_next_probe_at: z.string().nullable(),
  /** It answered 429 or 503 with Retry-After: no data is sent to it before then. */
  quiet_until: z.string().nullable(),
  /** The same of events of connections, to one of which it answered so. */
  connections_quiet_until: z.string().nullable(),
  owed: z.number(),
  oldest_owed_at: z.string().nullable(),
  recent: z.object({ delivered: z.number(), failed: z.number(), attempts: z.number() }),
})

export function toWireHealth(
  {
    breaker,
    quietUntilMs,
    stateQuietUntilMs,
  }: Pick<DestinationState, 'breaker' | 'quietUntilMs' | 'stateQuietUntilMs'>,
  load: DestinationLoad,
  nowMs: number,
): z.output<typeof HEALTH> {
  const future = (atMs: number | null) => toTimestampOrNull((atMs ?? 0) > nowMs ? atMs : null)
  return {
    breaker: breaker.probeAtMs === null ? 'closed' : 'open',
    failing_since: toTimestampOrNull(breaker.failingSinceMs),
    failures: breaker.failures,
    next_probe_at: toTimestampOrNull(breaker.probeAtMs),
    connections_next_probe_at: toTimestampOrNull(breaker.stateProbeAtMs),
    quiet_until: future(quietUntilMs),
    connections_quiet_until: future(stateQuietUntilMs),
    owed: load.owed,
    oldest_owed_at: toTimestampOrNull(load.oldestOwedAtMs),
    recent: load.recent,
  }
}
