/**
 * What there is to be sent and room for, of both kinds: what happened to connections never waits for data. Data has the
 * places that are free; what happened to a connection has as many of its own, whatever data has taken.
 */
import type { ClaimedDelivery, Due, Want } from '../store/delivery-claims.ts'
import { Agenda } from './agenda.ts'
import { Ahead, type Waiting } from './ahead.ts'
import { DELIVERIES_IN_FLIGHT_MAX, Places } from './places.ts'

/** Deliveries claimed by one turn at most: their bodies are in memory, and the turn is one transaction. */
export const CLAIMED_PER_TURN_MAX = 256

/** What is sent, as far as places are concerned. */
export interface Load {
  readonly destinationId: string
  readonly isData: boolean
}

/** What there is work and room for. */
export interface Planned extends Want {
  /** Of its limit, how many are claimed before there is a place for them: data alone. */
  readonly ahead: number
}

export class Work {
  /** Data that is claimed, and waits for a place. */
  readonly ahead = new Ahead()
  readonly #concurrencyOf: (destinationId: string) => number
  readonly #state = newKind()
  /** Its places count deliveries of both kinds. */
  readonly #data = newKind()

  /** @param concurrencyOf How many deliveries of each kind a destination is sent at once. */
  constructor(concurrencyOf: (destinationId: string) => number) {
    this.#concurrencyOf = concurrencyOf
  }

  /**
   * There may be something to be sent to them now. Said of data alone, nothing else is looked for: while data has all
   * places, each of its commits would have the database asked in vain.
   */
  wake(destinationIds: readonly string[], isDataAlone = false): void {
    this.#data.agenda.wake(destinationIds)
    if (!isDataAlone) this.#state.agenda.wake(destinationIds)
  }

