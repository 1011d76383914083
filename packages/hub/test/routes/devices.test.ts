/** Devices that connect through a mobile SDK. */
import { describe, expect, it } from 'vitest'
import { DEV_ID, type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { expectProblem } from '../support/problems.ts'

const PHONE = { resource: 'APPLE', device_id: 'phone-1', reference_id: 'tony_stark' }

async function tokenOf(hub: TestHub, path = '/v2/auth/generateAuthToken'): Promise<string> {
  const { status, json } = await hub.call('POST', path)
  expect([status, json]).toEqual([
    200,
    { status: 'success', token: expect.stringMatching(/^[0-9a-f]{64}$/), expires_in: 180 },
  ])
  return json.token
}

async function redeem(hub: TestHub, body: object, devId = DEV_ID): Promise<Response> {
  return await fetch(`${hub.url}/v2/auth/redeemToken`, {
    method: 'POST',
    headers: { 'dev-id': devId, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function connect(hub: TestHub, change: object = {}): Promise<any> {
  const response = await redeem(hub, { token: await tokenOf(hub), ...PHONE, ...change })
  expect(response.status).toBe(200)
  await hub.hub.settle()
  return await response.json()
}

describe('a device', () => {
  it('becomes a user like any other', async () => {
    const hub = await createTestHub()
    const { user_id } = await connect(hub, { resource: 'apple', scopes: 'steps,sleep' })
    expect(hub.app.received[0]?.event).toMatchObject({
      type: 'auth',
      status: 'success',
      reference_id: 'tony_stark',
      user: { user_id, provider: 'APPLE', scopes: 'steps,sleep', active: true },
    })
    const { json } = await hub.call('GET', `/v2/userInfo?user_id=${user_id}`)
    expect(json).toMatchObject({ is_authenticated: true, user: { user_id } })
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${user_id}`)
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth', 'deauth'])
    const again = await connect(hub)
    expect(again).toMatchObject({ was_connected: false })
    expect(again.user_id).not.toBe(user_id)
    expect(hub.app.accepted).toEqual(['auth', 'deauth', 'auth'])
  })

  it('stays who it is when it connects again, and nobody hears of it', async () => {
    const hub = await createTestHub()
    const first = await connect(hub)
    expect(await connect(hub)).toEqual({ ...first, was_connected: true })
    expect(hub.app.accepted).toEqual(['auth'])
  })

  it('takes the place of the person’s former one', async () => {
    const hub = await createTestHub()
    const { user_id: oldId } = await connect(hub)
    const { user_id: newId } = await connect(hub, { device_id: 'phone-2' })
    expect(hub.app.accepted).toEqual(['auth', 'user_reauth', 'auth'])
    expect(hub.app.received[1]?.event).toMatchObject({
      old_user: { user_id: oldId, active: false },
      new_user: { user_id: newId, active: true },
    })
  })

  it('is another connection for another person, another source, and for nobody', async () => {
    const hub = await createTestHub()
    await connect(hub)
    await connect(hub, { reference_id: 'pepper_potts' })
    await connect(hub, { resource: 'SAMSUNG' })
    await connect(hub, { reference_id: null })
    await connect(hub, { reference_id: null, device_id: 'phone-2' })
    expect(hub.app.accepted).toEqual(['auth', 'auth', 'auth', 'auth', 'auth'])
    const { json } = await hub.call('GET', '/v2/subscriptions')
    expect(json.users).toHaveLength(5)
  })

  it('belongs to whom the token names, whatever it says itself', async () => {
    const hub = await createTestHub()
    const token = await tokenOf(hub, '/v2/auth/tokens?reference_id=pepper_potts')
    const response = await redeem(hub, { token, ...PHONE })
    expect(await response.json()).toMatchObject({ reference_id: 'pepper_potts' })
  })
})

describe('a token', () => {
  it('is good once, for 180 seconds, in its own environment', async () => {
    const hub = await createTestHub()
    const staging = await hub.addEnvironment('acme-staging')
    const token = await tokenOf(hub)
    await expectProblem(await redeem(hub, { token, ...PHONE }, staging.devId), 'unauthorized')
    await expectProblem(await redeem(hub, { token, ...PHONE }, ''), 'unauthorized')
    const both = await Promise.all([
      redeem(hub, { token, ...PHONE }),
      redeem(hub, { token, ...PHONE, device_id: 'phone-2' }),
    ])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 401])
    const late = await tokenOf(hub)
    await hub.advanceByMs(180_000)
    await expectProblem(await redeem(hub, { token: late, ...PHONE }), 'unauthorized')
    await expectProblem(await redeem(hub, { token: 'x', ...PHONE }), 'unauthorized')
  })

  it('is not used up by a request that is wrong', async () => {
    const hub = await createTestHub()
    const token = await tokenOf(hub)
    await expectProblem(await redeem(hub, { token, ...PHONE, device_id: '' }), 'bad_request')
    const pebble = await redeem(hub, { token, ...PHONE, resource: 'PEBBLE' })
    await expectProblem(pebble, 'resource_unknown')
    expect((await redeem(hub, { token, ...PHONE })).status).toBe(200)
  })

  it('is not for everyone: a wrong dev-id is nowhere to be found', async () => {
    const hub = await createTestHub()
    for (const path of ['/v2/auth/generateAuthToken', '/api/v2/auth/tokens']) {
      const headers = { 'dev-id': 'nobody', 'x-api-key': hub.apiKey }
      const response = await fetch(hub.url + path, { method: 'POST', headers })
      expect(await expectProblem(response, 'environment_not_found')).toMatch(/^Invalid dev-id/)
    }
  })
})
