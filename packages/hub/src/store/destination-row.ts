/** Destinations as rows. */
import type { Insertable, Selectable, Updateable } from 'kysely'
import type { Breaker } from '../core/breaker.ts'
import type { RetrySchedule } from '../core/retry.ts'
import type { Sealer } from '../seal.ts'
import { Redacted } from '../secret.ts'
import type { Schema } from './schema.ts'
import type { SigningKey } from './signing-keys.ts'

/** Where events of an environment go. */
export interface Destination {
  readonly id: string
  readonly environmentId: string
  readonly url: string
  /** Signs what is sent there. */
  readonly secret: Redacted<string>
  /** Null takes every type. */
  readonly eventTypes: readonly string[] | null
  /** Whether event types that Terra does not have are sent too. */
  readonly wantsExtensions: boolean
  readonly status: 'enabled' | 'disabled'
  readonly disabledReason: string | null
  /** Longest time for one attempt, in milliseconds. */
  readonly timeoutMs: number
  /** Deliveries of data that may be under way to it at once, and as many of what happened to connections; per process. */
  readonly concurrency: number
  /** When failed attempts are repeated; null takes the default. */
  readonly retries: RetrySchedule | null
  /** Headers that the operator adds to each delivery. */
  readonly headers: Redacted<Readonly<Record<string, string>>> | null
  /** Attempts before this belong to an earlier series; null where it was never disabled. */
  readonly resumedAtMs: number | null
  /** Keys that sign beside the secret: earlier secrets until they expire, Ed25519 keys. */
  readonly signingKeys: readonly SigningKey[]
  readonly createdAtMs: number
}

/** What whoever delivers asks about a destination at each turn. */
export interface DestinationState {
  readonly id: string
  readonly status: Destination['status']
  /** Grows with each change of anything that {@link Destination} has. */
  readonly version: number
  readonly concurrency: number
  readonly breaker: Breaker
  /** It asked to be sent no data before then; null where it did not, or where nobody has asked since. */
  readonly quietUntilMs: number | null
  /** The same of what happened to connections: never later. */
  readonly stateQuietUntilMs: number | null
  /** The newest ordering timestamp of what was told about it; 0 before anything was. */
  readonly lastOrderingMs: number
}

/** {@link Destination.concurrency} where nothing else is said. */
export const CONCURRENCY_DEFAULT = 8

/** What an operator may change; `null` goes back to the default. */
export type DestinationChange = Partial<
  Pick<
    Destination,
    | 'url'
    | 'eventTypes'
    | 'wantsExtensions'
    | 'timeoutMs'
    | 'concurrency'
    | 'retries'
    | 'headers'
    | 'secret'
  >
>

/** The part of a destination that decides whether an event is owed to it. */
export type Subscription = Pick<Destination, 'id' | 'eventTypes' | 'wantsExtensions' | 'status'> &
  Omit<DestinationState, 'id' | 'status'>

export type StateRow = Pick<
  Selectable<Schema['destination']>,
  | 'id'
  | 'status'
  | 'version'
  | 'concurrency'
  | 'failures'
  | 'failing_since_ms'
  | 'warned'
  | 'probe_at_ms'
  | 'state_failures'
  | 'state_probe_at_ms'
  | 'quiet_until_ms'
  | 'state_quiet_until_ms'
  | 'last_ordering_ms'
>

export function toState(row: StateRow): DestinationState {
  return {
    id: row.id,
    status: row.status,
    version: row.version,
    concurrency: row.concurrency,
    breaker: {
      failures: row.failures,
      failingSinceMs: row.failing_since_ms,
      warned: row.warned,
      probeAtMs: row.probe_at_ms,
      stateFailures: row.state_failures,
      stateProbeAtMs: row.state_probe_at_ms,
    },
    quietUntilMs: row.quiet_until_ms,
    stateQuietUntilMs: row.state_quiet_until_ms,
    lastOrderingMs: row.last_ordering_ms,
  }
}

/** Nobody has asked to be left alone since. */
export const NOT_QUIET = { quiet_until_ms: null, state_quiet_until_ms: null }

export function toBreakerRow(breaker: Breaker): Updateable<Schema['destination']> {
  return {
    failures: breaker.failures,
    failing_since_ms: breaker.failingSinceMs,
    warned: breaker.warned,
    probe_at_ms: breaker.probeAtMs,
    state_failures: breaker.stateFailures,
    state_probe_at_ms: breaker.stateProbeAtMs,
  }
}

