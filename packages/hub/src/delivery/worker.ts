/**
 * Sends what is owed. A turn of the worker writes down attempts that have ended, lets their successors go, and
 * claims with a lease what there are places for: in one transaction, or in two at once where the database can do
 * that. What is claimed is sent without any transaction being open; if the process dies meanwhile, the lease ends
 * and the delivery is sent again.
 */
import { setImmediate } from 'node:timers/promises'
import { DELIVERY_RETRIES, type RetrySchedule } from '../core/retry.ts'
import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, LogDep, RandomDep, TimerDep, Wake } from '../deps.ts'
import { type Loop, startLoop } from '../loop.ts'
import type { MetricsDep } from '../metrics.ts'
import { isRefused } from '../store/database-error.ts'
import type { ClaimedDelivery, HandOver } from '../store/delivery-claims.ts'
import { CONCURRENCY_DEFAULT, type DestinationState } from '../store/destinations.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { type Made, attemptDelivery, isAsking, isBrisk, toHeld } from './attempt.ts'
import { openAtMs, probeAtMs } from './claim.ts'
import type { Courier } from './courier.ts'
import { DestinationCache } from './destination-cache.ts'
import { beginHandOver } from './hand-over.ts'
import { type AnnounceDep, type Health, logHealth, makeDueAgain, recordOverdue } from './health.ts'
import { NOTHING, type Turn, settleAndClaim } from './turn.ts'
import { CLAIMED_PER_TURN_MAX, Work } from './work.ts'

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
  /** See {@link Wake.deliveries}. */
  wake(...given: Parameters<Wake['deliveries']>): void
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

class Engine {
  readonly worker: DeliveryWorker
  readonly #deps: DeliveryDeps
  readonly #schedule: RetrySchedule
  readonly #scanEveryMs: number
  readonly #loop: Loop
  readonly #cache: DestinationCache
  readonly #work: Work
  readonly #inFlight = new Map<ClaimedDelivery, Promise<void>>()
  /** Attempts that have ended and are not written down yet: see `#share`, which grows with them. */
  #made: Made[] = []
  /** They could not be written down: until they are, nothing is claimed that would only be sent again when its lease has ended. */
  #isUnwritten = false
  /** So many are written down one by one, because the database has refused something of one of them. */
  #oneByOne = 0
  /** When the database is asked next what is due; at once to begin with. */
  #scanAtMs = 0
  #isStopped = false
  /** How often it was to be asked at once. */
  #scansAsked = 0
  /** Destinations where something is due that could not be claimed: somebody has it locked. */
  readonly #locked = new Set<string>()
  /** Claimed ahead, and not to be sent: let go of in the next turn. */
  #unsent: ClaimedDelivery[] = []

