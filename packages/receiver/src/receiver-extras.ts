/** What a receiver offers beside taking events in and looking connections up. */
import type { ChangeListener, ChangesOptions, ConnectionChange } from './changes.ts'
import {
  confirmRedirect,
  type ConfirmRedirectOptions,
  type RedirectConfirmation,
} from './confirm-redirect.ts'
import {
  checkApi,
  checkFunction,
  checkObject,
  checkReferenceId,
  toLookupText,
} from './check-options.ts'
import { toLineageAlias } from './core/fold.ts'
import { erase, type EraseReport } from './erase.ts'
import { explain, type Explanation } from './explain.ts'
import type { ReceiverContext } from './receiver-context.ts'
import { ReceiverError } from './receiver-error.ts'
import { reconcile, type ReconcileOptions, type ReconcileReport } from './reconcile.ts'
import { recover, type RecoverOptions, type RecoverReport } from './recover.ts'
import {
  scheduleRepairs,
  type ReconcileScheduleOptions,
  type RecoverScheduleOptions,
  type RepairSchedule,
} from './repair-schedule.ts'

/** Names a connection. */
export type ConnectionName =
  /** Any `user_id` that it has or had. */
  | string
  /** Its lineage id, or one that it had before older aliases became known. */
  | {
      /** The lineage id. */
      lineageId: string
    }

/** Repairs, explanations, changes and erasure. */
export interface ReceiverExtras {
  /**
   * Asks the API which connections there are and learns what was missed. Never disconnects anybody for being absent: see
   * {@link ReconcileReport.missing}. Failures of the API are in the report, and then nothing was changed.
   *
   * @throws the store's error; RangeError for a bound that is none.
   */
  reconcile(options: ReconcileOptions): Promise<ReconcileReport>
  /** Reconciles now and then after each pause, until it is stopped. */
  startReconciling(options: ReconcileScheduleOptions): RepairSchedule
  /**
   * Fetches from a hub what it would have delivered, from where the last call ended, and takes it in like deliveries: in the hub's order, verified, each event once. A
   * repair of any outage by ourselves alone. The hub must keep events no longer than this inbox, or those that were deleted here come again.
   *
   * @throws the store's error; RangeError for a bound that is none.
   */
  recover(options: RecoverOptions): Promise<RecoverReport>
  /** Recovers now and then after each pause, until it is stopped. */
  startRecovering(options: RecoverScheduleOptions): RepairSchedule
  /**
   * Decides what the address that a person came back with is worth: anybody can type one.
   *
   * @throws VerificationError `secret_missing` for an empty secret; TypeError for an address that is none; the store's error.
   */
  confirmRedirect(
    url: string | URL,
    options?: ConfirmRedirectOptions,
  ): Promise<RedirectConfirmation>
  /** Why a connection is in its state, what happened, and what to do; `undefined` when it is not known. */
  explain(
    name: ConnectionName,
    options?: {
      /** Label of the environment; the receiver's own by default. */
      environment?: string
    },
  ): Promise<Explanation | undefined>
  /** Calls `listener` for every change that this process commits, and for none of other processes; returns how to stop. */
  subscribe(listener: ChangeListener): () => void
  /**
   * The same changes to be read with `for await`, from this call on.
   *
   * @throws (while reading) ReceiverError `changes_missed` when more changes waited than the buffer holds.
   */
  changes(options?: ChangesOptions): AsyncIterableIterator<ConnectionChange>
  /**
   * Erases an end user: bodies, headers, names and scopes. What stays is that events of some type existed at some time, about
   * digests of the `user_id`s, with the keys that repetitions are known by. Later events about these `user_id`s are accepted, and stay
   * erased. Walks the whole inbox, and holds up nobody meanwhile. Nothing is promised until it resolves: after a failure or a crash call
   * it again, and it goes on by a note under a digest of the `reference_id`, which goes when it resolves.
   */
  erase(
    referenceId: string,
    options?: {
      /** Only in this environment; in the receiver's own, else in all, by default. */
      environment?: string
    },
  ): Promise<EraseReport>
}

/** Makes them over what a receiver shares. */
export function createExtras(context: ReceiverContext): ReceiverExtras {
  const { feed } = context
  const run = async (options: ReconcileOptions): Promise<ReconcileReport> => {
    checkApi(options, 'reconcile')
    return reconcile(context, options)
  }
  const pull = async (options: RecoverOptions): Promise<RecoverReport> => {
    checkApi(options, 'recover')
    return recover(context, options)
  }
  return {
    reconcile: run,
    startReconciling(schedule) {
      checkApi(schedule, 'startReconciling')
      return scheduleRepairs(run, schedule)
    },
    recover: pull,
    startRecovering(schedule) {
      checkApi(schedule, 'startRecovering')
      return scheduleRepairs(pull, schedule)
    },
    async confirmRedirect(url, options = {}) {
      checkObject(options, 'confirmRedirect takes an address and an object')
      if (options.api !== undefined) checkApi(options.api, 'confirmRedirect with api')
      return confirmRedirect(context, url, options)
    },
    async explain(name, options) {
      const userId = toNamedUser(name)
      if (userId === undefined) return undefined
      const environment = options?.environment ?? context.environment
      if (environment !== undefined) return explain(context, environment, userId)
      const found = await context.store.transaction((tx) => tx.listEnvironments(userId), {
        kind: 'read',
      })
      const [only, other] = found
      if (only === undefined) return undefined
      if (other === undefined) return explain(context, only, userId)
      throw new ReceiverError(
        'environment_required',
        `user_id ${userId} exists in several environments ("${only}", "${other}"); name one`,
      )
    },
    subscribe(listener) {
      checkFunction('listener', listener)
      return feed.subscribe(listener)
    },
    changes(options = {}) {
      checkObject(options, 'changes takes an object')
      return feed.changes(options)
    },
    async erase(referenceId, options) {
      checkReferenceId(referenceId)
      return erase(context, referenceId, options?.environment ?? context.environment)
    },
  }
}

/** A `user_id` that the connection has or had; `undefined` for a lineage id that is none. */
function toNamedUser(name: ConnectionName): string | undefined {
  const expected = 'explain needs a user_id or { lineageId }'
  if (typeof name === 'number' || typeof name === 'bigint') return toLookupText('userId', name)
  if (typeof name === 'string') return name
  checkObject(name, expected)
  if ('lineageId' in name) return toLineageAlias(toLookupText('lineageId', name.lineageId) ?? '')
  throw new TypeError(`${expected}; found an object without lineageId`)
}
