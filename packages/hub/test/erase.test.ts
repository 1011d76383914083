/** Removing a person of the app: what is gone, what is given back, what is still sent, and what proves it. */
import { expect, it } from 'vitest'
import { HOUR_MS } from '../src/core/time.ts'
import { erasePerson } from '../src/operations/erase-person.ts'
import { findProviderAccess } from '../src/operations/provider-access.ts'
import { getFreshTokens } from '../src/operations/refresh-tokens.ts'
import { digest } from '../src/secret.ts'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

const ARRIVAL = { timeout: 180_000, interval: 20 }
const NAME = 'tony.stark@example.org'
const PATH = `/admin/v1/people/${encodeURIComponent(NAME)}`

function granted(hub: TestHub): string[] {
  // A row that the erasure was still writing is come back to at once, by a timer without a delay.
  hub.clock.moveTo(hub.clock.nowMs())
  return ['GARMIN', 'FITBIT', 'OURA'].flatMap((provider) =>
    hub.simulator
      .accounts(provider)
      .filter(({ appsConnected }) => appsConnected.length > 0)
      .map(({ login }) => `${login} at ${provider}`),
  )
}

/** Where a text still stands in the database, the audit log aside. */
async function findIn(hub: TestHub, text: string): Promise<string[]> {
  const found: string[] = []
  for (const table of await hub.database.tables()) {
    if (table === 'audit') continue
    const rows = await hub.rows(`SELECT * FROM ${table}`)
    if (JSON.stringify(rows).includes(text)) found.push(table)
  }
  return found
}

it('disconnects a person everywhere and forgets them', async () => {
  const hub = await createTestHub()
  const first = (await hub.connect('GARMIN', { referenceId: NAME })).searchParams.get('user_id')
  await hub.connect('GARMIN', { referenceId: NAME })
  await hub.connect('FITBIT', { referenceId: NAME })
  await hub.connect('OURA', { referenceId: NAME, decision: 'deny' })
  const pepper = createPerson({ login: 'pepper' })
  const hers = await hub.connect('GARMIN', { referenceId: 'pepper_potts', person: pepper })
  const open = await hub.createLink({ reference_id: NAME })
  const { json: promised } = await hub.call('POST', '/v2/auth/authenticateUser?resource=OURA', {
    reference_id: NAME,
  })
  const erased = await hub.call('DELETE', `${PATH}?owed_events=remove`)
  expect(erased.status).toBe(200)
  expect(erased.json).toMatchObject({ connections: 2, events_owed: 0, has_more: false })
  await expect.poll(() => granted(hub), ARRIVAL).toEqual(['pepper at GARMIN'])
  await hub.hub.settle()
  expect(await findIn(hub, NAME)).toEqual([])
  expect(await hub.rows('SELECT lineage_id FROM token_set')).toHaveLength(1)
  // Nothing that was made for them leads anywhere.
  expect((await fetch(open)).status).toBe(410)
  expect((await hub.call('GET', `/v2/userInfo?user_id=${promised.user_id}`)).status).toBe(404)
  expect((await hub.call('GET', `/v2/userInfo?user_id=${first}`)).status).toBe(404)
  expect((await hub.call('GET', '/admin/v1/users?include_deleted=true')).json.data).toHaveLength(3)
  // Others are as they were, and the books still balance.
  const userId = hers.searchParams.get('user_id')
  expect((await hub.call('GET', `/v2/userInfo?user_id=${userId}`)).json.user.active).toBe(true)
  expect((await hub.call('GET', '/admin/v1/ledger')).json).toMatchObject({ balanced: true })
  const again = await hub.call('DELETE', PATH)
  expect([again.status, again.json.code]).toEqual([404, 'not_found'])
})

it('looks at no more events than it is told to, and says that there are more', async () => {
  const hub = await createTestHub()
  for (const referenceId of [NAME, NAME, 'pepper', 'rhodey']) {
    await hub.connect('GARMIN', { referenceId })
  }
  await hub.hub.settle()
  const { deps } = hub.hub
  const environment = await deps.store.environments.find(DEV_ID)
  if (environment === undefined) throw new TypeError('the test hub has an environment')
  const whom = { referenceId: NAME, actor: 'test', owedEvents: 'remove' } as const
  const some = await erasePerson(deps, environment, { ...whom, eventsMax: 1 })
  expect(some).toMatchObject({ events: 1, hasMore: true })
  const all = await erasePerson(deps, environment, { ...whom, referenceId: 'pepper' })
  const asMany = { referenceId: 'rhodey', eventsMax: all.events + all.eventsOwed }
  const rest = await erasePerson(deps, environment, { ...whom, ...asMany })
  expect(rest.events + rest.eventsOwed).toBe(asMany.eventsMax)
  expect(rest.hasMore).toBe(false)
})

