/** Terra's own client, pointed at the hub: an app that was written against it does not notice. */
import {
  Terra,
  TerraClient,
  TerraError,
  WebhookVerificationError,
  verifyTerraWebhookSignature,
} from 'terra-api'
import { describe, expect, it } from 'vitest'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'

const NOBODY = '00000000-0000-4000-8000-000000000000'
/** The hub's clock stands still in another year. */
const TOLERANCE = { tolerance: 1_000_000_000 }

function createClient(hub: TestHub, apiKey = hub.apiKey, devId = DEV_ID): TerraClient {
  return new TerraClient({ baseUrl: `${hub.url}/v2`, devId, apiKey })
}

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('the client', () => {
  it('connects a person through a widget session', async () => {
    const hub = await createTestHub()
    const session = await createClient(hub).authentication.generatewidgetsession({
      reference_id: 'tony_stark',
      providers: 'GARMIN,FITBIT',
      language: 'en',
      auth_success_redirect_url: 'https://app.example/ok',
      auth_failure_redirect_url: 'https://app.example/failed',
    })
    expect(session).toMatchObject({ status: 'success', expires_in: 900 })
    const tony = createPerson({ login: 'tony' })
    const callback = await tony.authorize(await hub.choose(tony, session.url ?? '', 'GARMIN'))
    const landing = (await tony.request(callback)).headers.get('location') ?? ''
    await hub.hub.settle()
    expect(hub.app.received[0]?.event).toMatchObject({
      type: 'auth',
      widget_session_id: session.session_id,
      user: { user_id: new URL(landing).searchParams.get('user_id') },
    })
  })

  it('makes a widget session of nothing at all', async () => {
    const hub = await createTestHub()
    const session = await createClient(hub).authentication.generatewidgetsession()
    expect(session.status).toBe('success')
  })

  it('makes an authentication link, and sees the user before and after', async () => {
    const hub = await createTestHub()
    const client = createClient(hub)
    const made = await client.authentication.authenticateuser({
      resource: 'FITBIT',
      reference_id: 'tony_stark',
      auth_success_redirect_url: 'https://app.example/ok',
    })
    const user_id = made.user_id ?? ''
    expect(await client.user.getinfoforuserid({ user_id })).toMatchObject({
      status: 'success',
      is_authenticated: false,
    })
    const tony = createPerson({ login: 'tony' })
    const departure = await tony.request(made.auth_url ?? '')
    await tony.request(await tony.authorize(departure.headers.get('location') ?? ''))
    expect(await client.user.getinfoforuserid({ user_id })).toMatchObject({
      is_authenticated: true,
      user: {
        user_id,
        provider: 'FITBIT',
        reference_id: 'tony_stark',
        active: true,
        created_at: '2024-10-07T03:45:00.000000+00:00',
      },
    })
  })

  it('lists the users of a person, and all users with and without pages', async () => {
    const hub = await createTestHub()
    const client = createClient(hub)
    for (const provider of ['FITBIT', 'GARMIN', 'OURA']) await hub.connect(provider)
    await hub.connect('GARMIN', { referenceId: 'pepper_potts' })
    const own = await client.user.getinfoforuserid({ reference_id: 'tony_stark' })
    expect(own).toHaveLength(3)
    expect(await client.user.getinfoforuserid({ reference_id: 'nobody' })).toEqual([])
    const all = await client.user.getalluserids()
    expect(all).toMatchObject({ status: 'success' })
    const { users } = all as { users: { user_id: string }[] }
    expect(users).toHaveLength(4)
    const paged: string[] = []
    for (let page: number | null = 0; page !== null;) {
      const { data } = (await client.user.getalluserids({ page, per_page: 3 })) as {
        data: { next: number | null; max_page: number; results: { user_id: string }[] }
      }
      expect(data.max_page).toBe(1)
      paged.push(...data.results.map(({ user_id }) => user_id))
      page = data.next
    }
    expect(paged).toEqual(users.map(({ user_id }) => user_id))
  })

  it('disconnects a user', async () => {
    const hub = await createTestHub()
    const user_id = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    const { authentication } = createClient(hub)
    expect(await authentication.deauthenticateuser({ user_id })).toEqual({ status: 'success' })
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth', 'deauth'])
  })

  it('looks several users up at once', async () => {
    const hub = await createTestHub()
    const a = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    const b = (await hub.connect('FITBIT')).searchParams.get('user_id') ?? ''
    const users = await createClient(hub).user.getinfoformultipleuserids([b, a, NOBODY])
    expect(users.map(({ user_id }) => user_id)).toEqual([b, a])
  })

  it('gives a user another reference_id', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    const { user } = createClient(hub)
    const changed = await user.modifyuser(userId, { reference_id: 'iron_man', active: true })
    expect(changed).toMatchObject({ status: 'success', user: { reference_id: 'iron_man' } })
  })

  it('makes tokens for a mobile SDK', async () => {
    const hub = await createTestHub()
    const token = await createClient(hub).authentication.generateauthtoken()
    expect(token).toMatchObject({ status: 'success', expires_in: 180 })
    expect(token.token).toMatch(/^[0-9a-f]{64}$/)
  })

  it('lists the integrations, with and without those of phones', async () => {
    const hub = await createTestHub()
    const { integrations } = createClient(hub)
    const { providers, sdk_resource } = await integrations.fetch()
    expect(providers).toContain('GARMIN')
    expect(sdk_resource).toContain('APPLE')
    const web = await integrations.detailedfetch()
    expect(web.providers).toHaveLength(3)
    expect(web.providers?.[1]).toMatchObject({ provider: 'GARMIN', enabled: true, setup: 'oauth' })
    expect((await integrations.detailedfetch({ sdk: true })).providers).toHaveLength(6)
  })

  it('throws its own errors, with what the hub said in them', async () => {
    const hub = await createTestHub()
    const client = createClient(hub)
    const stranger = createClient(hub, 'wrong')
    const failures = [
      [
        () => client.authentication.deauthenticateuser({ user_id: NOBODY }),
        Terra.NotFoundError,
        404,
        'user_not_found',
      ],
      [
        () => client.user.getinfoforuserid({ user_id: NOBODY }),
        Terra.NotFoundError,
        404,
        'user_not_found',
      ],
      [() => client.user.getinfoforuserid({}), Terra.BadRequestError, 400, 'bad_request'],
      [() => client.user.getalluserids({ page: -1 }), Terra.BadRequestError, 400, 'bad_request'],
      [
        () =>
          client.authentication.generatewidgetsession({
            auth_success_redirect_url: 'javascript:1',
          }),
        Terra.BadRequestError,
        400,
        'redirect_url_refused',
      ],
      [
        () => client.authentication.authenticateuser({ resource: 'PEBBLE' }),
        Terra.NotFoundError,
        404,
        'resource_unknown',
      ],
      [
        () => client.authentication.authenticateuser({ resource: '' }),
        Terra.BadRequestError,
        400,
        'bad_request',
      ],
      [() => client.user.getinfoformultipleuserids([]), Terra.BadRequestError, 400, 'bad_request'],
      [
        () => client.user.getinfoformultipleuserids([NOBODY]),
        Terra.NotFoundError,
        404,
        'user_not_found',
      ],
      [
        () => client.user.modifyuser(NOBODY, { reference_id: '' }),
        Terra.BadRequestError,
        400,
        'bad_request',
      ],
      [
        () => stranger.authentication.generateauthtoken(),
        Terra.NotFoundError,
        404,
        'environment_not_found',
      ],
      // Its generated calls name 401 nowhere but here and there: the base class is all they promise.
      [() => stranger.user.getalluserids(), TerraError, 401, 'unauthorized'],
      [() => stranger.authentication.generatewidgetsession(), TerraError, 401, 'unauthorized'],
      [() => stranger.user.getinfoforuserid({ user_id: NOBODY }), TerraError, 401, 'unauthorized'],
      [
        () => stranger.authentication.authenticateuser({ resource: 'FITBIT' }),
        TerraError,
        401,
        'unauthorized',
      ],
      [
        () => stranger.authentication.deauthenticateuser({ user_id: NOBODY }),
        TerraError,
        401,
        'unauthorized',
      ],
      [
        () => stranger.user.modifyuser(NOBODY, { reference_id: 'tony' }),
        TerraError,
        401,
        'unauthorized',
      ],
      [() => stranger.user.getinfoformultipleuserids([NOBODY]), TerraError, 401, 'unauthorized'],
      // As Terra does here, and nowhere else, of a user that it does not know.
      [
        () => client.user.modifyuser(NOBODY, { reference_id: 'tony' }),
        Terra.BadRequestError,
        400,
        'bad_request',
      ],
    ] as const
    for (const [call, kind, statusCode, code] of failures) {
      const error = await failureOf(call())
      expect(error).toBeInstanceOf(kind)
      expect(error).toMatchObject({ statusCode, body: { status: 'error', code } })
    }
  })
})

