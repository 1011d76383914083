import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  OTHER_ENVIRONMENT_ID,
  type ConnectionChange,
  addEnvironments,
  connectionRow,
  ended,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import type { Store } from './open.ts'

describeStore('ConnectionTable', (open) => {
  async function openWith(...changes: ConnectionChange[]): Promise<Store> {
    const store = await open()
    await addEnvironments(store)
    for (const change of changes) await store.connections.save(connectionRow(change), EPOCH_MS)
    return store
  }

  it('gives a connection back as it was saved, whatever its status', async () => {
    const store = await openWith()
    const active = connectionRow({ referenceId: null })
    const { state } = active
    const degraded = {
      ...active,
      lastOrderingMs: EPOCH_MS + 7,
      state: {
        ...state,
        user: { ...state.user, scopes: [], lastWebhookUpdateMs: EPOCH_MS },
        status: 'active' as const,
        degradedAtMs: EPOCH_MS + 1,
        degradedBy: 'http_403' as const,
        errorAnnouncedAtMs: EPOCH_MS + 2,
      },
    }
    for (const connection of [
      active,
      degraded,
      ended(active, 'inactive'),
      ended(active, 'deleted'),
      active,
    ]) {
      await store.connections.save(connection, EPOCH_MS)
      expect(await store.connections.find('lineage-1')).toEqual(connection)
      expect(
        await store.connections.findByMatchKeyForUpdate(ENVIRONMENT_ID, 'key of lineage-1'),
      ).toEqual(connection)
    }
    expect(await store.connections.find('lineage-2')).toBeUndefined()
    expect(
      await store.connections.findByMatchKeyForUpdate(OTHER_ENVIRONMENT_ID, 'key of lineage-1'),
    ).toBe(undefined)
  })

  it('finds a lineage by every user_id that it had, in its environment only', async () => {
    const store = await openWith({ userId: 'user-b' })
    await store.connections.save(connectionRow({ userId: 'user-a' }), EPOCH_MS + 1)
    await store.connections.save(connectionRow({ userId: 'user-c' }), EPOCH_MS + 2)
    await store.connections.save(
      ended(connectionRow({ userId: 'user-c' }), 'deleted'),
      EPOCH_MS + 3,
    )
    for (const userId of ['user-b', 'user-a', 'user-c']) {
      const found = await store.connections.findByAlias(ENVIRONMENT_ID, userId)
      expect(found).toMatchObject({ lineageId: 'lineage-1', state: { user: { userId: 'user-c' } } })
      expect(await store.connections.findByAlias(OTHER_ENVIRONMENT_ID, userId)).toBeUndefined()
    }
    const aliases = await store.connections.listAliasTimes('lineage-1', 10)
    expect(aliases.map(({ userId }) => userId)).toEqual(['user-b', 'user-a', 'user-c'])
    expect(await store.connections.listAliasTimes('lineage-1', 2)).toHaveLength(2)
    expect(await store.connections.findByAlias(ENVIRONMENT_ID, 'user-d')).toBeUndefined()
  })

  it('keeps one lineage per match key of an environment', async () => {
    const store = await openWith({ matchKey: 'key' })
    const second = connectionRow({ lineageId: 'lineage-2', matchKey: 'key' })
    await expect(store.connections.save(second, EPOCH_MS)).rejects.toThrow(/unique/i)
    const elsewhere = { ...second, environmentId: OTHER_ENVIRONMENT_ID }
    await store.connections.save(elsewhere, EPOCH_MS)
    expect(await store.connections.findByMatchKeyForUpdate(OTHER_ENVIRONMENT_ID, 'key')).toEqual(
      elsewhere,
    )
  })

  it('lists the active connections of an account, page by page', async () => {
    const account = 'account-1'
    const store = await openWith(
      { lineageId: 'b', account },
      { lineageId: 'a', account },
      { lineageId: 'other account' },
      { lineageId: 'other provider', account, provider: 'FITBIT' },
      { lineageId: 'other environment', account, environmentId: OTHER_ENVIRONMENT_ID },
    )
    const gone = connectionRow({ lineageId: '0 gone', account })
    await store.connections.save(ended(gone, 'deleted'), EPOCH_MS)
    await store.connections.save(
      ended(connectionRow({ lineageId: '1 ended', account }), 'inactive'),
      EPOCH_MS,
    )
    const garmin = { provider: 'GARMIN', providerAccountId: account }
    const list = async (limit: number, after?: string) =>
      (await store.connections.listActiveByAccount(ENVIRONMENT_ID, garmin, { limit, after })).map(
        ({ lineageId }) => lineageId,
      )
    expect(await list(10)).toEqual(['a', 'b'])
    expect(await list(1)).toEqual(['a'])
    expect(await list(1, 'a')).toEqual(['b'])
    expect(await list(1, 'b')).toEqual([])
    expect(await store.connections.hasActive(ENVIRONMENT_ID, garmin)).toBe(true)
    for (const lineageId of ['a', 'b']) {
      const connection = connectionRow({ lineageId, account })
      await store.connections.save(ended(connection, 'inactive'), EPOCH_MS)
    }
    expect(await store.connections.hasActive(ENVIRONMENT_ID, garmin)).toBe(false)
  })

  it('lists the users of a person, oldest first, without those that are deleted', async () => {
    const store = await openWith(
      { lineageId: 'young', createdAtMs: EPOCH_MS + 2 },
      { lineageId: 'old', createdAtMs: EPOCH_MS + 1 },
      { lineageId: 'pepper', referenceId: 'pepper' },
      { lineageId: 'nobody', referenceId: null },
      { lineageId: 'elsewhere', environmentId: OTHER_ENVIRONMENT_ID },
    )
    await store.connections.save(ended(connectionRow({ lineageId: 'gone' }), 'deleted'), EPOCH_MS)
    const list = async (limit: number) =>
      (await store.connections.listByReference(ENVIRONMENT_ID, 'tony_stark', limit)).map(
        ({ lineageId }) => lineageId,
      )
    expect(await list(10)).toEqual(['old', 'young'])
    expect(await list(1)).toEqual(['old'])
  })

  it('pages through all users that are not deleted, each once', async () => {
    const names = Array.from({ length: 25 }, (_, i) => `lineage-${String(i).padStart(2, '0')}`)
    const store = await openWith(...names.map((lineageId) => ({ lineageId })))
    await store.connections.save(ended(connectionRow({ lineageId: 'gone' }), 'deleted'), EPOCH_MS)
    const other = { lineageId: 'elsewhere', environmentId: OTHER_ENVIRONMENT_ID }
    await store.connections.save(connectionRow(other), EPOCH_MS)
    const paged: string[] = []
    for (let offset = 0; ; offset += 10) {
      const page = await store.connections.list(ENVIRONMENT_ID, { limit: 10, offset })
      paged.push(...page.map(({ lineageId }) => lineageId))
      if (page.length < 10) break
    }
    expect(paged).toEqual(names)
    expect(await store.connections.countBy(ENVIRONMENT_ID, {})).toBe(25)
    expect(await store.connections.countBy('nowhere', {})).toBe(0)
  })

  it('takes a new token version without touching anything else', async () => {
    const store = await openWith({})
    await store.connections.setTokenVersion('lineage-1', 9)
    const before = connectionRow()
    expect(await store.connections.find('lineage-1')).toEqual({
      ...before,
      state: { ...before.state, tokenVersion: 9 },
    })
  })
})
