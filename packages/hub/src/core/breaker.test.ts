import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Breaker,
  type BreakerNotice,
  CLOSED,
  DISABLE_AFTER_MS,
  DISABLE_ASKING_AFTER_MS,
  OPEN_AFTER_FAILURES,
  PROBE_MS_MAX,
  decideBreaker,
} from './breaker.ts'
import { DELIVERY_RETRIES } from './retry.ts'
import { HOUR_MS, MINUTE_MS } from './time.ts'

interface Step {
  readonly isData: boolean
  readonly isProbe: boolean
  readonly succeeded: boolean
  readonly isAsking: boolean
  readonly hasAsked: boolean
  readonly atMs: number
  readonly fraction: number
}

function run(steps: readonly Step[]): { breaker: Breaker; notices: BreakerNotice[] } {
  let breaker = CLOSED
  const notices: BreakerNotice[] = []
  for (const step of steps) {
    const decided = decideBreaker(breaker, DELIVERY_RETRIES, step)
    breaker = decided.breaker
    notices.push(...decided.notices)
  }
  return { breaker, notices }
}

const failAt = (...times: number[]): Step[] =>
  times.map((atMs) => ({
    isData: false,
    isProbe: true,
    succeeded: false,
    isAsking: false,
    hasAsked: false,
    atMs,
    fraction: 0.5,
  }))
const ofData = (steps: readonly Step[]): Step[] => steps.map((step) => ({ ...step, isData: true }))
const succeedAt = (atMs: number): Step[] =>
  failAt(atMs).map((step) => ({ ...step, succeeded: true }))
const TEN = Array.from({ length: OPEN_AFTER_FAILURES }, () => 0)
const askAt = (...times: number[]): Step[] =>
  failAt(...times).map((step) => ({ ...step, isAsking: true, hasAsked: true }))
const STEPS = fc
  .array(
    fc.record({
      isData: fc.boolean(),
      isProbe: fc.constant(true),
      succeeded: fc.boolean(),
      isAsking: fc.boolean(),
      hasAsked: fc.boolean(),
      passedMs: fc.nat(2 * HOUR_MS),
      fraction: fc.double({ min: 0, max: 0.999, noNaN: true }),
    }),
  )
  .map((steps) => {
    let atMs = 1_000_000
    return steps.map(({ passedMs, ...step }) => ({ ...step, atMs: (atMs += passedMs) }))
  })

