/** Refreshes ahead of expiry, each provider for itself, so that a slow one delays nobody else. */
import { MINUTE_MS } from '../core/time.ts'
import { type Loop, type TimedLoop, startLoop } from '../loop.ts'
import { findProvider } from '../providers/catalog.ts'
import type { TokenClaim } from '../store/token-sets.ts'
import { beside } from './beside.ts'
import { findProviderAccess } from './provider-access.ts'
import { createClaim, refreshClaimed } from './refresh-tokens.ts'
import type { RefreshDeps } from './stored-tokens.ts'

/** Providers looked at in one turn; the catalog has fewer. */
const PROVIDERS_MAX = 1_000
/** Refreshes that run at once per provider, where its data does not say. */
const CONCURRENCY = 50
/** A row that cannot be used, for example because its key is missing, is looked at again after this. */
const SET_ASIDE_MS = 30 * MINUTE_MS

/** Starts the worker; it runs until it is stopped, and then finishes what it has begun. */
export function startRefreshWorker(deps: RefreshDeps): TimedLoop {
  const lanes = new Map<string, Loop>()
  const stop = { isAsked: false }
  const laneOf = (provider: string): Loop => {
    const lane =
      lanes.get(provider) ??
      startLoop(deps, `refresh ${provider}`, async () => refreshDue(deps, provider, stop))
    lanes.set(provider, lane)
    return lane
  }
  const dispatcher = startLoop(deps, 'refresh', async () => {
    const nowMs = deps.clock.nowMs()
    const due = await deps.store.tokenSets.listDueProviders(nowMs, PROVIDERS_MAX)
    for (const provider of due) laneOf(provider).wake()
    // What is due already is with its lane.
    return await deps.store.tokenSets.nextDueAtMs({ afterMs: nowMs })
  })
  return {
    wake: () => dispatcher.wake(),
    wakeBy: (atMs) => dispatcher.wakeBy(atMs),
    get isIdle() {
      return dispatcher.isIdle && [...lanes.values()].every((lane) => lane.isIdle)
    },
    idle: async () => {
      // First the one that opens lanes.
      await dispatcher.idle()
      for (const loop of lanes.values()) await loop.idle()
    },
    stop: async () => {
      // A turn lasts as long as there is work: it takes no more, and finishes what it has sent.
      stop.isAsked = true
      await dispatcher.stop()
      await Promise.all([...lanes.values()].map(async (lane) => await lane.stop()))
    },
  }
}

/** @returns When the provider's next token set is due. */
async function refreshDue(
  deps: RefreshDeps,
  provider: string,
  stop: { readonly isAsked: boolean },
): Promise<number | undefined> {
  const concurrency = findProvider(provider)?.limits?.concurrency ?? CONCURRENCY
  const queue = createQueue(deps, provider, concurrency)
  const takers = Array.from({ length: concurrency })
  await beside(takers, async () => {
    for (;;) {
      const next = await queue()
      if (next === undefined || stop.isAsked) return
      await refreshOne(deps, next)
    }
  })
  return await deps.store.tokenSets.nextDueAtMs({ provider })
}

interface Claimed {
  readonly lineageId: string
  readonly claim: TokenClaim
}

/** Hands out what is due, claimed a handful at a time so that nothing waits long under its claim. */
function createQueue(
  deps: RefreshDeps,
  provider: string,
  size: number,
): () => Promise<Claimed | undefined> {
  let waiting: Claimed[] = []
  let filling: Promise<void> | undefined
  const fill = async (): Promise<void> => {
    const claim = createClaim(deps)
    const lineages = await deps.store.tokenSets.claimDue(provider, { ...claim, limit: size })
    waiting = lineages.map((lineageId) => ({ lineageId, claim }))
    filling = undefined
  }
  return async () => {
    if (waiting.length === 0) await (filling ??= fill())
    return waiting.shift()
  }
}

async function refreshOne(deps: RefreshDeps, { lineageId, claim }: Claimed): Promise<void> {
  const refuse = async (detail: string): Promise<void> => {
    const atMs = deps.clock.nowMs()
    const until = { atMs, refreshAtMs: atMs + SET_ASIDE_MS, detail }
    await deps.store.tokenSets.setAside(lineageId, claim.id, until)
  }
  try {
    const connection = await deps.store.connections.find(lineageId)
    if (connection === undefined) return
    const { environmentId, state } = connection
    const access = await findProviderAccess(deps, environmentId, state.user.provider)
    if (access === undefined) await refuse('the environment no longer has this provider')
    else await refreshClaimed(deps, { connection, access }, claim)
  } catch (error) {
    // One row must not stop the others.
    deps.log.error({ lineage: lineageId, error }, 'a token set was set aside; it is tried again')
    await refuse('it could not be read or stored; see the log')
  }
}
