/** Disconnecting: gone at once here, and at the provider as soon as it can be reached. */
import { describe, expect, it } from 'vitest'
import { disconnectUser } from '../src/operations/disconnect-user.ts'
import { receiveNotice } from '../src/operations/receive-notice.ts'
import { digest } from '../src/secret.ts'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub, types } from './support/create-test-hub.ts'

const HOUR_MS = 3_600_000

async function connect(hub: TestHub, provider: string, referenceId = 'tony_stark') {
  const landing = await hub.connect(provider, { referenceId })
  return landing.searchParams.get('user_id') ?? ''
}

async function disconnect(hub: TestHub, userId: string, method = 'DELETE') {
  const answer = await hub.call(method, `/v2/auth/deauthenticateUser?user_id=${userId}`)
  await hub.hub.settle()
  return answer
}

function hasGrant(hub: TestHub, provider: string): boolean {
  return hub.simulator.accounts(provider).some(({ appsConnected }) => appsConnected.length > 0)
}

function revokeCalls(hub: TestHub): number[] {
  return hub.simulator.requests
    .filter(({ method, path }) => method === 'DELETE' || path.endsWith('/revoke'))
    .map(({ status }) => status)
}

describe('deauthenticateUser', () => {
  it.each(['DELETE', 'POST'])('with %s disconnects, announces it and revokes', async (method) => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'FITBIT')
    expect(await disconnect(hub, userId, method)).toEqual({
      status: 200,
      json: { status: 'success' },
    })
    expect(types(hub)).toEqual(['auth', 'deauth'])
    expect(hub.app.received[1]?.event).toMatchObject({
      status: 'success',
      user: { user_id: userId, active: false, reference_id: 'tony_stark', provider: 'FITBIT' },
    })
    expect(hasGrant(hub, 'FITBIT')).toBe(false)
    expect((await hub.call('GET', `/v2/userInfo?user_id=${userId}`)).status).toBe(404)
    expect((await hub.call('GET', '/v2/subscriptions')).json.users).toEqual([])
    expect(await hub.rows('SELECT * FROM token_set')).toEqual([])
    const again = await disconnect(hub, userId, method)
    expect(again).toMatchObject({ status: 404, json: { code: 'user_not_found' } })
    expect(types(hub)).toEqual(['auth', 'deauth'])
  })

  it('never ends the connection that has replaced the user', async () => {
    const hub = await createTestHub()
    const old = await connect(hub, 'GARMIN')
    await connect(hub, 'GARMIN')
    expect((await disconnect(hub, old)).status).toBe(404)
    expect(hasGrant(hub, 'GARMIN')).toBe(true)
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
  })

  it('disconnects once when it is asked twice at the same time', async () => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'GARMIN')
    const answers = await Promise.all([disconnect(hub, userId), disconnect(hub, userId)])
    await hub.simulator.settled()
    expect(answers.map(({ status }) => status).every((status) => [200, 404].includes(status))).toBe(
      true,
    )
    expect(types(hub)).toEqual(['auth', 'deauth'])
    expect(await hub.rows('SELECT id FROM revocation')).toHaveLength(1)
  })

  it.each(['GARMIN', 'FITBIT', 'OURA'])(
    'revokes %s once after the provider was down for an hour',
    async (provider) => {
      const hub = await createTestHub()
      const userId = await connect(hub, provider)
      hub.simulator.fail(provider, { revokeEndpoint: { status: 503 } })
      await disconnect(hub, userId)
      expect(types(hub)).toEqual(['auth', 'deauth'])
      await hub.advanceByMs(HOUR_MS)
      expect(hasGrant(hub, provider)).toBe(true)
      hub.simulator.heal(provider)
      await hub.advanceByMs(8 * HOUR_MS)
      expect(hasGrant(hub, provider)).toBe(false)
      expect(revokeCalls(hub).filter((status) => status < 300)).toHaveLength(1)
      expect(await hub.rows('SELECT status, token_set_sealed FROM revocation')).toEqual([
        { status: 'revoked', token_set_sealed: null },
      ])
      expect(types(hub)).toEqual(['auth', 'deauth'])
    },
  )

  it('swallows the echo that Garmin sends after our own revocation', async () => {
    const hub = await createTestHub()
    await disconnect(hub, await connect(hub, 'GARMIN'))
    await hub.simulator.settled()
    await hub.hub.settle()
    expect(hub.simulator.notices).toMatchObject([{ type: 'access_revoked', status: 200 }])
    expect(types(hub)).toEqual(['auth', 'deauth'])
  })

  it('lets an echo that comes after the reconnection disconnect nobody', async () => {
    const hub = await createTestHub()
    await disconnect(hub, await connect(hub, 'GARMIN'))
    const userId = await connect(hub, 'GARMIN')
    const [account] = hub.simulator.accounts('GARMIN')
    await fetch(hub.noticeUrls['GARMIN'] ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ deregistrations: [{ userId: account?.accountId }] }),
    })
    await hub.hub.settle()
    const { json } = await hub.call('GET', `/v2/userInfo?user_id=${userId}`)
    expect(json.user.active).toBe(true)
    expect(types(hub)).toEqual(['auth', 'deauth', 'auth'])
  })
})

