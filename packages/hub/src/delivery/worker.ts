/**
 * Sends what is owed. A turn of the worker writes down attempts that have ended, lets their successors go, and
 * claims with a lease what there are places for: in one transaction, or in two at once where the database can do
 * that. What is claimed is sent without any transaction being open; if the process dies meanwhile, the lease ends
 * and the delivery is sent again.
 */
import { setImmediate } from 'node:timers/promises'
import { ATTEMPT_TIMEOUT_MS_MAX } from '../core/delivery.ts'
import { DELIVERY_RETRIES, type RetrySchedule } from '../core/retry.ts'
import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, LogDep, RandomDep, TimerDep } from '../deps.ts'
import { type Loop, startLoop } from '../loop.ts'
import type { MetricsDep } from '../metrics.ts'
import type { ClaimedDelivery, HandOver, Want } from '../store/delivery-claims.ts'
import { CONCURRENCY_DEFAULT, type DestinationState } from '../store/destinations.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { Agenda } from './agenda.ts'
import { type Made, attemptDelivery } from './attempt.ts'
import type { Courier } from './courier.ts'
import { DestinationCache } from './destination-cache.ts'
import { beginHandOver } from './hand-over.ts'
import { type AnnounceDep, type Health, logHealth, recordHealth, recordOverdue } from './health.ts'
import { LEASE_MARGIN_MS, Places } from './places.ts'

/** Deliveries claimed by one turn at most: their bodies are in memory, and the turn is one transaction. */
const CLAIMED_PER_TURN_MAX = 256
/** A turn writes down a part of what has ended, and no less than this: see `#share`. */
const WRITTEN_MIN = 16
const TURNS_PER_ROUND = 4
/** Another process has a row under its hands: it is gone a moment later. */
const LOCKED_ROW_PAUSE_MS = 20

export interface DeliveryDeps
  extends ClockDep, TimerDep, RandomDep, IdsDep, LogDep, StoreDep, MetricsDep, AnnounceDep {
  readonly courier: Courier
}

export interface DeliveryOptions {
  /** When failed attempts are repeated; Terra's by default. */
  readonly schedule?: RetrySchedule
  /** How often to look for work that nobody has told of, in milliseconds; a minute by default. */
  readonly scanEveryMs?: number
}

export interface DeliveryWorker {
  /** Takes over what others have claimed for it as they announced it. */
  readonly handOver: HandOver
  /** @param destinationIds Where something may be due; nothing said, the database is asked. */
  wake(destinationIds?: readonly string[]): void
  /** Nothing is under way and nothing is due now. */
  readonly isIdle: boolean
  /** Resolves when it {@link isIdle}. */
  idle(): Promise<void>
  /** Claims no more, and finishes what is under way: at most one attempt's time. */
  stop(): Promise<void>
}

export function startDeliveryWorker(
  deps: DeliveryDeps,
  options: DeliveryOptions = {},
): DeliveryWorker {
  const engine = new Engine(deps, options)
  return engine.worker
}

/** What a turn has found and done. */
interface Turn {
  readonly claimed: readonly ClaimedDelivery[]
  readonly wants: readonly Want[]
  readonly states: ReadonlyMap<string, DestinationState>
  readonly promoted: readonly string[]
  /** Attempts that were written down; the others were of claims that somebody else has by now. */
  readonly written: readonly Made[]
  readonly health: readonly Health[]
  /** When more is due, of destinations that had less than there were places for. */
  readonly dueAtMs: ReadonlyMap<string, number>
}

class Engine {
  readonly worker: DeliveryWorker
  readonly #deps: DeliveryDeps
  readonly #schedule: RetrySchedule
  readonly #scanEveryMs: number
  readonly #loop: Loop
  readonly #agenda = new Agenda()
  readonly #places = new Places()
  readonly #cache: DestinationCache
  readonly #inFlight = new Map<number, Promise<void>>()
  /** Attempts that have ended and are not written down yet: see `#share`, which grows with them. */
  #made: Made[] = []
  /** When the database is asked next what is due; at once to begin with. */
  #scanAtMs = 0
  #isStopped = false
  /** How often it was to be asked at once. */
  #scansAsked = 0
  /** Destinations where something is due that could not be claimed: somebody has it locked. */
  readonly #locked = new Set<string>()

