/** Signed notices of a revocation: how far they reach, and what they are worth while the provider cannot be asked. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '../src/core/time.ts'
import { doProviderTasks } from '../src/operations/provider-tasks.ts'
import { createPerson } from '../src/simulator/person.ts'
import type { Connection } from '../src/store/connections.ts'
import { DEV_ID, type TestHub, createTestHub, types } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

const DOWN = { status: 503 }

function target(hub: TestHub) {
  const accountId = hub.simulator.accounts('FITBIT')[0]?.accountId ?? ''
  return { clientId: hub.clientIds['FITBIT'] ?? '', accountId }
}

async function connect(hub: TestHub): Promise<string> {
  return (await hub.connect('FITBIT')).searchParams.get('user_id') ?? ''
}

/** A notice as Fitbit signs it, which tells nobody when it was made. */
async function sendSigned(hub: TestHub): Promise<void> {
  const app = await hub.hub.deps.store.providerApps.find(DEV_ID, 'FITBIT')
  const body = JSON.stringify([
    { collectionType: 'userRevokedAccess', ownerId: target(hub).accountId },
  ])
  const key = `${app?.clientSecret.reveal()}&`
  const signature = createHmac('sha1', key).update(body).digest('base64')
  const headers = { 'content-type': 'application/json', 'x-fitbit-signature': signature }
  const init = { method: 'POST', headers, body }
  expect((await fetch(hub.noticeUrls['FITBIT'] ?? '', init)).status).toBe(204)
  await hub.hub.settle()
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
  await hub.advanceByMs(13 * HOUR_MS)
  expect(await hub.rows(active)).toEqual([])
  expect(await ends(hub)).toEqual(['done'])
  expect(types(hub)).toEqual(['auth', ...Array.from({ length: 121 }, () => 'access_revoked')])
})

describe('the echo of our own revocation, after the reconnection', () => {
  async function reconnected() {
    const hub = await createTestHub()
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${await connect(hub)}`)
    await hub.hub.settle()
    return { hub, userId: await connect(hub) }
  }

  async function expectNobodyGone(hub: TestHub, userId: string): Promise<void> {
    expect((await hub.call('GET', `/v2/userInfo?user_id=${userId}`)).json.user.active).toBe(true)
    expect(types(hub)).toEqual(['auth', 'deauth', 'auth'])
  }

  it('disconnects nobody', async () => {
    const { hub, userId } = await reconnected()
    await sendSigned(hub)
    expect(await ends(hub)).toEqual(['unfounded'])
    await expectNobodyGone(hub, userId)
  })

  it('waits while the provider is down, and disconnects nobody when it is up again', async () => {
    const { hub, userId } = await reconnected()
    hub.simulator.fail('FITBIT', { accountEndpoint: DOWN, tokenEndpoint: DOWN })
    await sendSigned(hub)
    await hub.advanceByMs(6 * HOUR_MS)
    expect(await ends(hub)).toEqual(['pending'])
    await expectNobodyGone(hub, userId)
    hub.simulator.heal('FITBIT')
    await hub.advanceByMs(2 * HOUR_MS)
    expect(await ends(hub)).toEqual(['unfounded'])
    await expectNobodyGone(hub, userId)
  })

  it('is refuted by a refresh where the provider never answers about the account', async () => {
    const { hub, userId } = await reconnected()
    hub.simulator.fail('FITBIT', { accountEndpoint: DOWN })
    await sendSigned(hub)
    await hub.advanceByMs(24 * HOUR_MS)
    expect(await ends(hub)).toEqual(['unfounded'])
    await expectNobodyGone(hub, userId)
  })
})

it('ends the connection after twelve hours in which the provider gave no answer', async () => {
  const hub = await createTestHub()
  await connect(hub)
  hub.simulator.fail('FITBIT', { accountEndpoint: DOWN, tokenEndpoint: DOWN })
  await hub.simulator.removeApp('FITBIT', target(hub))
  await hub.hub.settle()
  await hub.advanceByMs(11 * HOUR_MS)
  expect([types(hub), await ends(hub)]).toEqual([['auth'], ['pending']])
  await hub.advanceByMs(2 * HOUR_MS)
  expect([types(hub), await ends(hub)]).toEqual([['auth', 'access_revoked'], ['done']])
})

it('believes a withdrawal that repeats the words of an echo which a refresh has refuted', async () => {
  const hub = await createTestHub()
  await connect(hub)
  hub.simulator.fail('FITBIT', { accountEndpoint: DOWN })
  await sendSigned(hub)
  // Until its next attempt the tokens are refreshed, and the person leaves.
  await hub.database.execute(
    `UPDATE provider_task SET due_at_ms = ${hub.clock.nowMs() + 9 * HOUR_MS} WHERE status = 'pending'`,
  )
  await hub.advanceByMs(8 * HOUR_MS)
  expect(await hub.rows('SELECT version FROM token_set')).toEqual([{ version: 2 }])
  await hub.simulator.removeApp('FITBIT', target(hub))
  await hub.hub.settle()
  await hub.advanceByMs(14 * HOUR_MS)
  // A refresh finds out that something is wrong; what it is, only the notice tells.
  expect(types(hub).at(-1)).toBe('access_revoked')
})

it('is confirmed minutes after the provider answers again, hours later', async () => {
  const hub = await createTestHub()
  await connect(hub)
  hub.simulator.fail('FITBIT', { accountEndpoint: DOWN, tokenEndpoint: DOWN })
  await hub.simulator.removeApp('FITBIT', target(hub))
  await hub.hub.settle()
  // With an hour between attempts, the next one would come 26 minutes later.
  await hub.advanceByMs(6 * HOUR_MS + 5 * MINUTE_MS)
  expect(types(hub)).toEqual(['auth'])
  hub.simulator.heal('FITBIT')
  await hub.advanceByMs(10 * MINUTE_MS)
  expect(types(hub)).toEqual(['auth', 'access_revoked'])
})

it('asks a provider that hangs about few accounts in a turn, and holds up no other one', async () => {
  const hub = await createTestHub()
  const names = ['a', 'b', 'c', 'd', 'e', 'f']
  for (const name of names) {
    await hub.connect('FITBIT', { referenceId: name, person: createPerson({ login: name }) })
  }
  await hub.connect('GARMIN')
  const { deps } = hub.hub
  const { providerTasks } = deps.store
  const startMs = hub.clock.nowMs()
  for (const provider of ['FITBIT', 'GARMIN']) {
    for (const { accountId } of hub.simulator.accounts(provider)) {
      await providerTasks.add({
        id: deps.ids.ordered(),
        environmentId: DEV_ID,
        provider,
        providerAccountId: accountId,
        type: 'access_revoked',
        payload: { isAuthenticated: true },
        createdAtMs: startMs,
      })
    }
  }
  let asked = 0
  await doProviderTasks({
    ...deps,
    clock: { nowMs: () => startMs + asked * 10 * SECOND_MS },
    fetch: intercept((url) => {
      if (!url.includes('profile.json')) return undefined
      asked += 1
      return Promise.reject(new TypeError('nobody answers'))
    }),
  })
  expect(asked).toBe(3)
  const after = (await providerTasks.list(DEV_ID, { limit: 100 })).filter(
    ({ type }) => type === 'access_revoked',
  )
  expect(after.map(({ provider, status }) => `${provider} ${status}`).toSorted()).toEqual([
    ...names.map(() => 'FITBIT pending'),
    'GARMIN unfounded',
  ])
})
