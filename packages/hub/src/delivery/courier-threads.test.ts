import { Webhook } from 'standardwebhooks'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DEV_ID, createTestHub } from '../../test/support/create-test-hub.ts'
import { destinationRow } from '../../test/support/store-rows.ts'
import { type TestApp, startTestApp } from '../../test/support/test-app.ts'
import { TestClock } from '../../test/support/test-clock.ts'
import { announceData } from '../operations/announce-data.ts'
import { Redacted } from '../secret.ts'
import {
  type Courier,
  type Letter,
  createCourier as createCourierHere,
  toAddressee,
} from './courier.ts'
import { createCourierThreads, defaultThreads } from './courier-threads.ts'
import { type SendResult, createSender } from './send.ts'
import { createUrlGuard } from './url-guard.ts'

const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`

async function startApp(): Promise<TestApp> {
  const app = await startTestApp()
  onTestFinished(async () => await app.close())
  return app
}

const logged: string[] = []
const log = {
  info: () => undefined,
  warn: () => undefined,
  error: (_fields: unknown, message: string) => void logged.push(message),
}

function createCourier(count = 1, allowedRanges = ['127.0.0.0/8']): Courier {
  const fallback = createCourierHere(createSender(createUrlGuard(['127.0.0.0/8'])))
  const deps = { clock: new TestClock(), log, fallback }
  const courier = createCourierThreads(deps, count, { allowedRanges })
  onTestFinished(async () => await courier.close())
  return courier
}

function letter(url: string, name = 'a'): Letter {
  return {
    addressee: toAddressee(destinationRow({ url, secret: new Redacted(SECRET) })),
    event: { id: `event-${name}`, body: JSON.stringify({ type: 'auth', name }), orderingMs: 7 },
    nowMs: Date.now(),
    isReplay: false,
  }
}

describe('createCourierThreads', () => {
  it('signs and sends what it is given, and brings each its own answer', async () => {
    const apps = [await startApp(), await startApp(), await startApp()]
    for (const app of apps) {
      app.answer = ({ event }) => ({ status: 200, body: `of ${String(event['name'])}` })
    }
    const courier = createCourier(2)
    const sent = apps.flatMap(({ url }, app) => ['x', 'y'].map((name) => ({ url, name, app })))
    const results = await Promise.all(
      sent.map(async ({ url, name, app }) => await courier.deliver(letter(url, `${name}${app}`))),
    )
    expect(results).toMatchObject(
      sent.map(({ name, app }) => ({ httpStatus: 200, body: `of ${name}${app}` })),
    )
    for (const { headers, body } of apps.flatMap(({ received }) => received)) {
      expect(new Webhook(SECRET).verify(body, headers as Record<string, string>)).toBeDefined()
      expect(headers['x-terra-ordering-timestamp']).toBe('7')
    }
  })

  it('asks the guard of addresses', async () => {
    const { url } = await startApp()
    const refused = { type: 'unanswered', error: 'address_refused' }
    expect(await createCourier(1, []).deliver(letter(url))).toEqual(refused)
  })

  it('cuts off what is under way when it closes, and sends no more', async () => {
    const app = await startApp()
    const courier = createCourier()
    let delivering: Promise<SendResult> | undefined
    await new Promise<void>((resolve) => {
      app.answer = () => {
        resolve()
        return 'hang'
      }
      delivering = courier.deliver(letter(app.url))
    })
    await courier.close()
    expect(await delivering).toMatchObject({ type: 'unanswered' })
    expect(await courier.deliver(letter(app.url))).toMatchObject({ type: 'unanswered' })
    expect(app.received).toHaveLength(1)
  })

  it('sends without a thread that cannot be started, and does not try it again for each letter', async () => {
    const app = await startApp()
    logged.length = 0
    const courier = createCourier(1, ['no range'])
    const names = ['a', 'b', 'c']
    const results: SendResult[] = []
    for (const name of names) results.push(await courier.deliver(letter(app.url, name)))
    expect(results).toMatchObject(names.map(() => ({ httpStatus: 200 })))
    expect(app.received.map(({ event }) => event['name'])).toEqual(names)
    expect(logged).toHaveLength(1)
  })

  it('tells of an error with its letter, and loses no other', async () => {
    const app = await startApp()
    const courier = createCourier()
    const others = ['a', 'b'].map(async (name) => await courier.deliver(letter(app.url, name)))
    await expect(courier.deliver(letter('no address'))).rejects.toThrow('Invalid URL')
    expect(await Promise.all(others)).toMatchObject([{ httpStatus: 200 }, { httpStatus: 200 }])
    expect(await courier.deliver(letter(app.url))).toMatchObject({ httpStatus: 200 })
    expect(app.received).toHaveLength(3)
  })
})

describe('a hub whose events a thread sends', () => {
  it('delivers what happened in its order', async () => {
    const hub = await createTestHub({ senderThreads: 1 })
    await hub.connect('GARMIN')
    await hub.connect('GARMIN')
    await hub.hub.settle()
    expect(hub.app.accepted).toEqual(['auth', 'user_reauth', 'auth'])
  })

  it('finishes what is under way when it closes', async () => {
    const hub = await createTestHub({ senderThreads: 1 })
    const landing = await hub.connect('GARMIN')
    const userId = landing.searchParams.get('user_id') ?? ''
    let release: () => void = () => undefined
    const arrived = new Promise<void>((resolve) => {
      hub.app.answer = async () => {
        resolve()
        await new Promise<void>((answer) => (release = answer))
        return { status: 200 }
      }
    })
    await announceData(hub.hub.deps, { id: DEV_ID }, userId, { type: 'daily', data: [] })
    await arrived
    const closing = hub.hub.close()
    release()
    await closing
    const deliveries = await hub.rows('SELECT status FROM delivery')
    expect(deliveries).toEqual([{ status: 'delivered' }, { status: 'delivered' }])
  })
})

describe('defaultThreads', () => {
  it('has none where it would take the time of the only other', () => {
    expect([1, 2, 3, 64].map(defaultThreads)).toEqual([0, 0, 1, 1])
  })
})
