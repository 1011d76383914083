/** Changes as server-sent events. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { DEV_ID, type TestHub, createTestHub } from '../support/create-test-hub.ts'

interface Message {
  readonly kind: string
  readonly data: any
  readonly id: string | undefined
}

/** Opens a stream. */
async function watch(hub: TestHub, headers: Record<string, string> = {}, topics = '') {
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  const response = await fetch(`${hub.url}/admin/v1/stream?topics=${topics}`, {
    headers: { 'dev-id': DEV_ID, 'x-api-key': hub.apiKey, ...headers },
    signal: controller.signal,
  })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  /** Messages up to the next cursor, or the end of the stream. */
  const next = async (): Promise<Message[]> => {
    for (;;) {
      const end = /event: cursor\n.*\n\n/.exec(text)
      if (end !== null) {
        const taken = text.slice(0, end.index + end[0].length)
        text = text.slice(taken.length)
        return taken.split('\n\n').flatMap(parse)
      }
      const chunk = await reader?.read()
      if (chunk?.done !== false) return text.split('\n\n').flatMap(parse)
      text += chunk.value
    }
  }
  return { response, next, close: () => controller.abort() }
}

function parse(block: string): Message[] {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
  const [kind, data] = [field('event'), field('data')]
  if (kind === undefined || data === undefined) return []
  return [{ kind, data: JSON.parse(data), id: field('id') }]
}

