import { beforeAll, describe, expect, it } from 'vitest'
import type { Demo } from '../../src/cli/demo.ts'
import { startDemo } from '../../src/cli/demo.ts'
import { DEMO_REFERENCE_ID } from '../../src/cli/demo-app.ts'
import { type StoryLine, playStory, toTable } from '../../src/cli/story.ts'
import { createRecordingLog, makeDataFolder } from './support/start-test-demo.ts'

/** Everything that the app is told in the story, in this order. */
const TOLD = [
  'auth', // Garmin
  'activity',
  'auth', // Fitbit
  'user_reauth', // Garmin again
  'auth',
  'activity', // for the old id
  'activity', // for the new one
  'auth_cancelled', // Oura
  'access_revoked', // Fitbit
  'deauth', // Garmin
]

describe('the story, through real HTTP', () => {
  const { log, messages } = createRecordingLog()
  let demo: Demo
  let lines: StoryLine[]

  beforeAll(async () => {
    const { folder, remove } = await makeDataFolder()
    demo = await startDemo({ dataFolder: folder, port: 0, host: '127.0.0.1', log })
    lines = await playStory(demo)
    return async () => {
      await demo.close()
      await remove()
    }
  })

  /** Calls the hub as its operator does. */
  async function read(path: string): Promise<any> {
    const { devId, apiKey } = demo.credentials
    const response = await fetch(demo.hubUrl + path, {
      headers: { 'dev-id': devId, 'x-api-key': apiKey },
    })
    expect(response.status).toBe(200)
    return await response.json()
  }

  async function inbox() {
    return (await demo.receiver.listEvents({ limit: 1_000 })).events
  }

  /** The wire's `user` of the n-th event of a type. */
  async function userOf(type: string, index: number): Promise<Record<string, unknown>> {
    const event = (await inbox()).filter((each) => each.type === type)[index]
    return JSON.parse(new TextDecoder().decode(event?.body)).user
  }

  it('holds in every line', () => {
    expect(lines.filter(({ isRight }) => !isRight)).toEqual([])
    expect(lines.length).toBeGreaterThanOrEqual(20)
    expect(toTable(lines)).not.toContain('FAIL')
  })

  it('tells the app everything once and in order', async () => {
    expect((await inbox()).map(({ type }) => type)).toEqual(TOLD)
  })

  it('delivers everything at the first attempt and warns of nothing', async () => {
    const { data: events } = await read('/admin/v1/events?limit=100')
    expect(events).toHaveLength(TOLD.length)
    const ends = events.flatMap((event: any) => event.deliveries)
    expect(ends.map(({ status, attempts }: any) => `${status} ${attempts}`)).toEqual(
      TOLD.map(() => 'delivered 1'),
    )
    expect(messages).toEqual([])
  })

  it('gives old and new id of a connection one lineage, at the app and over its own API', async () => {
    const before = String((await userOf('auth', 0))['user_id'])
    const after = String((await userOf('auth', 2))['user_id'])
    expect(after).not.toBe(before)
    const connection = await demo.receiver.resolve(before)
    expect(connection).toMatchObject({
      userId: after,
      aliases: [before, after],
      referenceId: DEMO_REFERENCE_ID,
      provider: 'GARMIN',
      status: 'disconnected',
    })
    for (const userId of [before, after]) {
      const response = await fetch(`${demo.appUrl}/resolve/${userId}`)
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual(JSON.parse(JSON.stringify(connection)))
    }
  })

  it('keeps the payload history of ids that are gone from the users list', async () => {
    const { data } = await read('/v2/subscriptions?page=0&per_page=100')
    // Garmin was disconnected; Fitbit has lost its access, but is still to be seen.
    expect(data.results.map((user: any) => `${user.provider} ${user.active}`)).toEqual([
      'FITBIT false',
    ])
    const gone = String((await userOf('auth', 0))['user_id'])
    const { data: events } = await read(`/admin/v1/events?user_id=${gone}`)
    expect(events.map((event: any) => event.type).toSorted()).toEqual([
      'activity',
      'activity',
      'auth',
    ])
  })

  it('leaves no grant behind at a provider that the person has left', () => {
    const grants = ['GARMIN', 'FITBIT', 'OURA'].flatMap((provider) =>
      demo.simulator.accounts(provider).flatMap((account) => account.appsConnected),
    )
    expect(grants).toEqual([])
  })

  it('accepts what the hub has signed, and not one byte of something else', async () => {
    const [event] = await inbox()
    const send = async (body: Uint8Array): Promise<number> => {
      const request = { method: 'POST', headers: event?.headers ?? {}, body: Buffer.from(body) }
      return (await fetch(`${demo.appUrl}/webhook`, request)).status
    }
    const genuine = event?.body ?? new Uint8Array()
    const changed = Uint8Array.from(genuine)
    changed[genuine.length - 2] = 0x20
    expect(await send(changed)).toBe(401)
    expect(await send(genuine)).toBe(200)
    // A repetition of what is known already.
    expect(await inbox()).toHaveLength(TOLD.length)
  })

  it('says that a user_id is unknown', async () => {
    const response = await fetch(`${demo.appUrl}/resolve/00000000-0000-4000-8000-000000000000`)
    expect(response.status).toBe(404)
    expect(await response.json()).toEqual({
      status: 'error',
      message: 'no event has named this user_id yet',
    })
  })

  it('does not believe an address that nobody has signed', async () => {
    const id = String((await userOf('auth', 0))['user_id'])
    const typed = `${demo.appUrl}/connected?user_id=${id}&reference_id=${DEMO_REFERENCE_ID}&resource=GARMIN`
    const response = await fetch(typed)
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('That did not work')
  })

  it('holds a second time on the same database', async () => {
    const again = await playStory(demo)
    expect(again.filter(({ isRight }) => !isRight)).toEqual([])
  })
})
