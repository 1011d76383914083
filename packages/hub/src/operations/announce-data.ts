import { type DataEventType, toDataEventRecord } from '../core/event-body.ts'
import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import { FirmaError, assert } from '../errors.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import { announce } from './announce.ts'

/**
 * Announces data of a user. The data passes through untouched, and the body names the `user_id` that
 * it came for, also when that has been replaced since.
 *
 * @param userId Any `user_id` that the connection has or had.
 * @returns The event's id.
 * @throws FirmaError `user_not_found`.
 */
export async function announceData(
  deps: ClockDep & IdsDep & StoreDep & WakeDep,
  environment: Environment,
  userId: string,
  payload: { readonly type: DataEventType; readonly data: unknown },
): Promise<string> {
  const nowMs = deps.clock.nowMs()
  const eventId = await deps.store.transaction(async (tx) => {
    const connection = await tx.connections.findByAliasForUpdate(environment.id, userId)
    if (connection === undefined || connection.state.status === 'deleted') {
      throw new FirmaError('user_not_found', 'user not found')
    }
    const { state, lineageId } = connection
    const isCurrent = state.user.userId === userId
    const user = { ...state.user, userId, lastWebhookUpdateMs: nowMs }
    const isActive = isCurrent && state.status === 'active'
    const lane = { ...connection, orderKey: lineageId }
    const record = toDataEventRecord(payload.type, user, isActive, payload.data)
    const { eventIds, lastOrderingMs } = await announce(deps, tx, lane, [record])
    await tx.connections.save(
      { ...connection, lastOrderingMs, state: isCurrent ? { ...state, user } : state },
      nowMs,
    )
    const [id] = eventIds
    assert(id !== undefined, 'one record makes one event')
    return id
  })
  deps.wake.deliveries()
  return eventId
}
