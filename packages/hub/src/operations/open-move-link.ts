/** A person opens the link that takes a connection to the successor of its provider. */
import { LINK_LIFETIME_MS } from '../core/flow.ts'
import type { ClockDep, IdsDep, NetworkDep, RandomDep, WakeDep } from '../deps.ts'
import { createSecret, digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import type { MoveLinkOptions } from '../store/move-users.ts'
import type { ProviderMove } from '../store/provider-moves.ts'
import type { LinksDep } from './links.ts'
import { addLinkedFlow } from './start-flow.ts'

/** What a link leads to. */
export type MoveVisit =
  | { readonly verdict: 'unknown' }
  | {
      readonly verdict: 'open' | 'used' | 'expired'
      readonly environment: Environment
      readonly move: ProviderMove
      readonly options: MoveLinkOptions
      readonly lineageId: string
    }

/** Looks at a link; changes nothing, because mail programs open links to look at them. */
export async function visitMove(deps: ClockDep & StoreDep, token: string): Promise<MoveVisit> {
  const found = await deps.store.moveUsers.findByLink(digest(token))
  if (found === undefined) return { verdict: 'unknown' }
  const { move, lineageId, options, expiresAtMs } = found
  const environment = await deps.store.environments.find(move.environmentId)
  const connection = await deps.store.connections.find(lineageId)
  if (environment === undefined || connection === undefined) return { verdict: 'unknown' }
  const isGone =
    connection.state.status === 'deleted' || connection.state.user.provider !== move.from
  const isOver = deps.clock.nowMs() >= expiresAtMs || move.status !== 'running'
  const verdict = isGone ? 'used' : isOver ? 'expired' : 'open'
  return { verdict, environment, move, options, lineageId }
}

/**
 * The person goes on: begins a flow as `authenticateUser` does, whose link is for this browser alone. The move's
 * link stays good until somebody has arrived.
 *
 * @returns The flow's link.
 */
export async function beginMove(
  deps: ClockDep & IdsDep & RandomDep & NetworkDep & StoreDep & LinksDep & WakeDep,
  visit: Extract<MoveVisit, { verdict: 'open' | 'used' | 'expired' }>,
): Promise<string> {
  const { environment, move, options, lineageId } = visit
  const connection = await deps.store.connections.find(lineageId)
  const token = createSecret(deps.random)
  const nowMs = deps.clock.nowMs()
  await addLinkedFlow(
    deps,
    {
      id: deps.ids.uuid(),
      environmentId: environment.id,
      widgetSessionId: null,
      provider: move.to,
      referenceId: connection?.state.user.referenceId ?? null,
      reservedUserId: deps.ids.uuid(),
      ...options,
      browserHash: null,
      stateExpiresAtMs: null,
      codeVerifier: null,
      status: 'created',
      deadlineMs: nowMs + LINK_LIFETIME_MS,
      reason: null,
      createdAtMs: nowMs,
      endedAtMs: null,
      continuesLineageId: lineageId,
    },
    { token, actor: 'browser' },
  )
  deps.wake.flows(nowMs + LINK_LIFETIME_MS)
  return deps.links.direct(token)
}
