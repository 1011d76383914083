import { afterEach, describe, expect, it, vi } from 'vitest'
import { user } from '../test/histories.ts'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver, ReceiverOptions } from './receiver-api.ts'
import type { ReceiverStore } from './store.ts'
import { memoryStore } from './stores/memory.ts'

const auth = { type: 'auth', status: 'success', user: user('a') }
let told: unknown[] = []
const create = (change: Partial<ReceiverOptions>): Receiver =>
  createReceiver({
    secrets: [SECRET],
    store: memoryStore(),
    clock: () => NOW_MS,
    onError: (error, context) => void told.push([String(error), context]),
    ...change,
  })
const broken: ReceiverStore = {
  ...memoryStore(),
  transaction: () => Promise.reject(new TypeError('disk full')),
}
/** Stores events and fails at everything else. */
const halfBroken = (): ReceiverStore => {
  const inner = memoryStore()
  return {
    ...inner,
    transaction: (fn, options) =>
      options?.kind === 'map' ? inner.transaction(fn) : Promise.reject(new TypeError('gone')),
  }
}

afterEach(() => {
  told = []
  vi.restoreAllMocks()
})

describe('onError', () => {
  it('is told why an event was answered with 503', async () => {
    const { body, headers } = await sign(auth, { 'X-Terra-Trace-Id': 't-1' })
    const request = new Request('https://app.test/', { method: 'POST', body, headers })
    expect((await create({ store: broken }).fetch(request)).status).toBe(503)
    const context = {
      during: 'store',
      type: 'auth',
      traceId: 't-1',
      environment: '',
      seq: undefined,
    }
    expect(told).toEqual([['TypeError: disk full', context]])
  })

  it('is told of a handler that threw, and of a store that failed around it', async () => {
    const onEvent = (): void => {
      throw new TypeError('app is down')
    }
    const sent = await sign(auth, { 'X-Terra-Trace-Id': 't-2' })
    await create({ onEvent }).receive(sent)
    expect(told).toMatchObject([['TypeError: app is down', { during: 'handler', seq: 1 }]])
    const store = halfBroken()
    expect(await create({ onEvent, store }).receive(sent)).toMatchObject({ handler: 'unknown' })
    expect(told.at(-1)).toMatchObject(['TypeError: gone', { during: 'dispatch', traceId: 't-2' }])
  })

  it('is told when what is due cannot be looked for', async () => {
    const failed = new Promise<string>((resolve) => {
      const onError = (_: unknown, { during }: { during: string }): void => {
        resolve(during)
        void receiver.stop()
      }
      const receiver = create({ store: broken, onEvent: () => undefined, onError })
      receiver.start()
    })
    expect(await failed).toBe('retry')
  })

  it('is not told of what a sender did wrong, and may throw', async () => {
    const onError = (): void => {
      throw new TypeError('broken')
    }
    const wrong = await sign(auth, {}, 'another secret')
    await expect(create({}).receive(wrong)).rejects.toThrow(/signature/)
    expect(told).toEqual([])
    await expect(create({ store: broken, onError }).receive(await sign(auth))).rejects.toThrow(
      'disk full',
    )
  })

  it('writes to the console by default, without bodies and secrets', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const onEvent = (event: object): void => {
      throw new TypeError(JSON.stringify(event))
    }
    const store: ReceiverStore = {
      ...memoryStore(),
      transaction: () =>
        Promise.reject(Object.assign(new TypeError('no'), { detail: 'tony_stark' })),
    }
    const options = { secrets: [SECRET], clock: () => NOW_MS, onEvent }
    await createReceiver({ ...options, store: memoryStore() }).receive(await sign(auth))
    await createReceiver({ ...options, store })
      .receive(await sign(auth))
      .catch(() => undefined)
    const text = JSON.stringify(log.mock.calls)
    expect(log).toHaveBeenCalledTimes(2)
    expect(text).toContain('handler failed')
    expect(text).toContain('store failed')
    expect(text).not.toContain('tony_stark')
    expect(text).not.toContain(SECRET)
  })
})
