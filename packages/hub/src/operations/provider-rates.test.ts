import { describe, expect, it } from 'vitest'
import { getProvider } from '../providers/catalog.ts'
import { type Caller, createProviderRates } from './provider-rates.ts'

/** Asks as often as it may. @returns How often that was. */
function exhaust(take: (caller: Caller) => number, caller: Caller): number {
  let taken = 0
  while (take(caller) === 0) taken += 1
  return taken
}

function open(resource: string, state = { processes: 1 }) {
  const clock = { now: 0, nowMs: () => clock.now }
  const rates = createProviderRates({ clock }, () => state.processes)
  const provider = getProvider(resource)
  const takeFor =
    (providerAccountId: string, clientId = 'app') =>
    (caller: Caller) =>
      rates.take({
        access: { provider, credentials: { clientId, clientSecret: 's' } },
        providerAccountId,
        caller,
      })
  return { clock, takeFor }
}

describe('the rates of a provider', () => {
  it('leave a tenth to the hub, and hold for all of an app together', () => {
    const { clock, takeFor } = open('WITHINGS')
    expect(exhaust(takeFor('a'), 'app')).toBe(108)
    expect(takeFor('b')('app')).toBe(61_000)
    expect(takeFor('b', 'another app')('app')).toBe(0)
    expect(exhaust(takeFor('b'), 'hub')).toBe(12)
    expect(takeFor('a')('refresh')).toBe(61_000)
    clock.now = 60_999
    expect(takeFor('a')('app')).toBe(1)
    clock.now = 61_000
    expect(exhaust(takeFor('a'), 'app')).toBe(108)
  })

  it('hold for each account where the provider counts so', () => {
    const { takeFor } = open('FITBIT')
    expect(exhaust(takeFor('a'), 'app')).toBe(135)
    expect(takeFor('b')('app')).toBe(0)
  })

  it('hold all at once', () => {
    const { clock, takeFor } = open('STRAVA')
    let taken = 0
    for (let quarter = 0; quarter < 12; quarter += 1) {
      taken += exhaust(takeFor('a'), 'app')
      clock.now += 20 * 60_000
    }
    // 180 in a quarter of an hour, and not more than 1,800 in a day.
    expect(taken).toBe(1_800)
  })

  it('do not count refreshes where the provider does not', () => {
    const { takeFor } = open('WAHOO')
    expect(exhaust(takeFor('a'), 'hub')).toBe(200)
    expect(takeFor('a')('refresh')).toBe(0)
  })

  it('allow everything where none are known', () => {
    const { takeFor } = open('GARMIN')
    const waits = Array.from({ length: 10_000 }, () => takeFor('a')('app'))
    expect(new Set(waits)).toEqual(new Set([0]))
  })

  it('are shared by all processes, however many come and go', () => {
    const state = { processes: 4 }
    const { clock, takeFor } = open('WITHINGS', state)
    expect(exhaust(takeFor('a'), 'app')).toBe(27)
    expect(exhaust(takeFor('a'), 'hub')).toBe(3)
    // Two have ended.
    state.processes = 2
    expect(exhaust(takeFor('a'), 'app')).toBe(24)
    expect(exhaust(takeFor('a'), 'hub')).toBe(6)
    state.processes = 3
    expect(takeFor('a')('hub')).toBe(61_000)
    clock.now = 61_000
    expect(exhaust(takeFor('a'), 'hub')).toBe(40)
    // Nobody is left without any.
    state.processes = 1_000
    clock.now = 122_000
    expect(exhaust(takeFor('a'), 'app')).toBe(1)
  })
})
