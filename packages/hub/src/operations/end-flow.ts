/** The end of a flow, whichever: what is announced, and where the browser goes. */
import { signRedirect } from 'firma-receiver'
import { type EndedFlow, decide } from '../core/connection.ts'
import { toEventRecord } from '../core/event-body.ts'
import type { FLOW_FAILURES } from '../core/flow.ts'
import { matchKey } from '../core/match.ts'
import { appendParameters } from '../core/redirect.ts'
import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, NetworkDep, WakeDep } from '../deps.ts'
import { Redacted } from '../secret.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { announce } from './announce.ts'
import { writeAudit, writeTraffic } from './write-audit.ts'

/** How long the signature of a redirect counts, from the moment the browser is sent off. */
const REDIRECT_LIFETIME_MS = 5 * MINUTE_MS

/** Open flows of one session that are looked at; there is rarely more than one. */
const OPEN_FLOWS_MAX = 10

/** What the core needs to know of a flow. */
export function toEndedFlow(flow: Flow): EndedFlow {
  return {
    flowId: flow.id,
    widgetSessionId: flow.widgetSessionId,
    referenceId: flow.referenceId,
    provider: flow.provider,
    reservedUserId: flow.reservedUserId,
  }
}

/** How a flow came to nothing. */
export interface Failure {
  /** A key of FLOW_FAILURES or the provider's own error code. */
  readonly reason: string
  /** What the provider had granted by then, to be given back. */
  readonly leftover?: LeftoverGrant | undefined
}

/** A grant that no connection will use. */
export interface LeftoverGrant {
  /** The token set as JSON text. */
  readonly json: Redacted<string>
  /** Null where it is not known. */
  readonly providerAccountId: string | null
}

/**
 * Ends a flow that came to nothing and announces it, once however often it is called. A grant that is
 * left over goes to the outbox in the same transaction, also when somebody else has ended the flow.
 */
export async function failFlow(
  deps: ClockDep & IdsDep & NetworkDep & StoreDep & WakeDep,
  environment: Environment,
  flow: Flow,
  { reason, leftover }: Failure,
): Promise<void> {
  const atMs = deps.clock.nowMs()
  await deps.store.transaction(async (tx) => {
    if (leftover !== undefined) await addLeftover(deps, tx, flow, leftover)
    if (!(await tx.flows.end(flow.id, { status: 'failed', reason, atMs }))) return
    const wasHeld = await giveHeldBack(deps, tx, flow)
    // Who waits for a confirmation has come back before.
    const isCallback = flow.status === 'exchanging' && !wasHeld
    const action = isCallback ? 'flow.callback' : 'flow.end'
    await recordEnd(deps, tx, flow, { action, result: reason })
    if (REFUSALS.has(reason)) await auditRefusal(deps, tx, flow, reason)
    const { continuesLineageId } = flow
    if (continuesLineageId !== undefined)
      await tx.moveUsers.markFailed(continuesLineageId, reason, atMs)
    const present = await findPresent(tx, environment, flow)
    const { events } = decide(
      present?.state ?? { status: 'absent' },
      { type: 'flow_failed', atMs, flow: toEndedFlow(flow), reason },
      environment.settings,
    )
    const lineageId = present?.lineageId ?? null
    const { lastOrderingMs } = await announce(
      deps,
      tx,
      {
        environmentId: environment.id,
        lineageId,
        orderKey: lineageId ?? flow.id,
        lastOrderingMs: present?.lastOrderingMs ?? 0,
      },
      events.map(toEventRecord),
    )
    if (present !== undefined) await tx.connections.save({ ...present, lastOrderingMs }, atMs)
  })
  deps.wake.deliveries()
  deps.wake.revocations()
}

/**
 * Records how a flow ended: `flow.callback` where the browser has come back from the provider with it, `flow.end`
 * where time, another choice or a confirmation decided.
 */
export async function recordEnd(
  deps: ClockDep & IdsDep & NetworkDep,
  tx: Pick<Tables, 'traffic'>,
  flow: Flow,
  { action, result }: { readonly action: 'flow.callback' | 'flow.end'; readonly result: string },
): Promise<void> {
  const { id, environmentId, provider, reservedUserId, widgetSessionId } = flow
  await writeTraffic(deps, tx, {
    environmentId,
    actor: action === 'flow.callback' ? 'browser' : 'system',
    action,
    subject: reservedUserId,
    detail: { flow_id: id, widget_session_id: widgetSessionId ?? undefined, provider, result },
  })
}

/** Reasons that somebody who looks for an attack will look for. */
const REFUSALS: ReadonlySet<string> = new Set<keyof typeof FLOW_FAILURES>([
  'not_confirmed',
  'other_end_user',
  'account_in_use',
  'other_account',
])

async function auditRefusal(
  deps: ClockDep & IdsDep,
  tx: Tables,
  { id, environmentId, provider, reservedUserId }: Flow,
  reason: string,
): Promise<void> {
  await writeAudit(deps, tx, {
    environmentId,
    actor: 'system',
    action: 'connection.refuse',
    subject: reservedUserId,
    detail: { flow_id: id, provider, reason },
  })
}

