import type {
  Receiver,
  ReconcileOptions,
  ReconcileReport,
  RecoverReport,
  Timers,
} from 'firma-receiver'
import type { Log } from '../../deps.ts'
import { toErrorText } from './error-text.ts'
import type { ReconcileConfig } from './config.ts'
import { toWireConnection } from './wire.ts'

/** Repairs once, now. */
export type ReconcileRun = () => Promise<Record<string, unknown>>

function toApi({ devId, apiKey }: ReconcileConfig): { devId: string; apiKey: string } {
  return { devId, apiKey: apiKey.reveal() }
}

function toOptions(config: ReconcileConfig, baseUrl: string): ReconcileOptions {
  const { environment } = config
  return { baseUrl, ...toApi(config), ...(environment === undefined ? {} : { environment }) }
}

/**
 * Who asks while a repair is under way gets its report: two at once would only ask the API twice.
 *
 * @returns `undefined` when no API is set to ask.
 */
export function createReconcileRun(
  receiver: Receiver,
  config: ReconcileConfig | undefined,
): ReconcileRun | undefined {
  if (config?.url === undefined) return undefined
  const options = toOptions(config, config.url)
  let underWay: Promise<Record<string, unknown>> | undefined
  return async () => {
    underWay ??= receiver
      .reconcile(options)
      .then(toWireReport)
      .finally(() => {
        underWay = undefined
      })
    return await underWay
  }
}

/** Begins to repair on a schedule, where one is set: from a hub's events, and from an API's users. */
export function startSchedule(
  receiver: Receiver,
  config: ReconcileConfig,
  { log, timers }: { log: Log; timers?: Timers | undefined },
): { stop(): Promise<void> } {
  const { url, recoverUrl, recoverDestination: destinationId, everyMs } = config
  if (everyMs === undefined) return { stop: async () => undefined }
  const schedule = {
    everyMs,
    ...(timers === undefined ? {} : { timer: timers }),
    onReport(report: ReconcileReport | RecoverReport) {
      const { status, failure } = report
      const gap = 'gap' in report ? report.gap : undefined
      if (status !== 'complete') log.warn({ status, failure, gap }, 'a repair fell short')
    },
    onError: (error: unknown) =>
      log.error({ reason: toErrorText(error) }, 'a repair could not be stored'),
  }
  const running = [
    url === undefined ? [] : receiver.startReconciling({ ...toOptions(config, url), ...schedule }),
    recoverUrl === undefined
      ? []
      : receiver.startRecovering({
          baseUrl: recoverUrl,
          ...(destinationId === undefined ? {} : { destinationId }),
          ...toApi(config),
          ...schedule,
        }),
  ].flat()
  return {
    async stop() {
      for (const each of running) await each.stop()
    },
  }
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