  constructor(deps: DeliveryDeps, options: DeliveryOptions) {
    this.#deps = deps
    this.#schedule = options.schedule ?? DELIVERY_RETRIES
    this.#scanEveryMs = options.scanEveryMs ?? MINUTE_MS
    this.#cache = new DestinationCache(deps)
    this.#work = new Work((id) => this.#cache.concurrencyOf(id) ?? CONCURRENCY_DEFAULT)
    this.#loop = startLoop(deps, 'delivery', async () => await this.#takeTurn())
    const isIdle = (): boolean =>
      this.#loop.isIdle && this.#inFlight.size + this.#locked.size + this.#notSent === 0
    const taker = {
      work: this.#work,
      isStopped: () => this.#isStopped,
      start: this.#start.bind(this),
      lost: () => this.worker.wake(),
    }
    this.worker = {
      handOver: { begin: (states) => beginHandOver(deps, taker, states) },
      wake: (destinationIds, isDataAlone) => {
        if (destinationIds === undefined) this.#askForScan()
        else this.#work.wake(destinationIds, isDataAlone)
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
          this.#setAside(this.#work.ahead.clearOld())
          if (this.#locked.size > 0) this.worker.wake([...this.#locked])
        }
      },
      stop: async () => {
        this.#isStopped = true
        await this.#loop.stop()
        this.#setAside(this.#work.ahead.clearOld())
        await Promise.all([this.#tryToLetGo(), this.#finishInFlight()])
        this.#locked.clear()
        while (this.#made.length > 0) await this.#follow(await this.#write(undefined))
      },
    }
  }

  async #finishInFlight(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight.values())
  }

  /** Deliveries that are claimed and not sent. */
  get #notSent(): number {
    return this.#work.ahead.total + this.#unsent.length
  }

  async #takeTurn(): Promise<number | undefined> {
    // Whatever else the event loop has at hand comes first: answers that came together share a commit.
    await setImmediate()
    const nowMs = this.#deps.clock.nowMs()
    this.#setAside(this.#work.clearOldAhead(nowMs))
    // If one of these fails, what has ended is written down all the same: else it would be sent again.
    const [freed] = await Promise.allSettled([this.#letGo()])
    const [scanned] = await Promise.allSettled([this.#scanWhenDue(nowMs)])
    this.#work.takeWoken()
    if (this.#made.length > 0 || this.#work.plan(nowMs, []).length > 0) {
      await this.#writeAndClaim(nowMs)
      // There may be more to write down, and places for destinations that this turn did not come to.
      if (this.#made.length > 0 || this.#work.plan(nowMs, []).length > 0) this.#loop.wake()
    }
    for (const one of [freed, scanned]) if (one.status === 'rejected') throw one.reason
    return Math.min(this.#work.nextAfterMs(nowMs), this.#scanAtMs, this.#work.ahead.endsAtMs)
  }

  #setAside(deliveries: readonly ClaimedDelivery[]): void {
    if (deliveries.length === 0) return
    this.#unsent.push(...deliveries)
    this.#loop.wake()
  }

  /** Frees what was claimed ahead and is not sent after all, for whoever comes to it first. */
  async #letGo(): Promise<void> {
    const unsent = this.#unsent
    if (unsent.length === 0) return
    this.#unsent = []
    try {
      await this.#deps.store.together(async (tx) => await tx.deliveries.freeClaims(unsent))
    } catch (error) {
      this.#unsent.push(...unsent)
      throw error
    }
    for (const one of unsent) this.#work.expect(one)
  }

  /** The same at the end, when it is not tried again. */
  async #tryToLetGo(): Promise<void> {
    try {
      await this.#letGo()
    } catch (error) {
      const { length } = this.#unsent
      this.#deps.log.warn({ deliveries: length, error }, 'what is not sent stays claimed for now')
    }
  }

  #askForScan(): void {
    this.#scansAsked += 1
    this.#scanAtMs = 0
  }

  /** Asks the database for what nobody has told of: at the start, and in case that a wake was lost. */
  async #scanWhenDue(nowMs: number): Promise<void> {
    if (nowMs < this.#scanAtMs) return
    const asked = this.#scansAsked
    const claimEndMs = await this.#deps.store.deliveries.freeExpired(nowMs)
    this.#work.replace(await this.#deps.store.deliveries.listDue())
    for (const health of await recordOverdue(this.#deps)) await this.#followHealth(health)
    // Whoever has asked meanwhile may know of something that was not there yet.
    if (asked !== this.#scansAsked) return
    this.#scanAtMs = Math.min(nowMs + this.#scanEveryMs, claimEndMs ?? Infinity)
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
    const mayClaim = !this.#isUnwritten && this.#work.plan(nowMs, []).length > 0
    const claiming = mayClaim ? this.#deps.store.transaction(claim) : Promise.resolve(NOTHING)
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
    const isAlone = this.#oneByOne > 0
    const made = this.#made.splice(0, isAlone ? 1 : this.#share())
    const claimAtMs = isAlone ? undefined : nowMs
    this.#oneByOne = Math.max(this.#oneByOne - 1, 0)
    if (made.length === 0 && claimAtMs === undefined) return NOTHING
    try {
      const turn = await this.#deps.store.together(
        async (tx) => await this.#settle(tx, made, claimAtMs),
      )
      this.#isUnwritten = false
      for (const one of made) if (isAsking(one)) this.#work.release(toHeld(one))
      return turn
    } catch (error) {
      if (isRefused(error) && isAlone) return this.#leave(made, error)
      if (isRefused(error)) this.#oneByOne = made.length
      else if (isAlone) this.#oneByOne += 1
      // Nothing was written: it is tried again, as long as the leases last.
      this.#made.unshift(...made)
      this.#isUnwritten = made.length > 0
      throw error
    }
  }

  /** Tried again, it would be refused again, and all that is written down with it: it is sent again when its lease ends. */
  #leave(made: readonly Made[], error: unknown): Turn {
    this.#isUnwritten = false
    this.#askForScan()
    for (const one of made.filter(isAsking)) this.#work.release(toHeld(one))
    const refused = { deliveries: made.map(({ id }) => id), error }
    this.#deps.log.error(refused, 'an attempt could not be written down')
    return NOTHING
  }

  async #settle(tx: Tables, made: readonly Made[], nowMs: number | undefined): Promise<Turn> {
    const [work, schedule] = [this.#work, this.#schedule]
    return await settleAndClaim(this.#deps, tx, { work, schedule, made, nowMs })
  }

  /** After the commit: the agenda, the log, and sending. */
  async #follow(turn: Turn): Promise<void> {
    const nowMs = this.#deps.clock.nowMs()
    for (const one of turn.promoted) this.#work.expect({ ...one, dueAtMs: nowMs })
    for (const { status, delivery, dueAtMs } of turn.written) {
      if (status === 'pending') this.#work.expect({ ...delivery, dueAtMs })
    }
    for (const { destinationId, limit, stateLimit = limit } of turn.wants) {
      this.#locked.delete(destinationId)
      this.#work.moveBack(destinationId)
      const state = turn.states.get(destinationId)
      for (const isData of [false, true]) {
        const openAt = openAtMs(state, isData)
        if (isData && openAt > nowMs) this.#setAside(this.#work.ahead.clear(destinationId))
        // A disabled destination is heard of again when it is enabled.
        if (openAt === Infinity) this.#work.settle({ destinationId, isData }, undefined)
        else if (openAt > nowMs) this.#work.settle({ destinationId, isData }, openAt)
        // The one that was tried may have been of the other kind. What was not looked for stays as it was: else each kind would
        // have the other looked for, without end.
        else if ((isData ? limit : stateLimit) > 0 && state && probeAtMs(state, isData) !== null) {
          this.#work.settle({ destinationId, isData }, nowMs + 1)
        }
      }
    }
    for (const { dueAtMs, ...load } of turn.due) {
      if (dueAtMs <= nowMs) this.#locked.add(load.destinationId)
      const at = dueAtMs <= nowMs ? nowMs + LOCKED_ROW_PAUSE_MS : dueAtMs
      this.#work.settle(load, at === Infinity ? undefined : at)
    }
    for (const made of turn.written) this.#tellEnd(made)
    for (const state of turn.states.values()) this.#see(state, nowMs)
    for (const delivery of turn.claimed)
      this.#begin(delivery, turn.states.get(delivery.destinationId), nowMs)
    for (const id of new Set(turn.claimed.map(({ destinationId }) => destinationId)))
      this.#sendAhead(id)
    for (const one of turn.health) await this.#followHealth(one)
  }

  /** How a destination stood a moment ago: whatever waits for a place there has to do with it. */
  #see(state: DestinationState, nowMs: number): void {
    const { failingSinceMs, probeAtMs: probe } = state.breaker
    if ((failingSinceMs ?? probe) !== null) this.#work.noteBrisk(state.id, false)
    if (openAtMs(state, true) > nowMs) this.#setAside(this.#work.ahead.clear(state.id))
    else this.#work.ahead.note(state)
  }

  /** What was claimed is sent; data as soon as there is a place. Where the breaker is open, there is no other that could free one. */
  #begin(delivery: ClaimedDelivery, state: DestinationState | undefined, nowMs: number): void {
    if (state !== undefined && delivery.isData && state.breaker.probeAtMs === null) {
      this.#work.ahead.add({ delivery, state }, nowMs)
      return
    }
    this.#work.take(delivery, nowMs)
    this.#start(delivery, state)
  }

  /** Sends what was claimed ahead, as far as there are places. */
  #sendAhead(destinationId: string): void {
    while (!this.#isStopped) {
      const next = this.#work.takeForAhead(destinationId, this.#deps.clock.nowMs())
      if (next === undefined) return
      this.#start(next.delivery, next.state)
    }
  }