  constructor(deps: DeliveryDeps, options: DeliveryOptions) {
    this.#deps = deps
    this.#schedule = options.schedule ?? DELIVERY_RETRIES
    this.#scanEveryMs = options.scanEveryMs ?? MINUTE_MS
    this.#cache = new DestinationCache(deps)
    this.#loop = startLoop(deps, 'delivery', async () => await this.#takeTurn())
    const isIdle = (): boolean =>
      this.#loop.isIdle && this.#inFlight.size === 0 && this.#locked.size === 0
    const taker = {
      agenda: this.#agenda,
      places: this.#places,
      cache: this.#cache,
      isStopped: () => this.#isStopped,
      start: this.#start.bind(this),
      lost: () => this.worker.wake(),
    }
    this.worker = {
      handOver: { begin: (states) => beginHandOver(deps, taker, states) },
      wake: (destinationIds) => {
        if (destinationIds === undefined) this.#askForScan()
        else this.#agenda.wake(destinationIds)
        this.#loop.wake()
      },
      get isIdle() {
        return isIdle()
      },
      idle: async () => {
        for (;;) {
          await this.#loop.idle()
          await this.#finishInFlight()
          if (isIdle()) return
          if (this.#locked.size > 0) this.worker.wake([...this.#locked])
        }
      },
      stop: async () => {
        this.#isStopped = true
        await this.#loop.stop()
        await this.#finishInFlight()
        this.#locked.clear()
        while (this.#made.length > 0) await this.#follow(await this.#write(undefined))
      },
    }
  }

  async #finishInFlight(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight.values())
  }

  async #takeTurn(): Promise<number | undefined> {
    // Whatever else the event loop has at hand comes first: answers that came together share a commit.
    await setImmediate()
    const nowMs = this.#deps.clock.nowMs()
    if (nowMs >= this.#scanAtMs) await this.#scan(nowMs)
    this.#agenda.takeWoken()
    if (this.#made.length > 0 || this.#plan(nowMs, []).length > 0) {
      await this.#writeAndClaim(nowMs)
      // There may be more to write down, and places for destinations that this turn did not come to.
      if (this.#made.length > 0 || this.#plan(nowMs, []).length > 0) this.#loop.wake()
    }
    return Math.min(this.#agenda.nextAfterMs(nowMs) ?? Infinity, this.#scanAtMs)
  }

  #askForScan(): void {
    this.#scansAsked += 1
    this.#scanAtMs = 0
  }

  /** Asks the database for what nobody has told of: at the start, and in case that a wake was lost. */
  async #scan(nowMs: number): Promise<void> {
    const { deliveries } = this.#deps.store
    const asked = this.#scansAsked
    const claimEndMs = await deliveries.freeExpired(nowMs)
    this.#agenda.replace(await deliveries.listDue())
    for (const health of await recordOverdue(this.#deps)) await this.#followHealth(health)
    // Whoever has asked meanwhile may know of something that was not there yet.
    if (asked !== this.#scansAsked) return
    this.#scanAtMs = Math.min(nowMs + this.#scanEveryMs, claimEndMs ?? Infinity)
  }

  /** Which destinations there is work and a place for. */
  #plan(nowMs: number, promoted: readonly string[]): Want[] {
    const wants: Want[] = []
    let left = CLAIMED_PER_TURN_MAX
    for (const destinationId of new Set([...promoted, ...this.#agenda.due(nowMs)])) {
      const concurrency = this.#cache.peek(destinationId)?.concurrency ?? CONCURRENCY_DEFAULT
      const free = this.#places.free(destinationId, concurrency, nowMs)
      const limit = Math.min(free, left)
      if (limit <= 0) continue
      wants.push({ destinationId, limit })
      left -= limit
      if (left === 0) break
    }
    return wants
  }

  /**
   * How many attempts a turn writes down. What they had is free and is claimed anew by the same transaction, which must
   * not be kept waiting by all of them: answers that come together would make the next ones come together, too.
   */
  #share(): number {
    const part = Math.ceil((this.#inFlight.size + this.#made.length) / TURNS_PER_ROUND)
    return Math.min(Math.max(part, WRITTEN_MIN), CLAIMED_PER_TURN_MAX)
  }

  /** One transaction on SQLite. On PostgreSQL two at once, so that places do not wait for what had them before. */
  async #writeAndClaim(nowMs: number): Promise<void> {
    if (!this.#deps.store.isShared) return await this.#follow(await this.#write(nowMs))
    const claim = async (tx: Tables): Promise<Turn> => await this.#settle(tx, [], nowMs)
    const hasWork = this.#plan(nowMs, []).length > 0
    const claiming = hasWork ? this.#deps.store.transaction(claim) : Promise.resolve(NOTHING)
    const [claimed, written] = await Promise.allSettled([
      claiming.then(async (turn) => await this.#follow(turn)),
      this.#write(undefined),
    ])
    // In this order: the claim may not have seen what was promoted meanwhile, which is still due.
    if (written.status === 'fulfilled') await this.#follow(written.value)
    for (const one of [claimed, written]) if (one.status === 'rejected') throw one.reason
  }

  /** Writes down attempts that have ended, then claims. @param nowMs Undefined claims nothing. */
  async #write(nowMs: number | undefined): Promise<Turn> {
    const made = this.#made.splice(0, this.#share())
    if (made.length === 0 && nowMs === undefined) return NOTHING
    try {
      return await this.#deps.store.together(async (tx) => await this.#settle(tx, made, nowMs))
    } catch (error) {
      // Nothing was written: it is tried again, as long as the leases last.
      this.#made.unshift(...made)
      throw error
    }
  }

  async #settle(tx: Tables, made: readonly Made[], nowMs: number | undefined): Promise<Turn> {
    const tried = made.map(({ destination }) => destination.id)
    const planned = nowMs === undefined ? [] : this.#plan(nowMs, [])
    const ids = new Set([...tried, ...planned.map(({ destinationId }) => destinationId)])
    const [{ ours, promoted }, found] = await Promise.all([
      tx.deliveries.settleMany(made),
      tx.destinations.listStates([...ids]),
    ])
    const written = made.filter(({ id }) => ours.has(id))
    const health = await recordHealth(this.#deps, tx, this.#schedule, { made: written, found })
    const turn: Turn = { ...NOTHING, promoted, written, health }
    if (nowMs === undefined) return turn
    // What has become free elsewhere meanwhile is for the next turn: how it stands there was not read.
    const wants = this.#plan(nowMs, promoted).filter(({ destinationId }) => ids.has(destinationId))
    const present = health.length === 0 ? found : await tx.destinations.listStates([...ids])
    return { ...turn, ...(await this.#claim(tx, nowMs, { wants, present })) }
  }

  async #claim(
    tx: Tables,
    nowMs: number,
    { wants, present }: { wants: readonly Want[]; present: readonly DestinationState[] },
  ): Promise<Pick<Turn, 'wants' | 'states' | 'claimed' | 'dueAtMs'>> {
    const states = new Map(present.map((state) => [state.id, state]))
    const failing = wants.flatMap(({ destinationId: id }) =>
      (states.get(id)?.breaker.probeAtMs ?? null) === null ? [] : [id],
    )
    // As they stand now: whoever writes down what was tried there may be moving their breakers.
    for (const state of await tx.destinations.listStates(failing, true)) states.set(state.id, state)
    const open = await this.#admit(tx, nowMs, wants, states)
    const dueAtMs = new Map<string, number>()
    if (open.length === 0) return { wants, states, claimed: [], dueAtMs }
    const untilMs = nowMs + ATTEMPT_TIMEOUT_MS_MAX + LEASE_MARGIN_MS
    const id = this.#deps.ids.claim()
    const claimed = await tx.deliveries.claimDue({ id, nowMs, untilMs, wants: open })
    const counts = new Map<string, number>()
    for (const { destinationId } of claimed) {
      counts.set(destinationId, (counts.get(destinationId) ?? 0) + 1)
    }
    const short = open.filter(
      ({ destinationId, limit }) => (counts.get(destinationId) ?? 0) < limit,
    )
    const due = await tx.deliveries.listDueOf(short.map(({ destinationId }) => destinationId))
    for (const one of short) dueAtMs.set(one.destinationId, Infinity)
    for (const one of due) dueAtMs.set(one.destinationId, one.dueAtMs)
    return { wants, states, claimed, dueAtMs }
  }

  /** Nothing for those that are disabled; where the breaker is open, one delivery when its time has come. */
  async #admit(
    tx: Tables,
    nowMs: number,
    wants: readonly Want[],
    states: ReadonlyMap<string, DestinationState>,
  ): Promise<Want[]> {
    const open: Want[] = []
    for (const want of wants) {
      const state = states.get(want.destinationId)
      if (state?.status !== 'enabled') continue
      const { breaker } = state
      if (breaker.probeAtMs === null) {
        open.push(want)
      } else if (breaker.probeAtMs <= nowMs) {
        // Nobody else tries until this attempt must have ended.
        const probeAtMs = nowMs + ATTEMPT_TIMEOUT_MS_MAX + LEASE_MARGIN_MS
        await tx.destinations.saveBreaker(state.id, { ...breaker, probeAtMs })
        open.push({ ...want, limit: 1 })
      }
    }
    return open
  }

  /** After the commit: the agenda, the log, and sending. */
  async #follow(turn: Turn): Promise<void> {
    const nowMs = this.#deps.clock.nowMs()
    for (const id of turn.promoted) this.#agenda.expect(id, nowMs)
    for (const { status, delivery, dueAtMs } of turn.written) {
      if (status === 'pending') this.#agenda.expect(delivery.destinationId, dueAtMs)
    }
    for (const { destinationId } of turn.wants) {
      this.#locked.delete(destinationId)
      this.#agenda.moveBack(destinationId)
      const state = turn.states.get(destinationId)
      // A disabled destination is heard of again when it is enabled.
      if (state?.status !== 'enabled') this.#agenda.settle(destinationId, undefined)
      else if (state.breaker.probeAtMs !== null) {
        this.#agenda.settle(destinationId, Math.max(state.breaker.probeAtMs, nowMs + 1))
      }
    }
    for (const [destinationId, dueAtMs] of turn.dueAtMs) {
      if (dueAtMs <= nowMs) this.#locked.add(destinationId)
      const at = dueAtMs <= nowMs ? nowMs + LOCKED_ROW_PAUSE_MS : dueAtMs
      this.#agenda.settle(destinationId, at === Infinity ? undefined : at)
    }
    for (const made of turn.written) this.#tellEnd(made)
    for (const delivery of turn.claimed) {
      this.#places.take(delivery.destinationId, nowMs)
      this.#start(delivery, turn.states.get(delivery.destinationId))
    }
    for (const one of turn.health) await this.#followHealth(one)
  }

  /** Sends, without waiting for it. Its place is taken. */
  #start(delivery: ClaimedDelivery, state: DestinationState | undefined): void {
    const done = this.#deliver(delivery, state).finally(() => {
      this.#inFlight.delete(delivery.id)
      this.#deps.metrics.setInFlight(this.#inFlight.size)
      this.#loop.wake()
    })
    this.#inFlight.set(delivery.id, done)
    this.#deps.metrics.setInFlight(this.#inFlight.size)
  }

  async #deliver(delivery: ClaimedDelivery, state: DestinationState | undefined): Promise<void> {
    let isAnswered = true
    try {
      const destination = state === undefined ? undefined : await this.#cache.get(state)
      // Removed in this very moment: the claim ends by itself.
      if (destination === undefined) return
      const made = await attemptDelivery(this.#deps, this.#schedule, destination, delivery)
      isAnswered = made.isAnswered
      this.#made.push(made)
    } catch (error) {
      // Not settled: the lease ends and it is sent again, which a scan has to know of.
      this.#askForScan()
      this.#deps.log.error({ delivery: delivery.id, error }, 'a delivery could not be carried out')
    } finally {
      this.#places.giveBack(delivery.destinationId, isAnswered, this.#deps.clock.nowMs())
    }
  }

  async #followHealth(health: Health): Promise<void> {
    const { destination, probeAtMs, hasClosed } = health
    logHealth(this.#deps, health)
    for (const { type } of health.notices) this.#deps.metrics.noticed(type)
    // Each was announced, to whoever wants to hear of it.
    if (health.notices.length > 0) this.worker.wake()
    if (probeAtMs !== null) this.#agenda.settle(destination.id, probeAtMs)
    if (!hasClosed) return
    // What had to wait had to wait for the destination, which is well again.
    const nowMs = this.#deps.clock.nowMs()
    while (await this.#deps.store.deliveries.makeDue(destination.id, nowMs));
    this.#agenda.wake([destination.id])
    this.#loop.wake()
  }

  #tellEnd({ verdict, destination, delivery, attempts, attempt, endedAtMs }: Made): void {
    const { metrics } = this.#deps
    metrics.attempted(attempt.httpStatus ?? attempt.error ?? 'network', attempt.durationMs)
    if (verdict.type === 'delivered') metrics.delivered((endedAtMs ?? 0) - delivery.createdAtMs)
    if (verdict.type !== 'failed') return
    const subject = { destination: destination.id, event: delivery.event.id, attempts }
    this.#deps.log.warn(subject, 'delivery given up')
  }
}

const NOTHING: Turn = {
  claimed: [],
  wants: [],
  states: new Map(),
  promoted: [],
  written: [],
  health: [],
  dueAtMs: new Map(),
}
