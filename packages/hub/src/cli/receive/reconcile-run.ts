import type { Receiver, ReconcileOptions, ReconcileReport, Timers } from 'firma-receiver'
import type { Log } from '../../deps.ts'
import { toErrorText } from './error-text.ts'
import type { ReconcileConfig } from './config.ts'
import { toWireConnection } from './wire.ts'

/** Repairs once, now. */
export type ReconcileRun = () => Promise<Record<string, unknown>>

function toOptions({ url, devId, apiKey, environment }: ReconcileConfig): ReconcileOptions {
  const named = environment === undefined ? {} : { environment }
  return { baseUrl: url, devId, apiKey: apiKey.reveal(), ...named }
}

/** Who asks while a repair is under way gets its report: two at once would only ask the API twice. */
export function createReconcileRun(receiver: Receiver, config: ReconcileConfig): ReconcileRun {
  let underWay: Promise<Record<string, unknown>> | undefined
  return async () => {
    underWay ??= receiver
      .reconcile(toOptions(config))
      .then(toWireReport)
      .finally(() => {
        underWay = undefined
      })
    return await underWay
  }
}

/** Begins to repair on a schedule, where one is set. */
export function startSchedule(
  receiver: Receiver,
  config: ReconcileConfig,
  { log, timers }: { log: Log; timers?: Timers | undefined },
): { stop(): Promise<void> } {
  const { everyMs } = config
  if (everyMs === undefined) return { stop: async () => undefined }
  return receiver.startReconciling({
    ...toOptions(config),
    everyMs,
    ...(timers === undefined ? {} : { timer: timers }),
    onReport({ status, failure }) {
      if (status !== 'complete') log.warn({ status, failure }, 'a repair from the API fell short')
    },
    onError: (error) => log.error({ reason: toErrorText(error) }, 'a repair could not be stored'),
  })
}

function toWireReport(report: ReconcileReport): Record<string, unknown> {
  const { failure } = report
  return {
    status: report.status,
    failure:
      failure === undefined
        ? null
        : {
            reason: failure.reason,
            http_status: failure.httpStatus ?? null,
            detail: failure.detail,
          },
    users: report.users,
    new_user_ids: report.newUserIds,
    inactive_user_ids: report.inactiveUserIds,
    pending_user_ids: report.pendingUserIds,
    missing: report.missing.map(({ connection, isConfirmed }) => ({
      connection: toWireConnection(connection),
      is_confirmed: isConfirmed,
    })),
    unreadable: report.unreadable,
  }
}
