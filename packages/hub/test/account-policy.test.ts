/** Logins with an account that is another end user's, or not the one that was connected. */
import { describe, expect, it } from 'vitest'
import type { ConnectPolicy } from '../src/core/connection.ts'
import type { MatchPolicy } from '../src/core/match.ts'
import { LANGUAGES } from '../src/http/widget/language.ts'
import { createPerson } from '../src/simulator/person.ts'
import { type TestHub, createTestHub } from './support/create-test-hub.ts'

/** Events and revocations are on their way when a request has been answered. */
const ARRIVAL = { timeout: 180_000, interval: 20 }

async function createHub(
  accountPolicy: ConnectPolicy['accountPolicy'],
  matchPolicy: MatchPolicy = 'reference',
): Promise<TestHub> {
  const connect = { confirmation: 'off', accountPolicy } as const
  return await createTestHub({ settings: { connect, matchPolicy } })
}

/** The person logs in at the provider as somebody. @returns The `user_id`, or why there is none. */
async function connect(hub: TestHub, referenceId: string, login: string, provider = 'GARMIN') {
  const landing = await hub.connect(provider, { referenceId, person: createPerson({ login }) })
  return landing.searchParams.get('user_id') ?? landing.searchParams.get('reason') ?? ''
}

async function stateOf(hub: TestHub, userId: string): Promise<string> {
  return (await hub.call('GET', `/admin/v1/users/${userId}`)).json.user.state
}

function granted(hub: TestHub, provider = 'GARMIN'): string[] {
  return hub.simulator
    .accounts(provider)
    .filter(({ appsConnected }) => appsConnected.length > 0)
    .map(({ login }) => login)
}

/** `type reference_id` of everything that the app got, in its order. */
function heard(hub: TestHub): string[] {
  return hub.app.received.map(({ event }) => {
    const { type, reference_id, user, new_user } = event as any
    return `${type} ${reference_id ?? user?.reference_id ?? new_user?.reference_id}`
  })
}

async function audited(hub: TestHub, action: string) {
  const rows = await hub.rows('SELECT subject, detail FROM audit WHERE action = ?', action)
  return rows.map(({ subject, detail }) => ({ subject, ...JSON.parse(String(detail)) }))
}

