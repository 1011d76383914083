import { describe, expect, it } from 'vitest'
import { user } from '../test/histories.ts'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import { createReceiver } from './receiver.ts'
import { memoryStore } from './stores/memory.ts'

const auth = (userId: string): object => ({ type: 'auth', status: 'success', user: user(userId) })

describe('a store that breaks its contract', () => {
  const inner = memoryStore()
  const hostile = new Proxy(new TypeError('hostile'), {
    get: () => {
      throw new TypeError('even to look at it fails')
    },
  })

  it.each([
    [
      'throws at once',
      () => {
        throw new TypeError('at once')
      },
    ],
    ['throws what cannot be looked at', () => Promise.reject(hostile)],
    ['throws nothing at all', () => Promise.reject(undefined)],
    ['forgets the result', () => Promise.resolve(undefined)],
    ['gives another result', () => Promise.resolve([])],
  ] as [string, () => Promise<never>][])(
    '%s: all who wait are told, and it goes on',
    async (_, fail) => {
      let isBroken = true
      const told: unknown[] = []
      const receiver = createReceiver({
        secrets: [SECRET],
        clock: () => NOW_MS,
        store: {
          ...inner,
          transaction: (fn, options) => (isBroken ? fail() : inner.transaction(fn, options)),
        },
        onError: (_error, { during }) => void told.push(during),
      })
      const requests = await Promise.all(['a', 'b', 'c'].map((id) => sign(auth(id))))
      const answers = await Promise.all(
        requests.map(({ body, headers }) =>
          receiver.fetch(new Request('https://app.test/', { method: 'POST', body, headers })),
        ),
      )
      expect(answers.map(({ status }) => status)).toEqual([503, 503, 503])
      expect(told).toEqual(['store', 'store', 'store'])
      isBroken = false
      expect((await receiver.receive(await sign(auth('a')))).status).toBe('accepted')
    },
  )
})