/** A flow that is never confirmed has a grant that nobody will use. */
async function giveHeldBack(deps: ClockDep & IdsDep, tx: Tables, flow: Flow): Promise<boolean> {
  const held = await tx.heldGrants.take(flow.id)
  if (held === undefined) return false
  if (held.grantJson === null) return true
  const { tokenSet } = JSON.parse(held.grantJson.reveal()) as { tokenSet: unknown }
  const json = new Redacted(JSON.stringify(tokenSet))
  await addLeftover(deps, tx, flow, { json, providerAccountId: held.providerAccountId })
  return true
}

async function addLeftover(
  deps: ClockDep & IdsDep,
  tx: Tables,
  flow: Flow,
  leftover: LeftoverGrant,
): Promise<void> {
  await tx.revocations.add({
    id: deps.ids.ordered(),
    environmentId: flow.environmentId,
    provider: flow.provider,
    providerAccountId: leftover.providerAccountId,
    lineageId: null,
    flowId: flow.id,
    tokenSetJson: leftover.json,
    createdAtMs: deps.clock.nowMs(),
  })
}

/**
 * A link connects once, so one attempt of its session goes on at most: the others end as cancelled. One
 * whose code is being exchanged runs to its own end.
 */
export async function cancelOpenFlows(
  deps: ClockDep & IdsDep & StoreDep & WakeDep,
  environment: Environment,
  widgetSessionId: string,
  isSpared: (flow: Flow) => boolean = () => false,
): Promise<void> {
  const open = await deps.store.flows.listOpenOfSession(widgetSessionId, OPEN_FLOWS_MAX)
  for (const flow of open) {
    if (flow.status === 'exchanging' || isSpared(flow)) continue
    await failFlow(deps, environment, flow, { reason: 'auth_cancelled' })
  }
}

/** The connection that this flow would have continued: a failed try belongs to its history. */
async function findPresent(
  tx: Tables,
  environment: Environment,
  flow: Flow,
): Promise<Connection | undefined> {
  // Without a reference_id only the account tells, and a failed flow has not learnt it.
  if (flow.referenceId === null || environment.settings.matchPolicy !== 'reference')
    return undefined
  const subject = { provider: flow.provider, referenceId: flow.referenceId, providerAccountId: '' }
  return await tx.connections.findByMatchKeyForUpdate(
    environment.id,
    matchKey('reference', subject),
  )
}

/** Where the browser of an ended flow goes. */
export type Ending =
  | { readonly type: 'redirect'; readonly url: string }
  /** The app gave no URL for this end: a page of ours. */
  | { readonly type: 'page'; readonly flow: Flow }

/** @returns The app's own URL with what happened added and signed, or a page of ours. */
export async function endingOf(
  deps: ClockDep,
  environment: Environment,
  flow: Flow,
): Promise<Ending> {
  const hasSucceeded = flow.status === 'succeeded'
  const url = hasSucceeded ? flow.successUrl : flow.failureUrl
  if (url === null) return { type: 'page', flow }
  const facts = {
    ...(hasSucceeded && { user_id: flow.reservedUserId }),
    ...(flow.referenceId !== null && { reference_id: flow.referenceId }),
    resource: flow.provider,
    ...(!hasSucceeded && { reason: flow.reason ?? 'unknown' }),
  }
  return { type: 'redirect', url: await signedUrl(deps, environment, url, facts) }
}

/**
 * Where the browser goes whose flow the app has to confirm: back to the app, with the code and without the
 * `user_id`, so that nobody takes it for a connection.
 */
export async function confirmationUrl(
  deps: ClockDep,
  environment: Environment,
  flow: Flow & { readonly successUrl: string },
  confirmCode: string,
): Promise<string> {
  return await signedUrl(deps, environment, flow.successUrl, {
    ...(flow.referenceId !== null && { reference_id: flow.referenceId }),
    resource: flow.provider,
    confirm_code: confirmCode,
  })
}

/**
 * Where the browser of a link goes that came to nothing before a provider was chosen.
 *
 * @returns Null when the app gave no failure URL.
 */
export async function unusedLinkUrl(
  deps: ClockDep,
  environment: Environment,
  link: { readonly failureUrl: string | null; readonly referenceId: string | null },
  reason: 'expired' | 'auth_cancelled',
): Promise<string | null> {
  if (link.failureUrl === null) return null
  const facts = { ...(link.referenceId !== null && { reference_id: link.referenceId }), reason }
  return await signedUrl(deps, environment, link.failureUrl, facts)
}

async function signedUrl(
  deps: ClockDep,
  environment: Environment,
  url: string,
  facts: Readonly<Record<string, string>>,
): Promise<string> {
  const expiresAtSeconds = Math.floor((deps.clock.nowMs() + REDIRECT_LIFETIME_MS) / 1_000)
  // The app's own URL may bring a parameter of the same name. Whoever verifies sees it too, so it is signed.
  const present = Object.fromEntries(new URL(url).searchParams)
  const signature = await signRedirect(
    { ...present, ...facts },
    environment.redirectSecret.reveal(),
    expiresAtSeconds,
  )
  return appendParameters(url, { ...facts, ...signature })
}