describe('the client’s signature check', () => {
  it('accepts what the hub delivered, also a second attempt, and refuses a changed byte', async () => {
    const hub = await createTestHub()
    let attempts = 0
    hub.app.answer = () => ({ status: (attempts += 1) === 1 ? 500 : 200 })
    await hub.connect('GARMIN')
    await hub.advanceByMs(3_600_000)
    expect(hub.app.received).toHaveLength(2)
    const { destinationSecret: secret } = hub
    for (const { body, headers } of hub.app.received) {
      for (const name of ['terra-signature', 'x-terra-signature']) {
        const header = String(headers[name])
        expect(await verifyTerraWebhookSignature(body, header, secret, TOLERANCE)).toBe(true)
        for (const [changed, signature, key] of [
          [body.replace('GARMIN', 'GARNIM'), header, secret],
          [`${body} `, header, secret],
          [body, header.replace(/t=\d+/, 't=1'), secret],
          [body, header, `${secret}x`],
        ] as const) {
          const check = verifyTerraWebhookSignature(changed, signature, key, TOLERANCE)
          await expect(check).rejects.toBeInstanceOf(WebhookVerificationError)
        }
      }
    }
    const [first, second] = hub.app.received
    expect(second?.headers['x-terra-trace-id']).toBe(first?.headers['x-terra-trace-id'])
    expect(second?.headers['terra-signature']).not.toBe(first?.headers['terra-signature'])
  })
})