describe('an account that another end user has connected', () => {
  it('is connected twice where that is allowed', async () => {
    const hub = await createHub('allow')
    const tonys = await connect(hub, 'tony', 'shared')
    const peppers = await connect(hub, 'pepper', 'shared')
    expect([await stateOf(hub, tonys), await stateOf(hub, peppers)]).toEqual(['active', 'active'])
    await expect.poll(() => heard(hub), ARRIVAL).toEqual(['auth tony', 'auth pepper'])
  })

  it.each(['GARMIN', 'OURA'])('stays with them where it is refused: %s', async (provider) => {
    const hub = await createHub('reject')
    const tonys = await connect(hub, 'tony', 'shared', provider)
    expect(await connect(hub, 'pepper', 'shared', provider)).toBe('account_in_use')
    await hub.advanceByMs(60_000)
    expect(await stateOf(hub, tonys)).toBe('active')
    await expect.poll(() => granted(hub, provider), ARRIVAL).toEqual(['shared'])
    await expect.poll(() => heard(hub), ARRIVAL).toEqual(['auth tony', 'auth_cancelled pepper'])
    expect(await audited(hub, 'connection.refuse')).toMatchObject([{ reason: 'account_in_use' }])
    // Their own reconnection is none of anybody else's.
    expect(await connect(hub, 'tony', 'shared', provider)).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('goes to whoever connected last where it moves, with a deauth for the others', async () => {
    const hub = await createHub('allow')
    const tonys = await connect(hub, 'tony', 'shared')
    const peppers = await connect(hub, 'pepper', 'shared')
    await setPolicy(hub, 'move')
    const happys = await connect(hub, 'happy', 'shared')
    expect(await stateOf(hub, happys)).toBe('active')
    for (const lost of [tonys, peppers]) {
      expect(await stateOf(hub, lost)).toBe('deleted')
      const { json } = await hub.call('GET', `/admin/v1/users/${lost}/explain`)
      expect(json.status).toBe('disconnected')
      expect(json.why).toContain('Another end user connected the same account')
    }
    await expect
      .poll(() => heard(hub).slice(2).toSorted(), ARRIVAL)
      .toEqual(['auth happy', 'deauth pepper', 'deauth tony'])
    // The grant is the new owner's: nobody revokes it.
    await hub.advanceByMs(60_000)
    await expect.poll(() => granted(hub), ARRIVAL).toEqual(['shared'])
    const moves = await audited(hub, 'connection.move')
    expect(moves.map(({ subject, to }) => `${String(subject)} ${String(to)}`).toSorted()).toEqual(
      [tonys, peppers].map((lost) => `${lost} ${happys}`).toSorted(),
    )
    expect(await hub.rows('SELECT lineage_id FROM token_set')).toHaveLength(1)
  })

  it('is somebody else’s also where only one of both has a name', async () => {
    const hub = await createHub('reject')
    await hub.connect('GARMIN', { referenceId: null })
    expect(await connect(hub, 'tony', 'tony')).toBe('account_in_use')
  })

  it('is free again when they have disconnected', async () => {
    const hub = await createHub('reject')
    const tonys = await connect(hub, 'tony', 'shared')
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${tonys}`)
    expect(await connect(hub, 'pepper', 'shared')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('is refused where accounts alone are matched, instead of changing its person', async () => {
    const hub = await createHub('reject', 'account')
    const tonys = await connect(hub, 'tony', 'shared')
    expect(await connect(hub, 'pepper', 'shared')).toBe('account_in_use')
    expect(await stateOf(hub, tonys)).toBe('active')
  })

  it('is not taken from another environment', async () => {
    const hub = await createHub('reject')
    await connect(hub, 'tony', 'tony')
    const other = await hub.addEnvironment('acme-staging', {
      connect: { confirmation: 'off', accountPolicy: 'reject' },
    })
    expect((await hub.connectIn(other, 'GARMIN')).searchParams.has('user_id')).toBe(true)
  })

  it('is given to one of several who connect it at once', async () => {
    const hub = await createHub('reject')
    const people = ['tony', 'pepper', 'happy', 'rhodey']
    const ends = await Promise.all(people.map(async (name) => connect(hub, name, 'shared')))
    expect(ends.filter((end) => end === 'account_in_use')).toHaveLength(3)
    const active = await hub.rows("SELECT user_id FROM connection WHERE status = 'active'")
    expect(active).toHaveLength(1)
  })

  it('ends with one who has it when several connect it at once and it moves', async () => {
    const hub = await createHub('move')
    const people = ['tony', 'pepper', 'happy', 'rhodey']
    await Promise.all(people.map(async (name) => connect(hub, name, 'shared')))
    const active = await hub.rows("SELECT user_id FROM connection WHERE status = 'active'")
    expect(active).toHaveLength(1)
    const deauths = () => heard(hub).filter((text) => text.startsWith('deauth'))
    await expect.poll(deauths, ARRIVAL).toHaveLength(3)
  })
})

describe('another account than the one that was connected', () => {
  it('takes its place under the same connection where that is allowed', async () => {
    const hub = await createHub('allow')
    await connect(hub, 'tony', 'old')
    await connect(hub, 'tony', 'new')
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth', 'user_reauth', 'auth'])
    await expect.poll(() => granted(hub), ARRIVAL).toEqual(['new'])
  })

  it('is refused and given back, and the earlier one goes on', async () => {
    const hub = await createHub('reject')
    const before = await connect(hub, 'tony', 'old')
    expect(await connect(hub, 'tony', 'new')).toBe('other_account')
    expect(await stateOf(hub, before)).toBe('active')
    await expect.poll(() => granted(hub), ARRIVAL).toEqual(['old'])
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth', 'auth_cancelled'])
  })

  it('begins anew where it moves, so that nobody ties the two together', async () => {
    const hub = await createHub('move')
    const before = await connect(hub, 'tony', 'old')
    const after = await connect(hub, 'tony', 'new')
    await expect.poll(() => hub.app.accepted, ARRIVAL).toEqual(['auth', 'deauth', 'auth'])
    expect(hub.app.received.map(({ event }) => (event as any).user.user_id)).toEqual([
      before,
      before,
      after,
    ])
    await expect.poll(() => granted(hub), ARRIVAL).toEqual(['new'])
  })

  it('is taken after the person has removed the first at the provider', async () => {
    const hub = await createHub('reject')
    await connect(hub, 'tony', 'old')
    await hub.rows("UPDATE connection SET status = 'inactive' RETURNING lineage_id")
    expect(await connect(hub, 'tony', 'new')).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('a refused account', () => {
  it('is explained on a page in the person’s language, where trying again is offered', async () => {
    const hub = await createHub('reject')
    await connect(hub, 'tony', 'shared')
    for (const [language, { messages }] of Object.entries(LANGUAGES)) {
      const person = createPerson({ login: 'shared' })
      const link = await hub.createLink({
        reference_id: 'pepper',
        language,
        auth_failure_redirect_url: null,
      })
      const callback = await person.authorize(await hub.choose(person, link, 'GARMIN'))
      const page = await person.request(
        (await person.request(callback)).headers.get('location') ?? '',
      )
      const html = await page.text()
      expect(html).toContain(messages.ended.reasons.account_in_use)
      expect(html).toContain('/retry')
    }
  })
})

async function setPolicy(hub: TestHub, accountPolicy: ConnectPolicy['accountPolicy']) {
  const { store } = hub.hub.deps
  const [environment] = await store.environments.list({ limit: 1 })
  if (environment === undefined) throw new Error('there is an environment')
  const connect = { confirmation: 'off', accountPolicy } as const
  await store.environments.saveSettings(environment.id, { ...environment.settings, connect })
}
