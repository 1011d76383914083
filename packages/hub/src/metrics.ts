/** Prometheus metrics of this process. No label has more values than a bound says. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { SECOND_MS } from './core/time.ts'

/** Destinations whose lag is shown one by one; the rest is in the figure over all. */
export const DESTINATIONS_SHOWN_MAX = 500

export interface MetricsDep {
  readonly metrics: Metrics
}

export class Metrics {
  readonly registry = new Registry()
  readonly #attempts: Counter<'outcome'>
  readonly #durations: Histogram
  readonly #lags: Histogram
  readonly #inFlight: Gauge
  readonly #notices: Counter<'notice'>
  readonly #oldestOwed: Gauge<'destination'>
  readonly #owed: Gauge<'status'>

  constructor() {
    const registers = [this.registry]
    this.#attempts = new Counter({
      name: 'firma_delivery_attempts_total',
      help: 'Attempts at deliveries, by class of status or of error.',
      labelNames: ['outcome'],
      registers,
    })
    this.#durations = new Histogram({
      name: 'firma_delivery_attempt_seconds',
      help: 'How long attempts took.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 30],
      registers,
    })
    this.#lags = new Histogram({
      name: 'firma_delivery_lag_seconds',
      help: 'From the commit of an event to its delivery, held and throttled time included.',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3_600, 21_600, 86_400],
      registers,
    })
    this.#inFlight = new Gauge({
      name: 'firma_deliveries_in_flight',
      help: 'Deliveries under way in this process.',
      registers,
    })
    this.#notices = new Counter({
      name: 'firma_destination_notices_total',
      help: 'Destinations that were warned of, disabled, or work again.',
      labelNames: ['notice'],
      registers,
    })
    this.#owed = new Gauge({
      name: 'firma_deliveries_owed',
      help: 'Deliveries that have not ended, over all processes; counting stops at 50,000.',
      labelNames: ['status'],
      registers,
    })
    this.#oldestOwed = new Gauge({
      name: 'firma_destination_oldest_owed_seconds',
      help: 'Age of the oldest delivery that a destination is owed, held ones included.',
      labelNames: ['destination'],
      registers,
    })
  }

  /** @param outcome Status of the answer, or the class of error where none came. */
  attempted(outcome: number | string, durationMs: number): void {
    const label = typeof outcome === 'number' ? `${Math.floor(outcome / 100)}xx` : outcome
    this.#attempts.inc({ outcome: label })
    this.#durations.observe(durationMs / SECOND_MS)
  }

  delivered(lagMs: number): void {
    this.#lags.observe(Math.max(0, lagMs) / SECOND_MS)
  }

  setInFlight(count: number): void {
    this.#inFlight.set(count)
  }

  noticed(notice: string): void {
    this.#notices.inc({ notice })
  }

  /** @param counts By status. */
  setOwed(counts: Readonly<Record<string, number>>): void {
    for (const [status, count] of Object.entries(counts)) this.#owed.set({ status }, count)
  }

  /** Replaces what was shown of destinations. */
  setOldestOwed(ages: readonly { readonly destinationId: string; readonly ageMs: number }[]): void {
    this.#oldestOwed.reset()
    for (const { destinationId, ageMs } of ages.slice(0, DESTINATIONS_SHOWN_MAX)) {
      this.#oldestOwed.set({ destination: destinationId }, ageMs / SECOND_MS)
    }
  }
}