export function toRow(destination: Destination, sealer: Sealer): Insertable<Schema['destination']> {
  const row = { id: destination.id, environment_id: destination.environmentId }
  return {
    ...row,
    url: destination.url,
    secret_sealed: sealer.seal(destination.secret.reveal(), place(row)),
    event_types: fromEventTypes(destination.eventTypes),
    wants_extensions: destination.wantsExtensions ? 1 : 0,
    status: destination.status,
    disabled_reason: destination.disabledReason,
    timeout_ms: destination.timeoutMs,
    concurrency: destination.concurrency,
    resumed_at_ms: destination.resumedAtMs,
    ...toRetryRow(destination.retries),
    headers_sealed: sealHeaders(row, destination.headers, sealer),
    created_at_ms: destination.createdAtMs,
  }
}

/** What is left out stays. */
export function toChangeRow(
  destination: Destination,
  change: DestinationChange,
  sealer: Sealer,
): Updateable<Schema['destination']> {
  const row = { id: destination.id, environment_id: destination.environmentId }
  return {
    // Whoever asked to be left alone is not who is asked from now on.
    ...(change.url !== undefined && { url: change.url, ...NOT_QUIET }),
    ...(change.eventTypes !== undefined && { event_types: fromEventTypes(change.eventTypes) }),
    ...(change.wantsExtensions !== undefined && {
      wants_extensions: change.wantsExtensions ? 1 : 0,
    }),
    ...(change.timeoutMs !== undefined && { timeout_ms: change.timeoutMs }),
    ...(change.concurrency !== undefined && { concurrency: change.concurrency }),
    ...(change.retries !== undefined && toRetryRow(change.retries)),
    ...(change.headers !== undefined && {
      headers_sealed: sealHeaders(row, change.headers, sealer),
    }),
    ...(change.secret !== undefined && {
      secret_sealed: sealer.seal(change.secret.reveal(), place(row)),
    }),
  }
}

function sealHeaders(
  row: { id: string; environment_id: string },
  headers: Destination['headers'],
  sealer: Sealer,
): string | null {
  return headers === null
    ? null
    : sealer.seal(JSON.stringify(headers.reveal()), place(row, 'headers'))
}

function place(row: { id: string; environment_id: string }, column = 'secret') {
  return {
    table: 'destination',
    column,
    rowId: row.id,
    environmentId: row.environment_id,
  }
}

function toRetryRow(retries: RetrySchedule | null) {
  return {
    retry_base_ms: retries?.baseMs ?? null,
    retry_cap_ms: retries?.capMs ?? null,
    retry_window_ms: retries?.windowMs ?? null,
  }
}

function toRetries(row: Selectable<Schema['destination']>): RetrySchedule | null {
  const { retry_base_ms: baseMs, retry_cap_ms: capMs, retry_window_ms: windowMs } = row
  return baseMs === null || capMs === null || windowMs === null ? null : { baseMs, capMs, windowMs }
}

export function toDestination(
  row: Selectable<Schema['destination']>,
  sealer: Sealer,
  signingKeys: readonly SigningKey[],
): Destination {
  return {
    id: row.id,
    environmentId: row.environment_id,
    url: row.url,
    secret: new Redacted(sealer.open(row.secret_sealed, place(row))),
    eventTypes: toEventTypes(row.event_types),
    wantsExtensions: row.wants_extensions === 1,
    status: row.status,
    disabledReason: row.disabled_reason,
    timeoutMs: row.timeout_ms,
    concurrency: row.concurrency,
    resumedAtMs: row.resumed_at_ms,
    retries: toRetries(row),
    headers:
      row.headers_sealed === null
        ? null
        : new Redacted(
            JSON.parse(sealer.open(row.headers_sealed, place(row, 'headers'))) as Record<
              string,
              string
            >,
          ),
    signingKeys,
    createdAtMs: row.created_at_ms,
  }
}

export function toEventTypes(json: string | null): string[] | null {
  return json === null ? null : (JSON.parse(json) as string[])
}

function fromEventTypes(types: Destination['eventTypes']): string | null {
  return types === null ? null : JSON.stringify(types)
}
