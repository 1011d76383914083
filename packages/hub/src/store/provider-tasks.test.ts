import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import { ENVIRONMENT_ID, addEnvironments } from '../../test/support/store-rows.ts'
import type { Store } from './open.ts'
import type { NewProviderTask } from './provider-tasks.ts'

const GARMIN = { environmentId: ENVIRONMENT_ID, provider: 'GARMIN' }

describeStore('ProviderTaskTable', (open) => {
  const task = (id: string, changes: Partial<NewProviderTask> = {}): NewProviderTask => ({
    id,
    environmentId: ENVIRONMENT_ID,
    provider: 'GARMIN',
    providerAccountId: 'account-1',
    type: 'access_revoked',
    payload: { isAuthenticated: false },
    createdAtMs: 1_000,
    ...changes,
  })

  async function openWith(...tasks: NewProviderTask[]): Promise<Store> {
    const store = await open()
    await addEnvironments(store)
    for (const one of tasks) await store.providerTasks.add(one)
    return store
  }

  async function claim(store: Store, id: string, nowMs = 1_000): Promise<string[]> {
    const times = { nowMs, untilMs: nowMs + 100 }
    const claimed = { id: `process-1/${id}`, ...times, limit: 10, ...GARMIN }
    return (await store.providerTasks.claimDue(claimed)).map((one) => one.id)
  }

  it('hands each task to one worker, in the order in which they came, until its claim ends', async () => {
    const store = await openWith(task('b', { providerAccountId: 'x' }), task('a'))
    expect(await store.providerTasks.nextDueAtMs()).toBe(1_000)
    expect(await claim(store, 'one', 999)).toEqual([])
    expect(await claim(store, 'one')).toEqual(['a', 'b'])
    expect(await claim(store, 'two')).toEqual([])
    // Who had them may not have been able to say that they failed, as in an outage of the database.
    expect(await store.providerTasks.nextDueAtMs()).toBe(1_100)
    expect(await claim(store, 'three', 1_100)).toEqual(['a', 'b'])
    await store.providerTasks.freeClaimsOf('process-1')
    expect(await claim(store, 'four', 1_101)).toEqual(['a', 'b'])
  })

  it('names the providers that something is due at, and hands out the tasks of one', async () => {
    const polar = { environmentId: ENVIRONMENT_ID, provider: 'POLAR' }
    const store = await openWith(
      task('a', { createdAtMs: 2_000 }),
      task('b', { provider: 'POLAR' }),
      task('c', { provider: 'POLAR', providerAccountId: 'account-2', createdAtMs: 1_500 }),
    )
    const { providerTasks } = store
    expect(await providerTasks.listDueProviders(1_999, 10)).toEqual([polar])
    expect(await providerTasks.listDueProviders(2_000, 10)).toEqual([polar, GARMIN])
    expect(await providerTasks.listDueProviders(2_000, 1)).toEqual([polar])
    expect(await claim(store, 'one', 2_000)).toEqual(['a'])
    expect(await providerTasks.listDueProviders(2_000, 10)).toEqual([polar])
  })

  it('takes the same task once while it waits', async () => {
    const store = await openWith(task('a'), task('b'), task('c', { payload: { scopes: [] } }))
    expect(await claim(store, 'one')).toEqual(['a', 'c'])
    await store.providerTasks.add(task('d'))
    expect(await claim(store, 'two')).toEqual(['d'])
  })

  it('counts a repeated task from its last repetition, and not where another came between', async () => {
    const scopes = (...names: string[]) => ({
      type: 'scopes_changed' as const,
      payload: { scopes: names },
    })
    const store = await openWith(
      task('a'),
      task('b', { createdAtMs: 7_000 }),
      task('c', scopes('x')),
      task('d', scopes('y')),
      task('e', scopes('x')),
    )
    const found = await store.providerTasks.list(ENVIRONMENT_ID, { limit: 10 })
    expect(found.map(({ id, createdAtMs }) => [id, createdAtMs])).toEqual([
      ['e', 1_000],
      ['d', 1_000],
      ['c', 1_000],
      ['a', 7_000],
    ])
  })

  it('postpones, ends, lists and in the end forgets', async () => {
    const store = await openWith(task('a'), task('b', { type: 'subscribe' }))
    expect(await claim(store, 'one')).toEqual(['a', 'b'])
    const a = { id: 'a', claimId: 'process-1/one' }
    const b = { id: 'b', claimId: 'process-1/one' }
    await store.providerTasks.postpone(a, { detail: 'busy', attempts: 1, dueAtMs: 5_000 })
    await store.providerTasks.end(b, { status: 'done', detail: null, attempts: 1, atMs: 2_000 })
    expect(await store.providerTasks.nextDueAtMs()).toBe(5_000)
    const page = async (before?: string) =>
      await store.providerTasks.list(ENVIRONMENT_ID, { limit: 1, before })
    expect(await page()).toMatchObject([{ id: 'b', status: 'done', endedAtMs: 2_000 }])
    expect(await page('b')).toMatchObject([{ id: 'a', status: 'pending', detail: 'busy' }])
    expect(await store.providerTasks.oldestEndAtMs()).toBe(2_000)
    await store.providerTasks.dropEndedBefore(2_000, 10)
    expect(await page()).toHaveLength(1)
    await store.providerTasks.dropEndedBefore(2_001, 10)
    expect(await page()).toMatchObject([{ id: 'a' }])
    expect(await store.providerTasks.oldestEndAtMs()).toBeUndefined()
  })

  it('lets nobody end or postpone what somebody else has claimed since', async () => {
    const store = await openWith(task('a'))
    await claim(store, 'slow')
    const slow = { id: 'a', claimId: 'process-1/slow' }
    expect(await claim(store, 'next', 1_100)).toEqual(['a'])
    await store.providerTasks.end(slow, {
      status: 'failed',
      detail: null,
      attempts: 1,
      atMs: 1_150,
    })
    await store.providerTasks.postpone(slow, { detail: 'late', attempts: 9, dueAtMs: 9_000 })
    expect(await store.providerTasks.list(ENVIRONMENT_ID, { limit: 10 })).toMatchObject([
      { status: 'pending', attempts: 0, detail: null, claimId: 'process-1/next' },
    ])
  })

  it('keeps what nobody could read, and asks nobody to do it', async () => {
    const unreadable = { type: 'unreadable', providerAccountId: null } as const
    const store = await openWith(task('a', { ...unreadable, payload: { body: '{' } }))
    expect(await claim(store, 'one')).toEqual([])
    expect(await store.providerTasks.nextDueAtMs()).toBeUndefined()
    expect(await store.providerTasks.list(ENVIRONMENT_ID, { limit: 10 })).toMatchObject([
      { status: 'failed', payload: { body: '{' }, detail: 'this notice could not be read' },
    ])
  })
})
