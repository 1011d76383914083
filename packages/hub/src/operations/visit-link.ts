/** A browser opens a link: the first one gets it, every other one is turned away. */
import { LINK_LIFETIME_MS, type LinkVerdict, judgeLink } from '../core/flow.ts'
import type { ClockDep, IdsDep, NetworkDep, RandomDep, WakeDep } from '../deps.ts'
import { assert } from '../errors.ts'
import { createSecret, digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import type { WidgetSession } from '../store/widget-sessions.ts'
import { failFlow } from './end-flow.ts'
import { type Traffic, writeRefusal, writeTraffic } from './write-audit.ts'

/** Reads the secret that this browser got for a session or flow; null when it has none. */
export type BrowserSecrets = (claimId: string) => string | null

/** What a visit comes to. */
export type Visit<T> =
  | {
      readonly verdict: 'open'
      readonly environment: Environment
      readonly link: T
      /** To be set as a cookie when the browser has just claimed the link. */
      readonly newSecret: string | null
    }
  | { readonly verdict: 'unknown' }
  | {
      readonly verdict: 'opened_elsewhere' | 'used' | 'expired'
      readonly environment: Environment
      readonly link: T
    }

type VisitDeps = ClockDep & IdsDep & RandomDep & NetworkDep & StoreDep

/** A browser opens the connect page. */
export async function visitSession(
  deps: VisitDeps,
  token: string,
  secrets: BrowserSecrets,
): Promise<Visit<WidgetSession>> {
  const session = await deps.store.widgetSessions.findByToken(digest(token))
  if (session === undefined) return { verdict: 'unknown' }
  return await visit(deps, {
    link: session,
    expiresAtMs: session.expiresAtMs,
    isUsed: session.usedAtMs !== null,
    visitorSecret: secrets(session.id),
    traffic: trafficOf(session),
    claim: {
      take: async (tx, hash) => await tx.widgetSessions.claim(session.id, hash),
    },
  })
}

/**
 * A browser sends a form of the connect page. Only the page itself claims a link: a form that arrives
 * first comes from somewhere else, and must not take the link away from the person it was made for.
 */
export async function revisitSession(
  deps: VisitDeps,
  token: string,
  secrets: BrowserSecrets,
): Promise<Visit<WidgetSession>> {
  const session = await deps.store.widgetSessions.findByToken(digest(token))
  if (session === undefined) return { verdict: 'unknown' }
  return await visit(deps, {
    link: session,
    expiresAtMs: session.expiresAtMs,
    isUsed: session.usedAtMs !== null,
    visitorSecret: secrets(session.id),
    traffic: trafficOf(session),
  })
}

function trafficOf({ id }: WidgetSession): Visited<WidgetSession>['traffic'] {
  return { subject: id, detail: { widget_session_id: id } }
}

/** What else happens when a browser gets its link, in the same transaction. */
export type OnClaim = (tx: Tables) => Promise<void>

/**
 * A browser opens the link of `authenticateUser`.
 *
 * @param prepare Called for a link that nobody has yet.
 */
export async function visitFlow(
  deps: VisitDeps & WakeDep,
  token: string,
  secrets: BrowserSecrets,
  prepare: (flow: Flow) => Promise<OnClaim>,
): Promise<Visit<Flow>> {
  const flow = await deps.store.flows.findByLink(digest(token))
  if (flow === undefined) return { verdict: 'unknown' }
  // The sweep ends what nobody finished: whoever comes after it is late, and has used nothing.
  const isSwept = flow.endedAtMs !== null && flow.reason === 'expired'
  const found = await visit(deps, {
    link: flow,
    expiresAtMs: isSwept ? flow.endedAtMs : flow.createdAtMs + LINK_LIFETIME_MS,
    isUsed: flow.endedAtMs !== null && !isSwept,
    visitorSecret: secrets(flow.id),
    traffic: {
      subject: flow.reservedUserId,
      detail: { flow_id: flow.id, provider: flow.provider },
    },
    claim: {
      take: async (tx, hash) => await tx.flows.claim(flow.id, hash),
      prepare: async () => await prepare(flow),
    },
  })
  // Nobody has to wait for the sweep to learn that the link came too late. Once the browser has been sent
  // off, its login may still come to something in another tab.
  if (found.verdict === 'expired' && flow.status === 'created')
    await failFlow(deps, found.environment, flow, { reason: 'expired' })
  return found
}

interface Visited<T> {
  readonly link: T & { readonly browserHash: string | null; readonly environmentId: string }
  readonly expiresAtMs: number
  readonly isUsed: boolean
  readonly visitorSecret: string | null
  /** For the audit log. */
  readonly traffic: Pick<Traffic, 'subject' | 'detail'>
  /** Absent where a visit takes no link. */
  readonly claim?: Claim
}

interface Claim {
  readonly take: (tx: Tables, browserHash: string) => Promise<boolean>
  /** Before it is taken. */
  readonly prepare?: () => Promise<OnClaim>
}

async function visit<T>(deps: VisitDeps, visited: Visited<T>): Promise<Visit<T>> {
  const { link, expiresAtMs, isUsed, visitorSecret } = visited
  const environment = await deps.store.environments.find(link.environmentId)
  assert(environment !== undefined, 'every link belongs to an environment')
  const visitor = visitorSecret === null ? null : digest(visitorSecret)
  const facts = { expiresAtMs, isUsed, claimedBy: link.browserHash, visitor }
  const verdict: LinkVerdict = judgeLink(facts, deps.clock.nowMs())
  switch (verdict) {
    case 'open':
      return { verdict, environment, link, newSecret: null }
    case 'claim': {
      const { claim } = visited
      if (claim === undefined) return await refuse(deps, environment, visited)
      const newSecret = createSecret(deps.random)
      const onClaim = await claim.prepare?.()
      const isOurs = await deps.store.together(async (tx) => {
        if (!(await claim.take(tx, digest(newSecret)))) return false
        const by = { environmentId: environment.id, actor: 'browser' }
        await writeTraffic(deps, tx, { ...visited.traffic, ...by, action: 'link.claim' })
        await onClaim?.(tx)
        return true
      })
      return isOurs
        ? { verdict: 'open', environment, link, newSecret }
        : await refuse(deps, environment, visited)
    }
    case 'opened_elsewhere':
      return await refuse(deps, environment, visited)
    case 'used':
    case 'expired':
      return { verdict, environment, link }
  }
}

/** Turns a stranger away. It may be the person whose link somebody else has opened first, so it is recorded. */
async function refuse<T>(
  deps: VisitDeps,
  environment: Environment,
  { link, traffic }: Visited<T>,
): Promise<Visit<T>> {
  const by = { environmentId: environment.id, actor: 'browser' }
  await deps.store.together(
    async (tx) => await writeRefusal(deps, tx, { ...traffic, ...by, action: 'link.refuse' }),
  )
  return { verdict: 'opened_elsewhere', environment, link }
}