it('comes to an end although a thousand connections of the name have ended', async () => {
  const hub = await createTestHub()
  await hub.connect('GARMIN', { referenceId: NAME })
  await hub.hub.settle()
  const { store } = hub.hub.deps
  const [real] = await store.connections.listBy(DEV_ID, {}, { limit: 1 })
  await store.transaction(async (tx) => {
    for (let index = 0; index < 1_000; index += 1) {
      const id = `!${index}`
      const { user, providerAccountId, tokenVersion } = real!.state
      const state = {
        status: 'deleted' as const,
        endedBy: 'disconnect' as const,
        user: { ...user, userId: id },
        providerAccountId,
        tokenVersion,
      }
      const row = { ...real!, lineageId: id, matchKey: id, state }
      await tx.connections.save(row, hub.clock.nowMs())
    }
  })
  expect((await hub.call('DELETE', PATH)).json).toMatchObject({ connections: 1_001 })
  await hub.hub.settle()
  await expect.poll(() => granted(hub), ARRIVAL).toEqual([])
  expect(await hub.rows('SELECT lineage_id FROM token_set')).toEqual([])
  expect(await hub.rows('SELECT 1 FROM connection WHERE reference_id IS NOT NULL')).toEqual([])
})

it('cancels every attempt, however many are read at a time', async () => {
  const hub = await createTestHub()
  for (let index = 0; index < 3; index += 1) {
    await hub.call('POST', '/v2/auth/authenticateUser?resource=OURA', { reference_id: NAME })
  }
  const { flows } = hub.hub.deps.store
  const list = flows.listOpenOfReference.bind(flows)
  flows.listOpenOfReference = async (...[environmentId, name]) =>
    await list(environmentId, name, { limit: 1 })
  await hub.call('DELETE', PATH)
  expect(await hub.rows('SELECT id FROM flow WHERE ended_at_ms IS NULL')).toEqual([])
  expect(await hub.rows('SELECT id FROM flow')).toHaveLength(3)
})

it('sends what is owed first where that is asked for', async () => {
  const hub = await createTestHub()
  hub.app.answer = () => ({ status: 503 })
  await hub.connect('GARMIN', { referenceId: NAME })
  const erased = await hub.call('DELETE', PATH)
  expect(erased.json).toMatchObject({ events: 0, events_owed: 2 })
  hub.app.answer = () => ({ status: 200 })
  await hub.advanceByMs(10 * 60_000)
  await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth', 'deauth'])
  expect(await findIn(hub, NAME)).toEqual(['event'])
  hub.clock.moveTo(hub.clock.nowMs() + 15 * 24 * 3_600_000)
  await expect.poll(async () => await findIn(hub, NAME), ARRIVAL).toEqual([])
})

it('is proved by the audit log, which does not name the person', async () => {
  const hub = await createTestHub()
  const userId = (await hub.connect('GARMIN', { referenceId: NAME })).searchParams.get('user_id')
  await hub.call('DELETE', PATH)
  const { json } = await hub.call('GET', '/admin/v1/audit?action=person.erase')
  expect(json.data).toMatchObject([
    {
      actor: expect.stringMatching(/^key:/),
      subject: digest(NAME),
      detail: { connections: 1, user_ids: [userId] },
    },
  ])
  expect(JSON.stringify(json)).not.toContain(NAME)
})

it('is not undone by a refresh that was under way, whose tokens go back, too', async () => {
  let letGo = (): void => {}
  const held = new Promise<void>((resolve) => (letGo = resolve))
  let hasAnswered = false
  const slow = intercept((url, init) => {
    const form = init?.body
    if (!(form instanceof URLSearchParams) || form.get('grant_type') !== 'refresh_token') return
    return fetch(url, init).then(async (response) => {
      hasAnswered = true
      await held
      return response
    })
  })
  const hub = await createTestHub({ fetch: slow })
  await hub.connect('OURA', { referenceId: NAME })
  const { deps } = hub.hub
  const [row] = await hub.rows('SELECT lineage_id AS id FROM connection')
  const connection = await deps.store.connections.find(String(row?.['id']))
  const access = await findProviderAccess(deps, DEV_ID, 'OURA')
  if (connection === undefined || access === undefined) throw new TypeError('nobody is connected')
  const late = getFreshTokens(deps, connection, access, 1)
  await expect.poll(() => hasAnswered, ARRIVAL).toBe(true)
  expect((await hub.call('DELETE', `${PATH}?owed_events=remove`)).status).toBe(200)
  letGo()
  expect(await late).toEqual({ type: 'unavailable' })
  await expect.poll(() => granted(hub), ARRIVAL).toEqual([])
  expect(await hub.rows('SELECT lineage_id FROM token_set')).toEqual([])
  expect(await hub.rows('SELECT status, reference_id FROM connection')).toEqual([
    { status: 'deleted', reference_id: null },
  ])
})

