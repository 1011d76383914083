import type { ClockDep, FetchDep, IdsDep, LogDep, RandomDep, TimerDep, WakeDep } from '../deps.ts'
import type { LinksDep } from '../operations/links.ts'
import type { RefreshDep } from '../operations/stored-tokens.ts'
import type { StoreDep } from '../store/open.ts'
import type { LimitsDep } from './rate-limit.ts'

/** What the routes hand on to operations. */
export interface AppDeps
  extends
    ClockDep,
    TimerDep,
    RandomDep,
    IdsDep,
    LogDep,
    FetchDep,
    WakeDep,
    LinksDep,
    StoreDep,
    RefreshDep,
    LimitsDep {}
