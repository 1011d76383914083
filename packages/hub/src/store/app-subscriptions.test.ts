import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  OTHER_ENVIRONMENT_ID,
  addEnvironments,
} from '../../test/support/store-rows.ts'
import { wantSubscriptions } from '../operations/want-subscriptions.ts'
import { getProvider } from '../providers/catalog.ts'
import { Redacted } from '../secret.ts'
import { createIds, systemRandom } from '../system.ts'
import type { AppSubscriptionChange } from './app-subscriptions.ts'
import type { Store } from './open.ts'

const OWNER = { environmentId: ENVIRONMENT_ID, provider: 'STRAVA' }
const FORMER = {
  clientId: 'client',
  clientSecret: 'client-secret',
  secrets: {},
  originOverrides: {},
  overrides: {},
}
const APP = {
  ...OWNER,
  clientId: 'client',
  clientSecret: new Redacted('client-secret'),
  noticeKeyHash: 'hash',
  originOverrides: {},
  overrides: {},
  secrets: null,
  createdAtMs: 1,
}
const ACTIVE: AppSubscriptionChange = {
  status: 'active',
  madeIds: ['7'],
  wanted: 1,
  active: 1,
  endsAtMs: 9_000,
  attempts: 0,
  sinceMs: 1_000,
  dueAtMs: 5_000,
  detail: null,
  checkedAtMs: 1_000,
}

