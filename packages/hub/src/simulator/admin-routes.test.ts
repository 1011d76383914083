import { afterAll, describe, expect, it } from 'vitest'
import { createPerson } from './person.ts'
import { startSimulator } from './simulator.ts'

const simulator = await startSimulator()

afterAll(async () => {
  await simulator.close()
})

async function send(method: string, path: string, body?: unknown, type = 'application/json') {
  const response = await fetch(`${simulator.url}/_simulator/${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': type } }),
  })
  return { status: response.status, json: (await response.json()) as any }
}

const tokenUrl = `${simulator.url}/api.ouraring.com/oauth/token`

describe('faults over HTTP', () => {
  it('make an endpoint fail until they are taken away', async () => {
    const tokenEndpoint = { status: 429, error: 'slow_down' }
    expect(await send('PUT', 'oura/faults', { tokenEndpoint })).toEqual({ status: 200, json: {} })
    const failing = await fetch(tokenUrl, { method: 'POST' })
    expect([failing.status, await failing.json()]).toMatchObject([429, { error: 'slow_down' }])
    expect((await send('DELETE', 'OURA/faults')).status).toBe(200)
    expect((await fetch(tokenUrl, { method: 'POST' })).status).toBe(401)
  })

  it('answer 200 with an error inside', async () => {
    await send('PUT', 'OURA/faults', { tokenEndpoint: { status: 200, error: 'nope', times: 1 } })
    const answer = await fetch(tokenUrl, { method: 'POST' })
    expect([answer.status, await answer.json()]).toMatchObject([200, { error: 'nope' }])
  })

  it.each([
    ['PUT', 'OURA/faults', { tokenEndpoint: { status: 7 } }, 400],
    ['PUT', 'OURA/faults', { otherEndpoint: {} }, 400],
    ['PUT', 'NOBODY/faults', {}, 404],
    ['POST', 'OURA/remove-app', {}, 400],
    ['POST', 'OURA/remove-app', { client_id: 'a', account_id: 'b' }, 404],
    ['POST', 'OURA/permissions', { client_id: 'a', account_id: 'b', scopes: [] }, 404],
  ])('refuse %s %s %j', async (method, path, body, status) => {
    expect((await send(method, path, body)).status).toBe(status)
  })

  it('are not for pages of other sites', async () => {
    expect((await send('PUT', 'OURA/faults', {}, 'text/plain')).status).toBe(400)
  })
})

describe('people over HTTP', () => {
  it('are listed, and remove the app', async () => {
    const redirectUri = 'https://hub.test/callback'
    const app = { resource: 'OURA', redirectUris: [redirectUri] }
    const { clientId } = simulator.registerApp(app)
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: clientId,
      redirect_uri: redirectUri,
    })
    const login = `${simulator.url}/cloud.ouraring.com/oauth/authorize?${query.toString()}`
    await createPerson({ login: 'tony' }).authorize(login)
    const { json } = await send('GET', 'OURA/accounts')
    expect(json.accounts).toMatchObject([{ login: 'tony' }])
  })
})
