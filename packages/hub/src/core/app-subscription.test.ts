import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  type FoundSubscription,
  type SubscriptionAim,
  planSubscriptions,
} from './app-subscription.ts'

const AIM: SubscriptionAim = {
  found: [],
  topics: ['a', 'b'],
  addresses: ['https://hub/notices/one/key', 'https://hub/notices/two/key'],
  ownAddress: 'https://hub/notices/one/key',
  beginnings: ['https://hub/notices/one/', 'https://hub/notices/two/'],
  made: ['made'],
  isOnlyOne: false,
  renewBeforeMs: 1_000,
}
const [ADDRESS = ''] = AIM.addresses

function found(changes: Partial<FoundSubscription> = {}): FoundSubscription {
  return { id: '1', address: ADDRESS, topic: 'a', endsAtMs: null, ...changes }
}

it('makes what is missing, renews what ends soon, and keeps the rest', () => {
  const one = found({ endsAtMs: 1_000 })
  const two = found({ id: '2', topic: 'b', endsAtMs: 999 })
  expect(planSubscriptions({ ...AIM, found: [one] })).toMatchObject({ create: ['b'], renew: [] })
  expect(planSubscriptions({ ...AIM, found: [one, two] })).toEqual({
    kept: [one, two],
    create: [],
    remove: [],
    renew: [two],
    inTheWay: undefined,
  })
})

it.each([
  ['of an earlier address', found({ address: 'https://hub/notices/two/old' })],
  ['that it made when it had another base URL', found({ id: 'made', address: 'https://was/x' })],
  ['about something that nobody wants any more', found({ topic: null })],
])('removes what is its own and %s', (_what, one) => {
  expect(planSubscriptions({ ...AIM, found: [one] })).toMatchObject({ remove: [one], kept: [] })
})

it('removes everything of its own when the app is given up, and what another environment uses stays', () => {
  const theirs = found({ id: '2', address: AIM.addresses[1] ?? '' })
  const aim = { ...AIM, topics: [], addresses: [theirs.address], ownAddress: undefined }
  const { remove, create } = planSubscriptions({ ...aim, found: [found(), theirs] })
  expect(create).toEqual([])
  expect(remove).toEqual([found()])
})

it('leaves one of two that two environments have made at the same time', () => {
  const theirs = found({ id: '0', address: AIM.addresses[1] ?? '' })
  const plan = planSubscriptions({ ...AIM, found: [found(), theirs] })
  expect(plan).toMatchObject({ kept: [theirs], remove: [found()] })
  // The other environment leaves it to this one.
  const other = { ...AIM, ownAddress: theirs.address }
  expect(planSubscriptions({ ...other, found: [found(), theirs] }).remove).toEqual([])
})

it('leaves others alone; where there is room for one only, they are in the way', () => {
  const other = found({ address: 'https://elsewhere/hook' })
  const aim = { ...AIM, topics: ['a'], found: [other] }
  expect(planSubscriptions(aim)).toMatchObject({ remove: [], create: ['a'], inTheWay: undefined })
  expect(planSubscriptions({ ...aim, isOnlyOne: true }).inTheWay).toBe(other)
  const both = { ...aim, isOnlyOne: true, found: [other, found({ id: '2' })] }
  expect(planSubscriptions(both)).toMatchObject({ create: [], inTheWay: undefined })
})

it('never touches what is not its own, and wants nothing more once it has been carried out', () => {
  const one = fc.record({
    id: fc.constantFrom('1', '2', '3', 'made'),
    address: fc.constantFrom(...AIM.addresses, 'https://hub/notices/one/old', 'https://else/x'),
    topic: fc.constantFrom('a', 'b', null),
    endsAtMs: fc.constantFrom(null, 500, 2_000),
  })
  const all = fc.uniqueArray(one, { selector: ({ id }) => id })
  fc.assert(
    fc.property(all, (present) => {
      const plan = planSubscriptions({ ...AIM, found: present })
      const isOthers = ({ id, address }: FoundSubscription): boolean =>
        id !== 'made' && address.startsWith('https://else')
      expect([...plan.remove, ...plan.renew].filter(isOthers)).toEqual([])
      const after = [
        ...present
          .filter((each) => !plan.remove.includes(each))
          .map((each) => (plan.renew.includes(each) ? { ...each, endsAtMs: 9_000 } : each)),
        ...plan.create.map((topic) => found({ id: `new ${topic}`, topic })),
      ]
      expect(planSubscriptions({ ...AIM, found: after })).toMatchObject({
        remove: [],
        renew: [],
        create: [],
      })
    }),
  )
})
