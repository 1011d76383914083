import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  addEnvironments,
  connectionRow,
  tokenContent,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { Redacted } from '../secret.ts'
import type { Store } from './open.ts'

const LINEAGE = 'lineage-1'

describeStore('TokenSetTable', (open) => {
  const of = (version: number, lineageId = LINEAGE) => ({
    environmentId: ENVIRONMENT_ID,
    lineageId,
    provider: 'GARMIN',
    version,
  })
  const content = (version: number, refreshAtMs: number | null = null) =>
    tokenContent(new Redacted(`{"access":"token ${version}"}`), { refreshAtMs })
  const claim = (id: string, nowMs: number) => ({ id, nowMs, untilMs: nowMs + 100 })
  const times = content(1).times

  async function openWithTokens(refreshAtMs: number | null = null): Promise<Store> {
    const store = await open()
    await addEnvironments(store)
    await store.connections.save(connectionRow(), EPOCH_MS)
    await store.tokenSets.save(of(1), content(1, refreshAtMs), EPOCH_MS)
    return store
  }

  async function present(store: Store): Promise<unknown> {
    const found = await store.tokenSets.find(ENVIRONMENT_ID, LINEAGE)
    return found === undefined ? undefined : [found.version, found.json.reveal()]
  }

  async function canClaim(store: Store, id: string, nowMs: number): Promise<boolean> {
    const claimed = await store.tokenSets.claim(ENVIRONMENT_ID, LINEAGE, claim(id, nowMs))
    return claimed !== undefined
  }

  it('keeps one token set per connection', async () => {
    const store = await openWithTokens()
    await store.tokenSets.save(of(2), content(2), EPOCH_MS)
    expect(await present(store)).toEqual([2, '{"access":"token 2"}'])
    await store.tokenSets.remove(LINEAGE)
    expect(await present(store)).toBeUndefined()
  })

  it('gives the right to refresh to one of many, until it is given back or runs out', async () => {
    const store = await openWithTokens()
    const claims = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => await canClaim(store, `c${i}`, 0)),
    )
    expect(claims.filter(Boolean)).toHaveLength(1)
    const holder = `c${claims.indexOf(true)}`
    const next = { refreshAtMs: null, times }
    await store.tokenSets.release(LINEAGE, 'another', next)
    expect(await canClaim(store, 'd', 99)).toBe(false)
    expect(await canClaim(store, 'd', 100)).toBe(true)
    await store.tokenSets.release(LINEAGE, holder, next)
    expect(await canClaim(store, 'e', 100)).toBe(false)
    await store.tokenSets.release(LINEAGE, 'd', next)
    expect(await canClaim(store, 'e', 100)).toBe(true)
  })

  it('lets a holder renew its claim, and nobody else', async () => {
    const store = await openWithTokens()
    await canClaim(store, 'c', 0)
    expect(await store.tokenSets.renew(LINEAGE, { id: 'another', untilMs: 900 })).toBe(false)
    expect(await store.tokenSets.renew(LINEAGE, { id: 'c', untilMs: 500 })).toBe(true)
    expect(await canClaim(store, 'd', 499)).toBe(false)
    expect(await canClaim(store, 'd', 500)).toBe(true)
    expect(await store.tokenSets.renew(LINEAGE, { id: 'c', untilMs: 900 })).toBe(false)
  })

  it('replaces only the version that the refresh started from, and ends the claim', async () => {
    const store = await openWithTokens()
    await canClaim(store, 'c', 0)
    const from = { version: 1, atMs: EPOCH_MS }
    expect(await store.tokenSets.replace(of(2), content(2), from)).toBe(true)
    expect(await store.tokenSets.replace(of(3), content(3), from)).toBe(false)
    expect(await present(store)).toEqual([2, '{"access":"token 2"}'])
    expect(await canClaim(store, 'd', 0)).toBe(true)
  })

  it('does not bring back tokens of a connection that has ended', async () => {
    const store = await openWithTokens()
    await store.tokenSets.remove(LINEAGE)
    const from = { version: 1, atMs: EPOCH_MS }
    expect(await store.tokenSets.replace(of(2), content(2), from)).toBe(false)
    expect(await canClaim(store, 'd', 0)).toBe(false)
    expect(await present(store)).toBeUndefined()
  })

  it('remembers that an answer is missing, until one is stored', async () => {
    const store = await openWithTokens()
    await canClaim(store, 'c', 5)
    const mark = async (id: string, nowMs: number) =>
      await store.tokenSets.markSent(ENVIRONMENT_ID, LINEAGE, { id, nowMs })
    expect(await mark('another', 5)).toBeUndefined()
    expect(await mark('c', 5)).toMatchObject({ unansweredSinceMs: 5, version: 1 })
    // Killed; somebody else sends again. The time is that of the last answer that is missing.
    await canClaim(store, 'd', 200)
    expect(await mark('d', 200)).toMatchObject({ unansweredSinceMs: 200 })
    const failure = { failures: 1, rejections: 0, rejectedSinceMs: null, detail: 'no answer' }
    const failed = { ...failure, atMs: 210, retryAtMs: 300 }
    await store.tokenSets.fail(LINEAGE, 'd', { ...failed, isUnanswered: true })
    const found = await store.tokenSets.find(ENVIRONMENT_ID, LINEAGE)
    expect(found).toMatchObject({ unansweredSinceMs: 200, failures: 1, lastFailure: 'no answer' })
    expect(found).toMatchObject({ retryAtMs: 300, refreshAtMs: 300, lastFailureAtMs: 210 })
    await canClaim(store, 'e', 300)
    await store.tokenSets.replace(of(2), content(2), { version: 1, atMs: 300 })
    expect(await store.tokenSets.find(ENVIRONMENT_ID, LINEAGE)).toMatchObject({
      unansweredSinceMs: null,
      failures: 0,
      lastFailure: null,
      retryAtMs: null,
    })
  })

  it('hands out what is due, per provider, to one at a time, and again when a claim runs out', async () => {
    const store = await openWithTokens(10)
    await store.connections.save(connectionRow({ lineageId: 'lineage-2' }), EPOCH_MS)
    await store.tokenSets.save(of(1, 'lineage-2'), content(1, 5), EPOCH_MS)
    const due = async (nowMs: number, limit = 10) =>
      await store.tokenSets.claimDue('GARMIN', { ...claim('w', nowMs), limit })
    expect(await store.tokenSets.listDueProviders(4, 10)).toEqual([])
    expect(await store.tokenSets.nextDueAtMs({ afterMs: 4 })).toBe(5)
    expect(await store.tokenSets.nextDueAtMs({ afterMs: 5 })).toBe(10)
    expect(await due(4)).toEqual([])
    expect(await store.tokenSets.listDueProviders(10, 10)).toEqual(['GARMIN'])
    expect(await store.tokenSets.claimDue('OURA', { ...claim('w', 10), limit: 10 })).toEqual([])
    expect(await due(10, 1)).toEqual(['lineage-2'])
    expect(await due(10)).toEqual([LINEAGE])
    expect(await due(10)).toEqual([])
    expect(await store.tokenSets.nextDueAtMs({ provider: 'GARMIN' })).toBe(110)
    expect((await due(110)).toSorted()).toEqual([LINEAGE, 'lineage-2'])
  })

  it('sets a row aside without touching its tokens', async () => {
    const store = await openWithTokens(10)
    await store.tokenSets.claimDue('GARMIN', { ...claim('w', 10), limit: 1 })
    const until = { atMs: 11, refreshAtMs: 500, detail: 'unreadable' }
    await store.tokenSets.setAside(LINEAGE, 'w', until)
    expect(await store.tokenSets.nextDueAtMs({ afterMs: 0 })).toBe(500)
    expect(await present(store)).toEqual([1, '{"access":"token 1"}'])
  })
})