  /** Sends, without waiting for it. Its place is taken. */
  #start(delivery: ClaimedDelivery, state: DestinationState | undefined): void {
    if (state !== undefined) this.#cache.note(state)
    const done = this.#deliver(delivery, state).finally(() => {
      this.#inFlight.delete(delivery)
      this.#deps.metrics.setInFlight(this.#inFlight.size)
      this.#sendAhead(delivery.destinationId)
      this.#loop.wake()
    })
    this.#inFlight.set(delivery, done)
    this.#deps.metrics.setInFlight(this.#inFlight.size)
  }

  async #deliver(delivery: ClaimedDelivery, state: DestinationState | undefined): Promise<void> {
    let made: Made | undefined
    try {
      const destination = state === undefined ? undefined : await this.#cache.get(state)
      // Removed in this very moment: the claim ends by itself.
      if (destination === undefined) return
      const isProbe = state !== undefined && probeAtMs(state, delivery.isData) !== null
      const given = { destination, delivery, isProbe }
      made = await attemptDelivery(this.#deps, this.#schedule, given)
      this.#made.push(made)
      // Until it is written down: a claim in between would not see it.
      if (isAsking(made)) {
        this.#work.hold(toHeld(made))
        this.#setAside(this.#work.ahead.clear(destination.id))
      }
    } catch (error) {
      // Not settled: the lease ends and it is sent again, which a scan has to know of.
      this.#askForScan()
      this.#deps.log.error({ delivery: delivery.id, error }, 'a delivery could not be carried out')
    } finally {
      this.#work.noteBrisk(delivery.destinationId, made !== undefined && isBrisk(made))
      this.#work.giveBack(delivery, made?.isAnswered ?? true, this.#deps.clock.nowMs())
    }
  }

  async #followHealth(health: Health): Promise<void> {
    const { destination, notices, openings } = health
    logHealth(this.#deps, health)
    for (const { type } of notices) this.#deps.metrics.noticed(type)
    // Each was announced, to whoever wants to hear of it.
    if (notices.length > 0) this.worker.wake()
    for (const { isData, atMs } of openings) {
      this.#work.settle({ destinationId: destination.id, isData }, atMs)
    }
    const isHeldBack = openings.some(({ isData }) => isData) || notices.length > 0
    if (isHeldBack) this.#setAside(this.#work.ahead.clear(destination.id))
    if (!(await makeDueAgain(this.#deps, health))) return
    this.#work.wake([destination.id])
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
