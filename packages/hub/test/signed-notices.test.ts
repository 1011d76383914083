/** Signed notices of a revocation: how far they reach. */
import { expect, it } from 'vitest'
import type { Connection } from '../src/store/connections.ts'
import { DEV_ID, type TestHub, createTestHub, types } from './support/create-test-hub.ts'

function target(hub: TestHub) {
  const accountId = hub.simulator.accounts('FITBIT')[0]?.accountId ?? ''
  return { clientId: hub.clientIds['FITBIT'] ?? '', accountId }
}

async function connect(hub: TestHub): Promise<string> {
  return (await hub.connect('FITBIT')).searchParams.get('user_id') ?? ''
}

/** What has become of the notices. */
async function ends(hub: TestHub): Promise<string[]> {
  const found = await hub.hub.deps.store.providerTasks.list(DEV_ID, { limit: 100 })
  return found.filter(({ type }) => type === 'access_revoked').map(({ status }) => status)
}

/** A connection of the account that was made before, and one after; both without tokens. */
async function addOthers(hub: TestHub, real: Connection, index: number): Promise<void> {
  const { connections } = hub.hub.deps.store
  const { providerAccountId, tokenVersion, user } = real.state
  for (const [status, id] of [
    ['inactive', `!${index}`],
    ['active', `~${index}`],
  ] as const) {
    const known = { providerAccountId, tokenVersion, user: { ...user, userId: id } }
    const state =
      status === 'active' && real.state.status === 'active'
        ? { ...real.state, ...known }
        : { ...known, status: 'inactive' as const }
    await connections.save({ ...real, lineageId: id, matchKey: id, state }, hub.clock.nowMs())
  }
}

it('reaches every active connection of the account, however many others there are', async () => {
  const hub = await createTestHub()
  await connect(hub)
  const [real] = await hub.hub.deps.store.connections.listBy(DEV_ID, {}, { limit: 1 })
  for (let index = 0; index < 120; index += 1) await addOthers(hub, real!, index)
  const active = "SELECT lineage_id FROM connection WHERE status = 'active'"
  expect(await hub.rows(active)).toHaveLength(121)
  await hub.simulator.removeApp('FITBIT', target(hub))
  await hub.hub.settle()
  expect(await hub.rows(active)).toEqual([])
  expect(await ends(hub)).toEqual(['done'])
  expect(types(hub)).toEqual(['auth', ...Array.from({ length: 121 }, () => 'access_revoked')])
})