it('lets go on what waits behind a removed event, under the name that the connection has since', async () => {
  const hub = await createTestHub()
  hub.app.answer = () => ({ status: 503 })
  const userId = (await hub.connect('GARMIN', { referenceId: NAME })).searchParams.get('user_id')
  await hub.call('PATCH', `/v2/users/${userId}`, { reference_id: 'pepper_potts' })
  await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
  const erased = await hub.call('DELETE', `${PATH}?owed_events=remove`)
  expect(erased.json).toMatchObject({ connections: 0, events: 1, events_owed: 0 })
  hub.app.answer = () => ({ status: 200 })
  await hub.advanceByMs(10 * 60_000)
  await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['deauth'])
})

it('forgets whose grants they were, once the providers have taken them back', async () => {
  const confirming = { confirmation: 'required', accountPolicy: 'allow' } as const
  const hub = await createTestHub({ settings: { connect: confirming } })
  await hub.connect('GARMIN', { referenceId: NAME })
  const landing = await hub.connect('FITBIT', { referenceId: NAME })
  const [garmin, fitbit] = (
    await hub.rows('SELECT provider_account_id AS id FROM held_grant ORDER BY provider DESC')
  ).map(({ id }) => String(id))
  const confirm_code = landing.searchParams.get('confirm_code')
  const body = { confirm_code, reference_id: NAME }
  expect((await hub.call('POST', '/v2/auth/confirmConnection', body)).status).toBe(200)
  expect((await hub.call('DELETE', `${PATH}?owed_events=remove`)).status).toBe(200)
  await expect.poll(() => granted(hub), ARRIVAL).toEqual([])
  await hub.hub.settle()
  for (const table of ['connection', 'held_grant', 'revocation']) {
    const rows = JSON.stringify(await hub.rows(`SELECT * FROM ${table}`))
    expect([rows.includes(String(garmin)), rows.includes(String(fitbit))]).toEqual([false, false])
  }
})

it('ends an attempt whose code is being exchanged, and forgets whose account it was', async () => {
  const hub = await createTestHub()
  const person = createPerson({ login: 'tony' })
  const link = await hub.createLink({ reference_id: NAME })
  const callback = await person.authorize(await hub.choose(person, link, 'GARMIN'))
  hub.simulator.fail('GARMIN', { tokenEndpoint: { hangMs: HOUR_MS, times: 1 } })
  const arriving = person.request(callback)
  await expect
    .poll(async () => await hub.rows("SELECT id FROM flow WHERE status = 'exchanging'"), ARRIVAL)
    .toHaveLength(1)
  expect((await hub.call('DELETE', `${PATH}?owed_events=remove`)).status).toBe(200)
  hub.simulator.heal('GARMIN')
  const arrival = await arriving
  expect(arrival.headers.get('location') ?? '').not.toContain('user_id=')
  await expect.poll(() => granted(hub), ARRIVAL).toEqual([])
  await hub.hub.settle()
  await hub.simulator.settled()
  expect(await hub.rows('SELECT lineage_id FROM connection')).toEqual([])
  expect(await findIn(hub, NAME)).toEqual([])
  const [account] = hub.simulator.accounts('GARMIN')
  await hub.advanceByMs(3 * HOUR_MS)
  expect(await findIn(hub, account?.accountId ?? NAME)).toEqual([])
})

it('leaves no account behind when the provider echoes the end of its grant', async () => {
  const hub = await createTestHub()
  await hub.connect('GARMIN', { referenceId: NAME })
  const [account] = hub.simulator.accounts('GARMIN')
  const accountId = account?.accountId ?? NAME
  expect(await findIn(hub, accountId)).toContain('connection')
  hub.simulator.fail('GARMIN', { revokeEndpoint: { status: 503, times: 1 } })
  expect((await hub.call('DELETE', `${PATH}?owed_events=remove`)).status).toBe(200)
  await hub.advanceByMs(HOUR_MS)
  await expect.poll(() => hub.simulator.notices.length, ARRIVAL).toBe(1)
  expect(granted(hub)).toEqual([])
  await hub.advanceByMs(2 * HOUR_MS)
  expect(await findIn(hub, accountId)).toEqual([])
  // The echo itself is kept, as nobody's.
  expect(await hub.rows('SELECT provider_account_id AS id, status FROM provider_task')).toEqual([
    { id: null, status: 'unfounded' },
  ])
})

it('forgets the link of a move', async () => {
  const hub = await createTestHub({ providers: ['FITBIT', 'GOOGLE'] })
  await hub.connect('FITBIT', { referenceId: NAME })
  const { json } = await hub.call('POST', '/admin/v1/moves', { from: 'FITBIT' })
  const back = 'https://app.example/of-tony'
  const body = { auth_success_redirect_url: back }
  const links = await hub.call('POST', `/admin/v1/moves/${json.move.id}/links`, body)
  expect(await findIn(hub, back)).toEqual(['provider_move_user'])
  expect((await hub.call('DELETE', `${PATH}?owed_events=remove`)).status).toBe(200)
  await hub.hub.settle()
  expect(await findIn(hub, back)).toEqual([])
  expect((await fetch(links.json.data[0].url)).status).toBeGreaterThanOrEqual(400)
})