describeStore('AppSubscriptionTable', (open) => {
  async function openWith(...ids: string[]): Promise<Store> {
    const store = await open()
    await addEnvironments(store)
    for (const id of ids) await store.appSubscriptions.want({ ...OWNER, id, nowMs: 1_000 })
    return store
  }

  const claim = async (store: Store, id: string, nowMs = 1_000) =>
    await store.appSubscriptions.claimDue({ id: `process-1/${id}`, nowMs, untilMs: nowMs + 100 })

  it('has one row for each app, and hands it to one worker until its claim ends', async () => {
    const store = await openWith('a', 'b')
    expect(await store.appSubscriptions.list(ENVIRONMENT_ID, 10)).toHaveLength(1)
    expect(await store.appSubscriptions.list(OTHER_ENVIRONMENT_ID, 10)).toEqual([])
    expect(await claim(store, 'early', 999)).toBeUndefined()
    expect(await claim(store, 'one')).toMatchObject({ id: 'a', status: 'pending' })
    expect(await claim(store, 'two')).toBeUndefined()
    expect(await store.appSubscriptions.nextDueAtMs()).toBe(1_100)
    expect(await claim(store, 'three', 1_100)).toMatchObject({ id: 'a' })
    await store.appSubscriptions.freeClaimsOf('process-1')
    expect(await claim(store, 'four', 1_101)).toMatchObject({ id: 'a' })
  })

  it('settles for whoever has the claim, and not where the app has changed meanwhile', async () => {
    const store = await openWith('a')
    const claimed = await claim(store, 'one')
    await store.appSubscriptions.want({ ...OWNER, id: 'b', nowMs: 1_050 })
    expect(await store.appSubscriptions.settle(claimed!, ACTIVE)).toBe(false)
    // What it is still doing at the provider would come behind whoever looked now.
    expect(await claim(store, 'early', 1_050)).toBeUndefined()
    await store.appSubscriptions.want({ ...OWNER, id: 'c', nowMs: 1_050 })
    await store.appSubscriptions.release(claimed!)
    const again = await claim(store, 'two', 1_050)
    expect(await store.appSubscriptions.settle(again!, ACTIVE)).toBe(true)
    expect(await store.appSubscriptions.find(OWNER)).toMatchObject({ ...ACTIVE, claimId: null })
    expect(await store.appSubscriptions.nextDueAtMs()).toBe(5_000)
    await store.appSubscriptions.wakeThese([ENVIRONMENT_ID], 'STRAVA', 2_000)
    expect(await store.appSubscriptions.nextDueAtMs()).toBe(2_000)
  })

  it('stays due where it was woken during a look, whose findings are kept', async () => {
    const store = await openWith('a')
    const claimed = await claim(store, 'one')
    // Twice, within the millisecond in which it was due.
    for (let times = 0; times < 2; times += 1)
      await store.appSubscriptions.wakeThese([ENVIRONMENT_ID], 'STRAVA', 1_000)
    expect(await store.appSubscriptions.settle(claimed!, ACTIVE)).toBe(true)
    const again = await claim(store, 'two')
    expect(again).toMatchObject({ id: 'a', status: 'active', madeIds: ['7'] })
    expect(await store.appSubscriptions.settle(again!, ACTIVE)).toBe(true)
    expect(await store.appSubscriptions.nextDueAtMs()).toBe(5_000)
  })

  it.each(['its owner', 'who buries it', 'time'])('is free again by %s', async (by) => {
    const store = await openWith('a')
    const claimed = await claim(store, 'one')
    await store.appSubscriptions.retire(OWNER, FORMER, 1_050)
    expect(await store.appSubscriptions.settle(claimed!, ACTIVE)).toBe(false)
    expect(await claim(store, 'early', 1_060)).toBeUndefined()
    if (by === 'its owner') await store.appSubscriptions.release(claimed!)
    if (by === 'who buries it') await store.appSubscriptions.freeClaimsOf('process-1')
    const next = await claim(store, 'two', by === 'time' ? 1_100 : 1_060)
    expect(next).toMatchObject({ id: 'a', status: 'removing' })
    // It is not its owner's any more.
    await store.appSubscriptions.release(claimed!)
    expect(await claim(store, 'three', 1_101)).toBeUndefined()
  })

  it('keeps an app that was given up beside its successor, until nothing is left of it', async () => {
    const store = await openWith('a')
    await store.appSubscriptions.retire(OWNER, FORMER, 2_000)
    expect(await store.appSubscriptions.find(OWNER)).toBeUndefined()
    await store.appSubscriptions.want({ ...OWNER, id: 'b', nowMs: 3_000 })
    const removing = await claim(store, 'one', 2_000)
    expect(removing).toMatchObject({ id: 'a', status: 'removing' })
    expect(removing?.formerApp?.reveal()).toEqual(FORMER)
    await store.appSubscriptions.remove(removing!)
    expect(await store.appSubscriptions.find(OWNER)).toMatchObject({ id: 'b', formerApp: null })
    await store.appSubscriptions.forget(OWNER)
    expect(await store.appSubscriptions.nextDueAtMs()).toBeUndefined()
  })

  it('leaves them to whoever is making them, where credentials are saved unchanged', async () => {
    const store = await openWith('a')
    const provider = getProvider('STRAVA')
    const saved = { ...APP, pausedUntilMs: null }
    const clock = { nowMs: () => 3_000 }
    const deps = { store, clock, ids: { ...createIds(clock, systemRandom), ordered: () => 'b' } }
    await claim(store, 'one', 2_000)
    await wantSubscriptions(deps, { before: saved, after: APP, provider })
    expect(await store.appSubscriptions.find(OWNER)).toMatchObject({
      id: 'a',
      claimId: 'process-1/one',
      dueAtMs: 999,
    })
    const changed = { ...APP, clientSecret: new Redacted('another') }
    await wantSubscriptions(deps, { before: saved, after: changed, provider })
    expect(await store.appSubscriptions.find(OWNER)).toMatchObject({
      id: 'a',
      claimId: 'process-1/one!',
    })
    await store.appSubscriptions.forget(OWNER)
    await wantSubscriptions(deps, { before: saved, after: APP, provider })
    expect(await store.appSubscriptions.find(OWNER)).toMatchObject({ id: 'b', status: 'pending' })
  })

  it('finds apps that nobody looks after', async () => {
    const store = await openWith()
    expect(await store.appSubscriptions.listUnwatched(['STRAVA'], { limit: 10 })).toEqual([])
    await store.providerApps.save(APP)
    expect(await store.appSubscriptions.listUnwatched(['OURA'], { limit: 10 })).toEqual([])
    expect(await store.appSubscriptions.listUnwatched(['OURA', 'STRAVA'], { limit: 10 })).toEqual([
      OWNER,
    ])
    expect(
      await store.appSubscriptions.listUnwatched(['OURA', 'STRAVA'], { after: OWNER, limit: 10 }),
    ).toEqual([])
    await store.appSubscriptions.want({ ...OWNER, id: 'a', nowMs: 1_000 })
    expect(await store.appSubscriptions.listUnwatched(['OURA', 'STRAVA'], { limit: 10 })).toEqual(
      [],
    )
  })
})