  /** Begins a turn: what was heard of counts from now on. */
  takeWoken(): void {
    for (const { agenda } of this.#both) agenda.takeWoken()
  }

  /** Replaces everything by what the database says. */
  replace(due: readonly Due[]): void {
    this.#state.agenda.replace(due.filter(({ isData }) => !isData))
    this.#data.agenda.replace(due.filter(({ isData }) => isData))
  }

  /** Something is to be sent then, or earlier. */
  expect({ destinationId, isData, dueAtMs }: Due): void {
    this.#of(isData).agenda.expect(destinationId, dueAtMs)
  }

  /** What the database says after a claim that took all of a kind that was due; undefined when there is nothing. */
  settle({ destinationId, isData }: Load, dueAtMs: number | undefined): void {
    this.#of(isData).agenda.settle(destinationId, dueAtMs)
  }

  /** Nothing of what this answers for is begun to it until as many have said {@link release}, whoever wakes it. */
  hold({ destinationId, isData }: Load): void {
    for (const { held } of this.#heldBy(isData)) {
      held.set(destinationId, (held.get(destinationId) ?? 0) + 1)
    }
  }

  release({ destinationId, isData }: Load): void {
    for (const { held } of this.#heldBy(isData)) {
      const left = (held.get(destinationId) ?? 0) - 1
      if (left > 0) held.set(destinationId, left)
      else held.delete(destinationId)
    }
  }

  /** It was served: the others come first next time. */
  moveBack(destinationId: string): void {
    for (const { agenda } of this.#both) agenda.moveBack(destinationId)
  }

  /** When the next one is due that is not due yet. */
  nextAfterMs(nowMs: number): number {
    return Math.min(...this.#both.map(({ agenda }) => agenda.nextAfterMs(nowMs) ?? Infinity))
  }

  /** Which destinations there is work and a place for; what happened to connections comes first, wherever it goes. */
  plan(nowMs: number, promoted: readonly Load[]): Planned[] {
    const due = {
      state: new Set(promoted.flatMap((one) => (one.isData ? [] : [one.destinationId]))),
      data: new Set(promoted.flatMap((one) => (one.isData ? [one.destinationId] : []))),
    }
    for (const id of this.#state.agenda.due(nowMs)) due.state.add(id)
    for (const id of this.#data.agenda.due(nowMs)) due.data.add(id)
    for (const id of this.#state.held.keys()) due.state.delete(id)
    for (const id of this.#data.held.keys()) due.data.delete(id)
    const wants = new Map<string, Planned>()
    let left = CLAIMED_PER_TURN_MAX
    for (const destinationId of new Set([...due.state, ...due.data])) {
      const concurrency = this.#concurrencyOf(destinationId)
      const free = (isData: boolean): number =>
        Math.min(left, this.#free({ destinationId, isData }, concurrency, nowMs))
      const want = {
        limit: due.data.has(destinationId) ? free(true) : 0,
        stateLimit: due.state.has(destinationId) ? free(false) : 0,
      }
      const most = Math.max(want.limit, want.stateLimit)
      if (most === 0) continue
      wants.set(destinationId, { destinationId, ...want, ahead: 0 })
      left -= most
      if (left === 0) break
    }
    this.#planAhead(wants, due.data, left, nowMs)
    return [...wants.values()]
  }

  /** Adds what may be claimed before there is a place for it, as far as nobody else could have that place. */
  #planAhead(
    wants: Map<string, Planned>,
    dueData: ReadonlySet<string>,
    left: number,
    nowMs: number,
  ): void {
    const wanted = CLAIMED_PER_TURN_MAX - left
    const spare = DELIVERIES_IN_FLIGHT_MAX - this.#data.places.total - this.ahead.total - wanted
    let room = Math.min(left, spare)
    for (const destinationId of dueData) {
      if (room <= 0) return
      const ahead = Math.min(room, this.#missingAhead(destinationId, nowMs))
      if (ahead === 0) continue
      const want = wants.get(destinationId) ?? { destinationId, limit: 0, stateLimit: 0 }
      wants.set(destinationId, { ...want, limit: want.limit + ahead, ahead })
      room -= ahead
    }
  }

  /** A destination that answers at once has as many ahead as it has places; they are claimed by halves. */
  #missingAhead(destinationId: string, nowMs: number): number {
    if (!this.#data.places.isBrisk(destinationId, nowMs)) return 0
    const concurrency = this.#concurrencyOf(destinationId)
    const waiting = this.ahead.countOf(destinationId)
    return waiting > concurrency / 2 ? 0 : concurrency - waiting
  }

  /** Takes a place for the next delivery that waits for one, where there is one. */
  takeForAhead(destinationId: string, nowMs: number): Waiting | undefined {
    const { places, held } = this.#data
    if (this.ahead.countOf(destinationId) === 0 || held.has(destinationId)) return undefined
    const concurrency = this.#concurrencyOf(destinationId)
    if (places.free(destinationId, concurrency, nowMs) === 0) return undefined
    const next = this.ahead.take(destinationId, nowMs)
    if (next !== undefined) places.take(destinationId, nowMs)
    return next
  }

  /** Takes out what has waited for a place for too long: its destination is no longer as quick as it was. */
  clearOldAhead(nowMs: number): ClaimedDelivery[] {
    const old = this.ahead.clearOld(nowMs)
    for (const { destinationId } of old) this.noteBrisk(destinationId, false)
    return old
  }

  /**
   * Takes a place where nothing else of its kind is due, or data has many.
   *
   * @param concurrency How many deliveries of each kind the destination is sent at once.
   * @returns Whether there was one.
   */
  takeEarly(load: Load, concurrency: number, nowMs: number): boolean {
    const { destinationId, isData } = load
    const { agenda, held } = this.#of(isData)
    if (held.has(destinationId)) return false
    if (isData && this.ahead.countOf(destinationId) > 0) return false
    const left = this.#free(load, concurrency, nowMs) - 1
    if (left < 0) return false
    // What is due comes first. Where half of the places stay free for it, data need not wait behind it: while one is looked
    // for, the next would come and be looked for, too, and so on.
    if (agenda.isDue(destinationId, nowMs) && (!isData || left < concurrency / 2)) return false
    this.take(load, nowMs)
    return true
  }

  take({ destinationId, isData }: Load, nowMs: number): void {
    this.#data.places.take(destinationId, nowMs)
    if (!isData) this.#state.places.take(destinationId, nowMs)
  }

  /** What a place was taken for is not sent. */
  putBack({ destinationId, isData }: Load): void {
    this.#data.places.putBack(destinationId)
    if (!isData) this.#state.places.putBack(destinationId)
  }

  /** @param isAnswered Whether any answer came, of whatever status. */
  giveBack({ destinationId, isData }: Load, isAnswered: boolean, nowMs: number): void {
    this.#data.places.giveBack(destinationId, isAnswered, nowMs)
    if (!isData) this.#state.places.giveBack(destinationId, isAnswered, nowMs)
  }

  /** @param isBrisk Whether it succeeded, and quickly. */
  noteBrisk(destinationId: string, isBrisk: boolean): void {
    this.#data.places.noteBrisk(destinationId, isBrisk)
  }

  get #both() {
    return [this.#state, this.#data]
  }

  /** What an answer holds back: to data, data alone; to what happened to a connection, everything. */
  #heldBy(isData: boolean) {
    return isData ? [this.#data] : this.#both
  }

  #of(isData: boolean) {
    return isData ? this.#data : this.#state
  }

  #free({ destinationId, isData }: Load, concurrency: number, nowMs: number): number {
    const { places } = this.#of(isData)
    const free = places.free(destinationId, concurrency, nowMs)
    // That it is silent may have been seen by data alone.
    if (isData || !this.#data.places.isSilent(destinationId, nowMs)) return free
    return Math.max(0, Math.min(free, 1 - places.inFlightTo(destinationId)))
  }
}

function newKind() {
  return {
    agenda: new Agenda(),
    places: new Places(),
    /** Destinations that nothing of it is begun to, and how many asked for that. */
    held: new Map<string, number>(),
  }
}
