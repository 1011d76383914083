import type {
  ClockDep,
  FetchDep,
  IdsDep,
  LogDep,
  NetworkDep,
  RandomDep,
  TimerDep,
  WakeDep,
} from '../deps.ts'
import type { MetricsDep } from '../metrics.ts'
import type { DeclaredDep } from '../operations/declared.ts'
import type { NoticeDeps } from '../operations/receive-notice.ts'
import type { LinksDep } from '../operations/links.ts'
import type { RotationDep } from '../operations/rotate-keys.ts'
import type { RatesDep } from '../operations/provider-rates.ts'
import type { RefreshDep } from '../operations/stored-tokens.ts'
import type { BellDep } from '../operations/watch-changes.ts'
import type { Attempt } from '../store/attempts.ts'
import type { HandOverDep } from '../store/delivery-claims.ts'
import type { Destination } from '../store/destinations.ts'
import type { StoredEvent } from '../store/events.ts'
import type { StoreDep } from '../store/open.ts'
import type { LimitsDep } from './rate-limit.ts'

/** What the routes hand on to operations. */
export interface AppDeps
  extends
    ClockDep,
    TimerDep,
    RandomDep,
    IdsDep,
    NoticeDeps,
    LogDep,
    FetchDep,
    WakeDep,
    NetworkDep,
    HandOverDep,
    LinksDep,
    StoreDep,
    RatesDep,
    RefreshDep,
    LimitsDep,
    BellDep,
    AttemptDep,
    DeclaredDep,
    MetricsDep,
    RotationDep {
  /** Who may read `/metrics`. */
  readonly metricsFor: 'operator' | 'loopback'
  /** Whether everything will be undone: what may take long tries a part of it, for it holds up whoever writes. */
  readonly isRehearsal?: boolean
}

/** Sends one delivery, on the same path as all others, and keeps no record of it. */
export interface AttemptDep {
  readonly attempt: (destination: Destination, event: StoredEvent) => Promise<Attempt>
}
