/** Moves of people from a provider that ends to its successor, as an operator asks for them. */
import { refuseRedirectUrl } from '../core/redirect.ts'
import type { MoveKind } from '../core/provider-move.ts'
import { DAY_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, RandomDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { findEntry, successorOf } from '../providers/catalog.ts'
import { createSecret, digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import type { MoveLinkOptions, MoveProgress, MoveUser, MoveUserState } from '../store/move-users.ts'
import type { ProviderMove } from '../store/provider-moves.ts'
import type { LinksDep } from './links.ts'
import { redirectPolicy } from './start-flow.ts'
import { writeAudit } from './write-audit.ts'

type Deps = ClockDep & IdsDep & RandomDep & StoreDep & LinksDep & WakeDep

/** What a move would do. */
export interface MovePlan {
  readonly from: string
  readonly to: string
  readonly kind: MoveKind
  /** Connections to the old provider that are not deleted; degraded and revoked ones count. */
  readonly total: number
  /** Of these, people whom the app has named. */
  readonly withReference: number
  /** Of these, people who have connected the successor already. */
  readonly there: number
  /** What has to be done first, in sentences; empty when it can begin. */
  readonly obstacles: readonly string[]
}

/** Looks what a move would do; changes nothing. @throws FirmaError `resource_unknown`. */
export async function planMove(
  { store }: StoreDep,
  environment: Environment,
  from: string,
): Promise<MovePlan> {
  const { resource: to, isExchange } = getSuccessor(from)
  const kind = isExchange ? ('exchange' as const) : ('reconnect' as const)
  const enabled = await store.providerApps.listProviders(environment.id)
  const counts = await store.moveUsers.countCandidates(environment.id, { from, to })
  const obstacles = [
    ...(enabled.includes(to)
      ? []
      : [`this environment does not have ${to}; add its credentials, as for any provider`]),
    ...(isExchange && !enabled.includes(from)
      ? [`this environment does not have ${from}, whose credentials sign the exchange`]
      : []),
  ]
  return { from, to, kind, ...counts, obstacles }
}

function getSuccessor(from: string): { resource: string; isExchange: boolean } {
  const found = successorOf(from)
  if (found !== undefined) return found
  const what = findEntry(from) === undefined ? 'is unknown' : 'has no successor to move to'
  throw new FirmaError('resource_unknown', `the provider "${from.slice(0, 64)}" ${what}`)
}

/**
 * Starts a move, or takes up in the running one whoever has connected since. Exchanges begin at once.
 *
 * @throws FirmaError `resource_unknown`; `conflict` while something has to be done first.
 */
export async function startMove(
  deps: Deps,
  environment: Environment,
  request: { readonly from: string; readonly perMinute: number; readonly actor: string },
): Promise<ProviderMove> {
  const { from, perMinute, actor } = request
  const plan = await planMove(deps, environment, from)
  if (plan.obstacles.length > 0) throw new FirmaError('conflict', plan.obstacles.join('; '))
  const atMs = deps.clock.nowMs()
  const move = await deps.store.transaction(async (tx) => {
    const open = await tx.moves.findOpen(environment.id, from)
    const started: ProviderMove = open ?? {
      id: deps.ids.ordered(),
      environmentId: environment.id,
      from,
      to: plan.to,
      kind: plan.kind,
      status: 'running',
      perMinute,
      nextAtMs: atMs,
      actor,
      createdAtMs: atMs,
      endedAtMs: null,
    }
    if (open === undefined) await tx.moves.add(started)
    else await tx.moves.save(open.id, { perMinute })
    await tx.moveUsers.enrol(started, atMs)
    await audit(deps, tx, started, { actor, action: 'move.start', detail: { from, perMinute } })
    return { ...started, perMinute }
  })
  deps.wake.jobs()
  return move
}

/** @throws FirmaError `not_found`. */
export async function getMove(
  { store }: StoreDep,
  environment: Environment,
  id: string,
): Promise<ProviderMove & { readonly progress: MoveProgress }> {
  const move = await store.moves.find(environment.id, id)
  if (move === undefined) throw new FirmaError('not_found', 'this environment has no such move')
  return { ...move, progress: await store.moveUsers.progress(id) }
}

/** What an operator can do with a move. */
export type MoveAction = 'pause' | 'resume' | 'end' | 'retry'

/**
 * Pauses, resumes or ends a move, or makes what has failed due again. Links of an ended move are dead.
 *
 * @throws FirmaError `not_found`; `conflict` when it has ended.
 */
export async function changeMove(
  deps: Deps,
  subject: { readonly environment: Environment; readonly id: string; readonly actor: string },
  action: MoveAction,
): Promise<void> {
  const { environment, id, actor } = subject
  await getMove(deps, environment, id)
  await deps.store.transaction(async (tx) => {
    const move = await tx.moves.findForUpdate(id)
    if (move === undefined || move.status === 'ended') {
      throw new FirmaError('conflict', 'this move has ended; start another one')
    }
    const atMs = deps.clock.nowMs()
    if (action === 'retry') {
      if (move.kind === 'exchange') await tx.moveUsers.retryFailed(id, atMs)
    } else {
      const endedAtMs = action === 'end' ? atMs : null
      await tx.moves.save(id, { status: STATUS_AFTER[action], endedAtMs })
    }
    await audit(deps, tx, move, { actor, action: `move.${action}`, detail: {} })
  })
  deps.wake.jobs()
}

const STATUS_AFTER = { pause: 'paused', resume: 'running', end: 'ended' } as const

/** For whom links are made, and where they lead. */
export interface MoveLinkRequest extends MoveLinkOptions {
  readonly limit: number
  readonly after: string | undefined
  readonly userId: string | undefined
  readonly referenceId: string | undefined
  /** Everybody who has not arrived gets a link; without it, whoever has none that is still good. */
  readonly isRenewal: boolean
  readonly days: number
  readonly actor: string
}

/** A person's own link. It is shown this once; only its digest is kept. */
export interface MoveLink {
  readonly user: MoveUser
  readonly url: string
  readonly expiresAtMs: number
}

/**
 * Makes links for people who have not arrived yet, a page at a time. Asked again, it goes on with those who
 * have none: nobody's link ends because a caller was cut off. Where the app confirms connections, only people whom it
 * has named get one, and it has to say where they come back to.
 *
 * @throws FirmaError `not_found`, `conflict`, `redirect_url_refused`, `bad_request`.
 */
export async function makeMoveLinks(
  deps: Deps,
  { environment, id }: { readonly environment: Environment; readonly id: string },
  request: MoveLinkRequest,
): Promise<{ links: MoveLink[]; after: string | undefined }> {
  const move = await getMove(deps, environment, id)
  if (move.status !== 'running') {
    throw new FirmaError('conflict', `this move is ${move.status}; links are made while it runs`)
  }
  checkUrls(environment, request)
  const mustConfirm = environment.settings.connect.confirmation === 'required'
  const { limit, after, userId, referenceId, language, successUrl, failureUrl } = request
  const filter = { limit, after, userId, referenceId, states: LINKED_STATES[move.kind] }
  const users = await deps.store.moveUsers.list(id, filter)
  const atMs = deps.clock.nowMs()
  const expiresAtMs = atMs + request.days * DAY_MS
  const links: MoveLink[] = []
  await deps.store.transaction(async (tx) => {
    // Run again it makes others.
    links.length = 0
    for (const user of users) {
      const hasLink = user.linkExpiresAtMs !== null && user.linkExpiresAtMs > atMs
      if (hasLink && !request.isRenewal) continue
      // Nobody could confirm who came back: the link would lead nowhere.
      if (mustConfirm && user.referenceId === null) continue
      const token = createSecret(deps.random)
      const options = { language, successUrl, failureUrl }
      const link = { hash: digest(token), expiresAtMs, options, atMs }
      if (await tx.moveUsers.link(user, link)) {
        links.push({ user, url: deps.links.move(token), expiresAtMs })
      }
    }
    const detail = { links: links.length, days: request.days }
    await audit(deps, tx, move, { actor: request.actor, action: 'move.links', detail })
  })
  return { links, after: users.length < limit ? undefined : users.at(-1)?.lineageId }
}

/** Where the hub exchanges tokens, only people get a link with whom that has failed. */
const LINKED_STATES: Readonly<Record<MoveKind, readonly MoveUserState[]>> = {
  exchange: ['failed'],
  reconnect: ['to_do', 'linked', 'failed'],
}

function checkUrls(environment: Environment, { successUrl, failureUrl }: MoveLinkOptions): void {
  if (environment.settings.connect.confirmation === 'required' && successUrl === null) {
    throw new FirmaError(
      'bad_request',
      'auth_success_redirect_url is missing; this environment connects only what the app confirms, and a confirmation needs it',
    )
  }
  for (const [name, url] of [
    ['auth_success_redirect_url', successUrl],
    ['auth_failure_redirect_url', failureUrl],
  ] as const) {
    const refusal = url === null ? null : refuseRedirectUrl(url, redirectPolicy(environment))
    if (refusal !== null) throw new FirmaError('redirect_url_refused', `${name} ${refusal}`)
  }
}

async function audit(
  deps: ClockDep & IdsDep,
  tx: Parameters<typeof writeAudit>[1],
  move: ProviderMove,
  entry: { actor: string; action: string; detail: Record<string, unknown> },
): Promise<void> {
  await writeAudit(deps, tx, { ...entry, environmentId: move.environmentId, subject: move.id })
}