/** What comes next, while time passes. */
async function whileTimePasses<T>(hub: TestHub, coming: Promise<T>): Promise<T> {
  const passing = { isOver: false }
  const pass = async (): Promise<void> => {
    // A stream sets its timer only once it has looked; it ends after 15 minutes of the hub's time, so that passes slowly.
    while (!passing.isOver) {
      await hub.advanceByMs(10)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const passed = pass()
  try {
    return await coming
  } finally {
    passing.isOver = true
    await passed
  }
}

describe('the stream', () => {
  it('tells of events, connections and deliveries as they happen', async () => {
    const hub = await createTestHub()
    const { response, next } = await watch(hub)
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const landing = await hub.connect('GARMIN')
    const userId = landing.searchParams.get('user_id')
    const first = await next()
    expect(first.map(({ kind }) => kind)).toEqual(['event', 'connection', 'delivery', 'cursor'])
    expect(first[0]?.data).toMatchObject({ type: 'auth', user_id: userId, provider: 'GARMIN' })
    expect(first[1]?.data).toMatchObject({ user_id: userId, state: 'active' })
    // Whether the first look finds it sent already depends on who was faster.
    const states = first.filter(({ kind }) => kind === 'delivery').map(({ data }) => data.status)
    while (states.at(-1) !== 'delivered') {
      const later = (await whileTimePasses(hub, next())).filter(({ kind }) => kind === 'delivery')
      states.push(...later.map(({ data }) => data.status))
    }
    expect(new Set(states).size).toBe(states.length)
  })

  it('tells what became of a destination', async () => {
    const hub = await createTestHub()
    const { next } = await watch(hub)
    hub.app.answer = () => ({ status: 410 })
    await hub.connect('GARMIN')
    const told: Message[] = []
    const find = () => told.find(({ data }) => data.type === 'destination_disabled')
    while (find() === undefined) {
      told.push(...(await whileTimePasses(hub, next())))
    }
    const { json } = await hub.call('GET', '/admin/v1/destinations')
    expect(find()?.data).toMatchObject({ user_id: null, destination_id: json.data[0].id })
    expect(told.find(({ data }) => data.type === 'auth')?.data.destination_id).toBeNull()
  })

  it('goes on where it was left, and tells nothing twice', async () => {
    const hub = await createTestHub()
    const first = await watch(hub)
    await hub.connect('GARMIN')
    const cursor = (await first.next()).at(-1)?.id ?? ''
    first.close()
    await hub.connect('FITBIT')
    await hub.connect('OURA')
    const second = await watch(hub, { 'last-event-id': cursor })
    const events = (await second.next()).filter(({ kind }) => kind === 'event')
    expect(events.map(({ data }) => data.provider)).toEqual(['FITBIT', 'OURA'])
  })

  it('tells what becomes of the access of a user that it is asked for', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('FITBIT')).searchParams.get('user_id')
    const { next, close } = await watch(hub, {}, `user/${userId}`)
    hub.simulator.fail('FITBIT', { revokeEndpoint: { status: 503, times: 1 } })
    await hub.call('DELETE', `/admin/v1/users/${userId}`)
    const tell = async (status: string) => {
      for (;;) {
        const messages = await whileTimePasses(hub, next())
        const revocations = messages.filter(({ kind }) => kind === 'revocation')
        const found = revocations.find(({ data }) => data.status === status)
        if (found !== undefined) return found.data
      }
    }
    expect(await tell('pending')).toMatchObject({ provider: 'FITBIT', ended_at: null })
    await hub.advanceByMs(5 * 60_000)
    expect(await tell('revoked')).toMatchObject({ attempts: 2 })
    close()
  })

  it('tells of the moves, resends and events that it is asked for, and how they stand when it comes again', async () => {
    const hub = await createTestHub({ providers: ['FITBIT', 'GOOGLE'] })
    await hub.connect('FITBIT')
    await hub.hub.settle()
    const [event] = (await hub.call('GET', '/admin/v1/events')).json.data
    const topics = `moves,resends,event/${event.id}`
    const first = await watch(hub, {}, topics)
    // It has happened before the stream began, and is followed all the same.
    const [delivery] = (await first.next()).filter(({ kind }) => kind === 'delivery')
    expect(delivery?.data).toMatchObject({ event_id: event.id, status: 'delivered' })
    const { json } = await hub.call('POST', '/admin/v1/moves', { from: 'FITBIT' })
    const find = async (stream: typeof first, kind: string) => {
      for (;;) {
        const messages = await whileTimePasses(hub, stream.next())
        const found = messages.find((message) => message.kind === kind)
        if (found !== undefined) return found.data
      }
    }
    expect(await find(first, 'move')).toEqual(json.move)
    const { json: resend } = await hub.call('POST', `/admin/v1/events/${event.id}/resend`, {})
    expect(await find(first, 'resend')).toMatchObject({ id: resend.id })
    first.close()
    await hub.call('POST', `/admin/v1/moves/${json.move.id}/pause`)
    const second = await watch(hub, {}, topics)
    expect(await find(second, 'move')).toMatchObject({ id: json.move.id, status: 'paused' })
    expect((await watch(hub, {}, 'people')).response.status).toBe(400)
  })

  it('is that of one environment, and of whoever may read', async () => {
    const hub = await createTestHub()
    const staging = await hub.addEnvironment('acme-staging')
    const { next } = await watch(hub, { 'dev-id': staging.devId, 'x-api-key': staging.apiKey })
    await hub.connect('GARMIN')
    hub.hub.deps.bell.close()
    expect(await next()).toEqual([])
  })

  it('is for whoever may read, and takes no cursor that is none', async () => {
    const hub = await createTestHub()
    expect((await watch(hub, { 'x-api-key': 'wrong' })).response.status).toBe(401)
    expect((await watch(hub, { 'last-event-id': 'x' })).response.status).toBe(400)
  })

  it('is open 100 times at most, however many come at once, and one that failed does not count', async () => {
    const hub = await createTestHub()
    const open = async (query = ''): Promise<Response> =>
      await hub.hub.fetch(
        new Request(`${hub.url}/admin/v1/stream?topics=event/1${query}`, {
          headers: { 'dev-id': DEV_ID, 'x-api-key': hub.apiKey },
        }),
      )
    const openMany = async (query = '') =>
      await Promise.all(Array.from({ length: 110 }, async () => await open(query)))
    const failed = await openMany('&last_event_id=x')
    expect(new Set(failed.map(({ status }) => status))).toEqual(new Set([400]))
    const came = await openMany()
    const streams = came.filter(({ status }) => status === 200)
    expect(streams).toHaveLength(100)
    expect(came.filter(({ status }) => status === 429)).toHaveLength(10)
    await streams[0]?.body?.cancel()
    const next = await open()
    expect(next.status).toBe(200)
    for (const { body } of [...streams.slice(1), next]) await body?.cancel()
  })

  it('ends with the hub', async () => {
    const hub = await createTestHub()
    const { next } = await watch(hub)
    hub.hub.deps.bell.close()
    expect(await next()).toEqual([])
  })
})