describe('decideBreaker', () => {
  it('opens after ten failures in a row, and tries again ever later', () => {
    const nine = run(failAt(...Array.from({ length: OPEN_AFTER_FAILURES - 1 }, () => 0)))
    expect(nine.breaker).toMatchObject({ failures: 9, probeAtMs: null })
    const ten = decideBreaker(nine.breaker, DELIVERY_RETRIES, failAt(0)[0] as Step)
    expect(ten.breaker.probeAtMs).toBe(15_000)
    const eleven = decideBreaker(ten.breaker, DELIVERY_RETRIES, failAt(15_000)[0] as Step)
    expect(eleven.breaker.probeAtMs).toBe(45_000)
  })

  it('is not put off by what was under way when it opened', () => {
    const late = failAt(20, 30, 40).map((step) => ({ ...step, isProbe: false }))
    expect(run([...failAt(...TEN), ...late, ...ofData(late)])).toEqual(run(failAt(...TEN)))
    // That warns all the same.
    const hours = failAt(9 * HOUR_MS).map((step) => ({ ...step, isProbe: false }))
    expect(run([...failAt(...TEN), ...hours]).notices).toEqual([{ type: 'failing', hours: 8 }])
  })

  it('warns after 8 and 16 hours, once each, and disables after 24', () => {
    const hours = Array.from({ length: 26 }, (_, hour) => hour * HOUR_MS)
    const { notices } = run(failAt(...hours))
    expect(notices).toEqual([
      { type: 'failing', hours: 8 },
      { type: 'failing', hours: 16 },
      { type: 'disable' },
      { type: 'disable' },
    ])
  })

  it('neither opens for whoever says when to try again, nor disables it before 48 hours', () => {
    const hours = Array.from({ length: 49 }, (_, hour) => hour * HOUR_MS)
    const { breaker, notices } = run(askAt(...hours))
    expect(breaker).toMatchObject({ failures: 0, failingSinceMs: 0, probeAtMs: null })
    expect(notices).toEqual([
      { type: 'failing', hours: 8 },
      { type: 'failing', hours: 16 },
      { type: 'failing', hours: 24 },
      { type: 'unready' },
    ])
    const again = decideBreaker(breaker, DELIVERY_RETRIES, {
      ...(askAt(0)[0] as Step),
      succeeded: true,
    })
    expect(again).toEqual({ breaker: CLOSED, notices: [{ type: 'recovered' }] })
  })

  it('disables whoever has stopped saying so after a day', () => {
    const { notices } = run([...askAt(0, 25 * HOUR_MS), ...failAt(26 * HOUR_MS)])
    expect(notices).toEqual([{ type: 'failing', hours: 24 }, { type: 'disable' }])
  })

  it('takes no day away because of a few other failures between', () => {
    const failAgain = (count: number) =>
      failAt(...Array.from({ length: count }, () => 30 * HOUR_MS)).map((step) => ({
        ...step,
        hasAsked: true,
      }))
    const warned = { type: 'failing', hours: 24 }
    const few = [...askAt(0, 25 * HOUR_MS), ...failAgain(OPEN_AFTER_FAILURES - 1)]
    expect(run(few).notices).toEqual([warned])
    expect(run([...few, ...askAt(48 * HOUR_MS)]).notices).toEqual([warned, { type: 'unready' }])
    expect(run([...few, ...failAgain(1)]).notices).toEqual([warned, { type: 'disable' }])
  })

  it('gives the later warning where both were missed', () => {
    const { notices } = run(failAt(0, 17 * HOUR_MS, 18 * HOUR_MS))
    expect(notices).toEqual([{ type: 'failing', hours: 16 }])
  })

  it('takes the earliest failure for the first, in whatever order they are told', () => {
    expect(run(failAt(5_000, 1_000)).breaker.failingSinceMs).toBe(1_000)
  })

  it('holds back data alone for what fails as data, and both for what happened to connections', () => {
    expect(run(ofData(failAt(...TEN))).breaker).toMatchObject({
      probeAtMs: 15_000,
      stateProbeAtMs: null,
    })
    expect(run(failAt(...TEN)).breaker).toMatchObject({ probeAtMs: 15_000, stateProbeAtMs: 15_000 })
    // Data that goes on failing does not put off what is tried of the other kind.
    const both = [...failAt(...TEN), ...ofData(failAt(15_000, 45_000))]
    expect(run(both).breaker).toMatchObject({ stateFailures: 10, stateProbeAtMs: 15_000 })
    fc.assert(
      fc.property(STEPS, (steps) => {
        const { breaker } = run(ofData(steps))
        expect(breaker).toMatchObject({ stateFailures: 0, stateProbeAtMs: null })
      }),
    )
  })

  it('goes on trying data with one at a time where only what happened to connections is taken', () => {
    const data = run(ofData(failAt(...TEN, 9 * HOUR_MS)))
    expect(data.notices).toEqual([{ type: 'failing', hours: 8 }])
    const { breaker, notices } = run([
      ...ofData(failAt(...TEN, 9 * HOUR_MS)),
      ...succeedAt(9 * HOUR_MS + 1),
    ])
    expect(breaker).toEqual({ ...CLOSED, failures: 11, probeAtMs: data.breaker.probeAtMs })
    // No longer failing: what is told next is told after 8 more hours.
    expect(notices).toEqual([{ type: 'failing', hours: 8 }, { type: 'recovered' }])
    // Where both had been refused, data is tried at once.
    const both = [...ofData(failAt(0)), ...failAt(...TEN), ...succeedAt(7)]
    expect(run(both)).toEqual({
      breaker: { ...CLOSED, failures: 11, probeAtMs: 7 },
      notices: [],
    })
    expect(run([...both, ...ofData(succeedAt(8))])).toEqual({
      breaker: CLOSED,
      notices: [{ type: 'recovered' }],
    })
    expect(run([...failAt(...TEN), ...succeedAt(1)]).breaker).toEqual(CLOSED)
  })

  it('is closed by data that is taken, and says so where it matters', () => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        const { breaker } = run(steps)
        const isWorthTelling = breaker.warned > 0 || breaker.probeAtMs !== null
        const [end] = failAt(1e12) as [Step]
        const success = { ...end, isData: true, succeeded: true }
        expect(decideBreaker(breaker, DELIVERY_RETRIES, success)).toEqual({
          breaker: CLOSED,
          notices: isWorthTelling ? [{ type: 'recovered' }] : [],
        })
      }),
    )
  })

  it('disables exactly what has not succeeded for a day, and always has a probe when it is open', () => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        let breaker = CLOSED
        let firstFailureMs: number | undefined
        for (const step of steps) {
          const { breaker: next, notices } = decideBreaker(breaker, DELIVERY_RETRIES, step)
          firstFailureMs = step.succeeded ? undefined : (firstFailureMs ?? step.atMs)
          const failedForMs = step.atMs - (firstFailureMs ?? step.atMs)
          const isSpared = step.isAsking || (step.hasAsked && next.failures < OPEN_AFTER_FAILURES)
          const limitMs = isSpared ? DISABLE_ASKING_AFTER_MS : DISABLE_AFTER_MS
          const end = isSpared ? 'unready' : 'disable'
          expect(notices.filter(({ type }) => type !== 'failing' && type !== 'recovered')).toEqual(
            failedForMs >= limitMs ? [{ type: end }] : [],
          )
          expect(next.probeAtMs !== null).toBe(next.failures >= OPEN_AFTER_FAILURES)
          breaker = next
          if (step.succeeded) continue
          const untilProbeMs = (next.probeAtMs ?? step.atMs + 1) - step.atMs
          expect(untilProbeMs).toBeGreaterThan(0)
          expect(untilProbeMs).toBeLessThanOrEqual(PROBE_MS_MAX)
        }
      }),
    )
  })

  it('probes no more slowly than every 15 minutes, whatever the schedule', () => {
    const schedule = { baseMs: 10 * HOUR_MS, capMs: 100 * HOUR_MS, windowMs: 1 }
    const open = { ...CLOSED, failures: 99, failingSinceMs: 0 }
    const { breaker } = decideBreaker(open, schedule, {
      ...(failAt(0)[0] as Step),
      fraction: 1,
    })
    expect(breaker.probeAtMs).toBe(15 * MINUTE_MS)
  })
})
