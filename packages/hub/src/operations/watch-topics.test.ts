import { describe, expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  OTHER_ENVIRONMENT_ID,
  addEnvironments,
  connectionRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS, SlowClock, TestClock } from '../../test/support/test-clock.ts'
import type { Store } from '../store/open.ts'
import type { ProviderMove } from '../store/provider-moves.ts'
import type { Resend } from '../store/resends.ts'
import { countMove } from './count-moves.ts'
import { parseTopics, watchTopics } from './watch-topics.ts'

const MOVE: ProviderMove = {
  id: 'move-1',
  environmentId: ENVIRONMENT_ID,
  from: 'GARMIN_OAUTH1',
  to: 'GARMIN',
  kind: 'exchange',
  status: 'running',
  perMinute: 60,
  nextAtMs: EPOCH_MS,
  actor: 'cli',
  createdAtMs: EPOCH_MS,
  endedAtMs: null,
}

const RESEND: Resend = {
  id: 'resend-1',
  environmentId: ENVIRONMENT_ID,
  filter: {},
  status: 'running',
  cursorSeq: 0,
  throughSeq: 10,
  deliveries: 0,
  actor: 'cli',
  createdAtMs: EPOCH_MS,
  endedAtMs: null,
}

/** A watch whose every look comes late enough to be one. */
function watch(store: Store, text: string, environmentId = ENVIRONMENT_ID) {
  const clock = new TestClock()
  const look = watchTopics({ store, clock }, environmentId, parseTopics(text))
  return async () => {
    clock.moveTo(clock.nowMs() + 1_000)
    const { moves, resends } = await look()
    return [...moves, ...resends].map(({ id, status }) => `${id} ${status}`)
  }
}

/** A move with one person in it. */
async function openWithMove(open: () => Promise<Store>): Promise<Store> {
  const store = await open()
  await addEnvironments(store)
  await store.connections.save(connectionRow({ provider: MOVE.from }), EPOCH_MS)
  await store.moves.add(MOVE)
  await store.moveUsers.enrol(MOVE, EPOCH_MS)
  return store
}

describe('topics', () => {
  it('are refused where there is no such thing, and where they are many', () => {
    expect(parseTopics(undefined)).toMatchObject({ moves: false, resends: false, moveIds: [] })
    expect(parseTopics('moves,event/1,move/2')).toMatchObject({
      moves: true,
      eventIds: ['1'],
      moveIds: ['2'],
    })
    for (const wrong of ['people', 'move/', 'move/a/b', 'resends/1']) {
      expect(() => parseTopics(wrong)).toThrow(/there are moves, resends/)
    }
    const many = Array.from({ length: 11 }, (_, i) => `event/${i}`)
    expect(() => parseTopics(many.join(','))).toThrow(/10 are the most/)
  })
})

describeStore('watching topics', (open) => {
  it('tells how a move stands, then only when it or what its people do is otherwise', async () => {
    const store = await openWithMove(open)
    const [list, page] = [watch(store, 'moves'), watch(store, 'move/move-1')]
    expect([await list(), await page()]).toEqual([['move-1 running'], ['move-1 running']])
    expect([await list(), await page()]).toEqual([[], []])
    const claim = { id: 'p:1', nowMs: EPOCH_MS, untilMs: EPOCH_MS + 1, limit: 1 }
    const fail = async (attempt: number) => {
      const [claimed] = await store.moveUsers.claimDue(MOVE.id, claim)
      const failure = { detail: 'refused', againAtMs: EPOCH_MS, atMs: EPOCH_MS + attempt }
      if (claimed !== undefined) await store.moveUsers.fail(claimed, failure)
    }
    await fail(1)
    expect([await list(), await page()]).toEqual([['move-1 running'], ['move-1 running']])
    // The same figures: whoever looks at the people sees a second attempt, and nobody else needs to know.
    await fail(2)
    expect([await list(), await page()]).toEqual([[], ['move-1 running']])
    await store.moves.save(MOVE.id, { status: 'ended', endedAtMs: EPOCH_MS })
    expect([await list(), await page()]).toEqual([['move-1 ended'], ['move-1 ended']])
    expect([await list(), await page()]).toEqual([[], []])
  })

  it.each(['moves', 'move/move-1'])('adds up once for all who watch %s', async (topics) => {
    const store = await openWithMove(open)
    const clock = new SlowClock()
    const openWatch = () => {
      const look = watchTopics({ store, clock }, ENVIRONMENT_ID, parseTopics(topics))
      return async () =>
        (await look()).moves.map(({ status, progress }) => [status, progress.failed])
    }
    const [first, second] = [openWatch(), openWatch()]
    expect(await first()).toEqual([['running', 0]])
    const claim = { id: 'p:1', nowMs: EPOCH_MS, untilMs: EPOCH_MS + 1, limit: 1 }
    const [claimed] = await store.moveUsers.claimDue(MOVE.id, claim)
    if (claimed === undefined) throw new TypeError('nobody is due')
    const failure = { detail: 'refused', againAtMs: EPOCH_MS, atMs: EPOCH_MS + 1 }
    await store.moveUsers.fail(claimed, failure)
    // Not read again so soon after it was read for somebody else.
    expect(await second()).toEqual([['running', 0]])
    // Nor for whoever asks for the list.
    expect(await countMove({ store, clock }, MOVE)).toMatchObject({ failed: 0 })
    // But what it has ended with is.
    await store.moves.save(MOVE.id, { status: 'ended', endedAtMs: EPOCH_MS })
    expect(await openWatch()()).toEqual([['ended', 1]])
    clock.moveTo(clock.nowMs() + 60_000)
    expect([await first(), await second()]).toEqual([[['ended', 1]], [['ended', 1]]])
  })

  it('tells how far a resend is', async () => {
    const store = await openWithMove(open)
    const look = watch(store, 'resends')
    expect(await look()).toEqual([])
    await store.resends.add(RESEND)
    expect(await look()).toEqual(['resend-1 running'])
    await store.resends.save({ ...RESEND, cursorSeq: 5, deliveries: 3 })
    expect(await look()).toEqual(['resend-1 running'])
    await store.resends.save({ ...RESEND, cursorSeq: 5, deliveries: 3, status: 'paused' })
    expect(await look()).toEqual(['resend-1 paused'])
    expect(await look()).toEqual([])
  })

  it('tells nothing of another environment', async () => {
    const store = await openWithMove(open)
    await store.resends.add(RESEND)
    const look = watch(store, 'moves,move/move-1,resends', OTHER_ENVIRONMENT_ID)
    expect(await look()).toEqual([])
  })

  it('does not look again at once', async () => {
    const store = await openWithMove(open)
    const clock = new TestClock()
    const look = watchTopics({ store, clock }, ENVIRONMENT_ID, parseTopics('moves'))
    expect(await look()).toMatchObject({ moves: [{ id: 'move-1' }], againMs: 1_000 })
    await store.moves.save(MOVE.id, { status: 'paused' })
    clock.moveTo(clock.nowMs() + 400)
    expect(await look()).toMatchObject({ moves: [], againMs: 600 })
    clock.moveTo(clock.nowMs() + 600)
    expect(await look()).toMatchObject({ moves: [{ status: 'paused' }] })
  })
})