describe('a user that is only reserved', () => {
  it('has its attempt cancelled, and its link ends', async () => {
    const hub = await createTestHub()
    const { json } = await hub.call('POST', '/v2/auth/authenticateUser?resource=GARMIN', {
      reference_id: 'tony_stark',
    })
    const answer = await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${json.user_id}`)
    await hub.hub.settle()
    expect(answer).toEqual({ status: 200, json: { status: 'success' } })
    expect(hub.app.received.map(({ event }) => [event.type, event['reason']])).toEqual([
      ['auth_cancelled', 'auth_cancelled'],
    ])
    expect((await hub.call('GET', `/v2/userInfo?user_id=${json.user_id}`)).status).toBe(404)
    expect((await fetch(json.auth_url, { redirect: 'manual' })).status).toBe(410)
  })
})

describe('data for a user that has been disconnected', () => {
  it('is refused, and nobody is told', async () => {
    const hub = await createTestHub()
    const landing = await hub.connect('GARMIN')
    const userId = landing.searchParams.get('user_id')
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    const body = { type: 'activity', user_id: userId, data: [] }
    expect((await hub.call('POST', '/admin/v1/events/generate', body)).status).toBe(404)
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth', 'deauth'])
  })
})

describe('an account that two people of the app share', () => {
  it('keeps its grant until the last of them disconnects', async () => {
    const hub = await createTestHub()
    const tony = await connect(hub, 'GARMIN', 'tony_stark')
    const pepper = await connect(hub, 'GARMIN', 'pepper_potts')
    await disconnect(hub, tony)
    expect(hasGrant(hub, 'GARMIN')).toBe(true)
    expect(await hub.rows('SELECT status FROM revocation')).toEqual([{ status: 'not_needed' }])
    const { json } = await hub.call('GET', `/v2/userInfo?user_id=${pepper}`)
    expect(json.user.active).toBe(true)
    await disconnect(hub, pepper)
    expect(hasGrant(hub, 'GARMIN')).toBe(false)
    const ends = await hub.rows('SELECT status FROM revocation ORDER BY id')
    expect(ends.map(({ status }) => status)).toEqual(['not_needed', 'revoked'])
  })

  it('revokes once when both disconnect at the same time', async () => {
    const hub = await createTestHub()
    const users = [
      await connect(hub, 'GARMIN', 'tony_stark'),
      await connect(hub, 'GARMIN', 'pepper_potts'),
    ]
    await Promise.all(users.map(async (userId) => await disconnect(hub, userId)))
    await hub.hub.settle()
    expect(hasGrant(hub, 'GARMIN')).toBe(false)
    expect(types(hub).toSorted()).toEqual(['auth', 'auth', 'deauth', 'deauth'])
    const open = await hub.rows("SELECT id FROM revocation WHERE status = 'pending'")
    expect(open).toEqual([])
  })
})

describe('the page of connections with show_disconnect', () => {
  async function openPage(hub: TestHub, body: Record<string, unknown> = {}) {
    const person = createPerson({ login: 'tony' })
    const link = await hub.createLink({ show_disconnect: true, ...body })
    await person.request(link)
    const page = await (await person.request(`${link}/connections`)).text()
    return { person, link, page }
  }

  it('lists what the person has connected and disconnects it', async () => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'FITBIT')
    await connect(hub, 'GARMIN', 'pepper_potts')
    const { person, link, page } = await openPage(hub)
    expect(page).toContain(`name="user_id" value="${userId}"`)
    expect(page).toContain('Yes, disconnect Fitbit')
    expect(page).not.toContain('Disconnect Garmin')
    const click = new URLSearchParams({ user_id: userId })
    const after = await person.request(`${link}/disconnect`, click)
    expect(after.status).toBe(303)
    expect(after.headers.get('location')).toBe(`${link}/connections?gone=FITBIT`)
    // A second click finds nothing left to do.
    expect((await person.request(`${link}/disconnect`, click)).status).toBe(303)
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'auth', 'deauth'])
    expect(hasGrant(hub, 'FITBIT')).toBe(false)
    const gone = await (await person.request(after.headers.get('location') ?? '')).text()
    expect(gone).toContain('Fitbit is disconnected.')
    expect(gone).not.toContain('Disconnect Fitbit')
  })

  it.each([
    ['another person', { reference_id: 'pepper_potts' }],
    ['a page that does not show connections', { show_disconnect: false }],
    ['a page for nobody in particular', { reference_id: null }],
  ])('disconnects nothing for %s', async (_who, body) => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'FITBIT')
    const { person, link, page } = await openPage(hub, body)
    expect(page).not.toContain('Disconnect Fitbit')
    await person.request(`${link}/disconnect`, new URLSearchParams({ user_id: userId }))
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth'])
    expect(hasGrant(hub, 'FITBIT')).toBe(true)
  })

  it('asks to connect again where the access was removed at the provider', async () => {
    const hub = await createTestHub()
    await connect(hub, 'FITBIT')
    const [account] = hub.simulator.accounts('FITBIT')
    await hub.simulator.removeApp('FITBIT', {
      clientId: hub.clientIds['FITBIT'] ?? '',
      accountId: account?.accountId ?? '',
    })
    await hub.hub.settle()
    const { page } = await openPage(hub)
    expect(page).toContain('The provider no longer lets data through. Please connect again.')
  })
})

describe('a reconnection that comes in between', () => {
  /** The hub's dependencies, with a person who reconnects right before the next commit. */
  function withReconnection(hub: TestHub) {
    const { store } = hub.hub.deps
    let hasReconnected = false
    const transaction: typeof store.transaction = async (run) => {
      if (!hasReconnected) {
        hasReconnected = true
        await hub.connect('GARMIN')
      }
      return await store.transaction(run)
    }
    return { ...hub.hub.deps, store: { ...store, transaction } }
  }

  it('is not ended by a disconnection of the user that it replaced', async () => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'GARMIN')
    const environment = await hub.hub.deps.store.environments.find(DEV_ID)
    const call = disconnectUser(withReconnection(hub), environment!, userId)
    await expect(call).rejects.toMatchObject({ code: 'user_not_found' })
    await hub.hub.settle()
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
    expect(hasGrant(hub, 'GARMIN')).toBe(true)
  })

  it('is not ended by a notice about the grant that it replaced', async () => {
    const hub = await createTestHub()
    await connect(hub, 'GARMIN')
    const [account] = hub.simulator.accounts('GARMIN')
    const accountId = account?.accountId ?? ''
    const { pathname } = new URL(hub.noticeUrls['GARMIN'] ?? '')
    const [, , , , key = ''] = pathname.split('/')
    // The notice itself gets lost on its way, so that it can be played back step by step.
    const clientId = hub.clientIds['GARMIN'] ?? ''
    const store = hub.hub.deps.store
    await store.providerApps.save({
      ...(await store.providerApps.find(DEV_ID, 'GARMIN'))!,
      noticeKeyHash: digest('another address'),
    })
    await hub.simulator.removeApp('GARMIN', { clientId, accountId })
    await store.providerApps.save({
      ...(await store.providerApps.find(DEV_ID, 'GARMIN'))!,
      noticeKeyHash: digest(key),
    })
    const reply = await receiveNotice(withReconnection(hub), {
      environmentId: DEV_ID,
      provider: 'GARMIN',
      key,
      method: 'POST',
      url: new URL(hub.noticeUrls['GARMIN'] ?? ''),
      headers: new Headers(),
      body: new TextEncoder().encode(JSON.stringify({ deregistrations: [{ userId: accountId }] })),
    })
    await hub.hub.settle()
    expect(reply.status).toBe(200)
    expect(types(hub)).toEqual(['auth', 'user_reauth', 'auth'])
    expect(hasGrant(hub, 'GARMIN')).toBe(true)
  })
})

describe('a person who connects again while the old grant is being revoked', () => {
  it('waits for the call to end, and is told when it took the new grant along', async () => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'GARMIN')
    // The provider takes its time, and does the work at the end of it.
    hub.simulator.fail('GARMIN', { revokeEndpoint: { hangMs: HOUR_MS, times: 1 } })
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    await expect
      .poll(async () => await hub.rows('SELECT calling_until_ms AS until FROM revocation'))
      .not.toEqual([{ until: null }])
    const again = hub.connect('GARMIN')
    // The hub looks again every 200 ms of its own time.
    await expect.poll(() => (hub.clock.nextTimerMs ?? 0) - hub.clock.nowMs()).toBe(200)
    hub.simulator.heal('GARMIN')
    await expect
      .poll(async () => await hub.rows('SELECT status FROM revocation'))
      .toEqual([{ status: 'revoked' }])
    hub.clock.moveTo(hub.clock.nowMs() + 200)
    const landing = await again
    expect(landing.searchParams.get('reason')).toBe('provider_unavailable')
    expect(types(hub)).toEqual(['auth', 'deauth', 'auth_cancelled'])
    expect(await hub.rows("SELECT * FROM connection WHERE status = 'active'")).toEqual([])
    // Whoever tries once more is connected.
    expect(await connect(hub, 'GARMIN')).not.toBe('')
  })

  it('is connected when the call has come to nothing, and keeps the grant', async () => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'GARMIN')
    hub.simulator.fail('GARMIN', { revokeEndpoint: { hangMs: HOUR_MS, status: 503, times: 1 } })
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    await expect
      .poll(async () => await hub.rows('SELECT calling_until_ms AS until FROM revocation'))
      .not.toEqual([{ until: null }])
    const again = hub.connect('GARMIN')
    await expect.poll(() => (hub.clock.nextTimerMs ?? 0) - hub.clock.nowMs()).toBe(200)
    hub.simulator.heal('GARMIN')
    await expect
      .poll(async () => await hub.rows('SELECT status, calling_until_ms AS until FROM revocation'))
      .toEqual([{ status: 'pending', until: null }])
    hub.clock.moveTo(hub.clock.nowMs() + 200)
    expect((await again).searchParams.get('user_id')).toMatch(/./)
    await hub.advanceByMs(HOUR_MS)
    expect(await hub.rows('SELECT status FROM revocation')).toEqual([{ status: 'not_needed' }])
    expect(hasGrant(hub, 'GARMIN')).toBe(true)
    expect(types(hub)).toEqual(['auth', 'deauth', 'auth'])
  })

  it('keeps the new grant: the revocation waits for the exchange, and is then not needed', async () => {
    const hub = await createTestHub()
    const userId = await connect(hub, 'GARMIN')
    const person = createPerson({ login: 'tony' })
    const callback = await person.authorize(
      await hub.choose(person, await hub.createLink(), 'GARMIN'),
    )
    hub.simulator.fail('GARMIN', { tokenEndpoint: { hangMs: HOUR_MS, times: 1 } })
    const arriving = person.request(callback)
    await expect
      .poll(async () => await hub.rows("SELECT id FROM flow WHERE status = 'exchanging'"))
      .toHaveLength(1)
    await disconnect(hub, userId)
    hub.simulator.heal('GARMIN')
    expect((await arriving).headers.get('location')).toContain('user_id=')
    await hub.advanceByMs(60_000)
    expect(await hub.rows('SELECT status FROM revocation')).toEqual([{ status: 'not_needed' }])
    expect(hasGrant(hub, 'GARMIN')).toBe(true)
    expect(revokeCalls(hub)).toEqual([])
  })
})
