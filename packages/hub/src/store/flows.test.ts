import { describe, expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import { addEnvironments, flowRow, sessionRow } from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { Redacted } from '../secret.ts'
import type { Flow } from './flows.ts'
import type { Store } from './open.ts'

/** Runs many at once and counts those that got true. */
async function winners(run: (i: number) => Promise<boolean>): Promise<number> {
  const results = await Promise.all(Array.from({ length: 50 }, async (_, i) => await run(i)))
  return results.filter(Boolean).length
}

const DEPARTURE = {
  stateHash: 'state-1',
  stateExpiresAtMs: EPOCH_MS + 600_000,
  codeVerifier: new Redacted('verifier'),
}

describeStore('FlowTable', (open) => {
  async function openWithFlow(change: Partial<Flow> = {}): Promise<Store> {
    const store = await open()
    await addEnvironments(store)
    await store.widgetSessions.add(sessionRow(), 'session-token')
    await store.flows.add(flowRow(change), 'link-1')
    return store
  }

  it('finds a flow by its id, its link, its state and its promised user', async () => {
    const store = await openWithFlow({
      widgetSessionId: 'session-1',
      language: 'de',
      successUrl: 'https://app.example/ok',
      failureUrl: 'https://app.example/no',
    })
    const flow = await store.flows.find('flow-1')
    expect(flow).toEqual(
      flowRow({
        widgetSessionId: 'session-1',
        language: 'de',
        successUrl: 'https://app.example/ok',
        failureUrl: 'https://app.example/no',
      }),
    )
    expect(await store.flows.findByLink('link-1')).toEqual(flow)
    expect(await store.flows.findByReservedUser('user-of-flow-1')).toEqual(flow)
    await store.flows.depart(flowRow(), DEPARTURE)
    expect(await store.flows.findByState('state-1')).toMatchObject({ id: 'flow-1' })
    for (const nothing of [
      await store.flows.find('flow-2'),
      await store.flows.findByLink('link-2'),
      await store.flows.findByState('state-2'),
      await store.flows.findByReservedUser('user-2'),
    ]) {
      expect(nothing).toBeUndefined()
    }
  })

  it('belongs to one of many browsers that come at once, for ever', async () => {
    const store = await openWithFlow()
    expect(await winners((i) => store.flows.claim('flow-1', `browser-${i}`))).toBe(1)
    const { browserHash } = (await store.flows.find('flow-1')) ?? {}
    expect(await store.flows.claim('flow-1', String(browserHash))).toBe(false)
    expect(await store.flows.find('flow-1')).toMatchObject({ browserHash })
  })

  describe('depart and consumeState', () => {
    it('keep the verifier and the deadline of the login', async () => {
      const store = await openWithFlow()
      expect(await store.flows.depart(flowRow(), DEPARTURE)).toBe(true)
      const flow = await store.flows.find('flow-1')
      expect(flow).toMatchObject({
        status: 'at_provider',
        stateExpiresAtMs: EPOCH_MS + 600_000,
        deadlineMs: EPOCH_MS + 600_000,
      })
      expect(flow?.codeVerifier?.reveal()).toBe('verifier')
    })

    it('let exactly one of many callbacks go on', async () => {
      const store = await openWithFlow()
      await store.flows.depart(flowRow(), DEPARTURE)
      const deadlineMs = EPOCH_MS + 120_000
      expect(await winners(() => store.flows.consumeState('flow-1', 'state-1', deadlineMs))).toBe(1)
      expect(await store.flows.find('flow-1')).toMatchObject({ status: 'exchanging', deadlineMs })
      expect(await store.flows.depart(flowRow(), DEPARTURE)).toBe(false)
    })

    it('accept the state of the newest departure only', async () => {
      const store = await openWithFlow()
      await store.flows.depart(flowRow(), DEPARTURE)
      await store.flows.depart(flowRow(), {
        ...DEPARTURE,
        stateHash: 'state-2',
        codeVerifier: null,
      })
      expect(await store.flows.findByState('state-1')).toBeUndefined()
      expect(await store.flows.consumeState('flow-1', 'state-1', EPOCH_MS)).toBe(false)
      expect((await store.flows.find('flow-1'))?.codeVerifier).toBeNull()
      expect(await store.flows.consumeState('flow-1', 'state-2', EPOCH_MS)).toBe(true)
    })

    it('refuse a flow that has not departed, and one that has ended', async () => {
      const store = await openWithFlow()
      expect(await store.flows.consumeState('flow-1', 'state-1', EPOCH_MS)).toBe(false)
      await store.flows.depart(flowRow(), DEPARTURE)
      await store.flows.end('flow-1', { status: 'failed', reason: 'expired', atMs: EPOCH_MS })
      expect(await store.flows.consumeState('flow-1', 'state-1', EPOCH_MS)).toBe(false)
      expect(await store.flows.depart(flowRow(), DEPARTURE)).toBe(false)
    })
  })

  it('ends once however many want to end it, and forgets its verifier', async () => {
    const store = await openWithFlow()
    await store.flows.depart(flowRow(), DEPARTURE)
    const end = (i: number) =>
      store.flows.end('flow-1', { status: 'failed', reason: `reason ${i}`, atMs: EPOCH_MS + 1 })
    expect(await winners(end)).toBe(1)
    const flow = await store.flows.find('flow-1')
    expect(flow).toMatchObject({ status: 'failed', endedAtMs: EPOCH_MS + 1, codeVerifier: null })
    expect(await store.flows.end('flow-1', { status: 'succeeded', reason: null, atMs: 0 })).toBe(
      false,
    )
  })

  it('lists what is overdue, oldest first, and knows when the next one is', async () => {
    const store = await openWithFlow({ deadlineMs: EPOCH_MS + 30 })
    await store.flows.add(flowRow({ id: 'early', deadlineMs: EPOCH_MS + 10 }), null)
    await store.flows.add(flowRow({ id: 'ended', deadlineMs: EPOCH_MS + 5 }), null)
    await store.flows.end('ended', { status: 'succeeded', reason: null, atMs: EPOCH_MS })
    const overdue = async (nowMs: number, limit = 10) =>
      (await store.flows.listOverdue(nowMs, { limit })).map(({ id }) => id)
    expect(await store.flows.nextDeadlineMs()).toBe(EPOCH_MS + 10)
    expect(await overdue(EPOCH_MS + 9)).toEqual([])
    expect(await overdue(EPOCH_MS + 30)).toEqual(['early', 'flow-1'])
    expect(await overdue(EPOCH_MS + 30, 1)).toEqual(['early'])
    await store.flows.end('early', { status: 'failed', reason: 'expired', atMs: EPOCH_MS })
    await store.flows.end('flow-1', { status: 'failed', reason: 'expired', atMs: EPOCH_MS })
    expect(await store.flows.nextDeadlineMs()).toBeUndefined()
  })

  it('lists the open flows of a session, oldest first', async () => {
    const store = await openWithFlow({ widgetSessionId: 'session-1', createdAtMs: EPOCH_MS + 1 })
    const of = { widgetSessionId: 'session-1' }
    await store.flows.add(flowRow({ ...of, id: 'older', createdAtMs: EPOCH_MS }), null)
    await store.flows.add(flowRow({ ...of, id: 'ended', createdAtMs: EPOCH_MS }), null)
    await store.flows.add(flowRow({ id: 'other' }), null)
    await store.flows.end('ended', { status: 'failed', reason: null, atMs: EPOCH_MS })
    const ids = (await store.flows.listOpenOfSession('session-1', 10)).map(({ id }) => id)
    expect(ids).toEqual(['older', 'flow-1'])
    expect(await store.flows.listOpenOfSession('session-1', 1)).toHaveLength(1)
  })

  it('promises a user_id once', async () => {
    const store = await openWithFlow()
    const again = store.flows.add(flowRow({ id: 'x', reservedUserId: 'user-of-flow-1' }), null)
    await expect(again).rejects.toThrow(/unique/i)
  })
})

describeStore('WidgetSessionTable', (open) => {
  it('finds a session by its id and by its token', async () => {
    const store = await open()
    await addEnvironments(store)
    const session = sessionRow({
      providers: ['GARMIN', 'FITBIT'],
      showDisconnect: true,
      language: 'fr',
      successUrl: 'https://app.example/ok',
      failureUrl: 'https://app.example/no',
    })
    await store.widgetSessions.add(session, 'token-hash')
    expect(await store.widgetSessions.find('session-1')).toEqual(session)
    expect(await store.widgetSessions.findByToken('token-hash')).toEqual(session)
    expect(await store.widgetSessions.find('session-2')).toBeUndefined()
    expect(await store.widgetSessions.findByToken('session-1')).toBeUndefined()
  })

  it('belongs to one of many browsers that come at once', async () => {
    const store = await open()
    await addEnvironments(store)
    await store.widgetSessions.add(sessionRow(), 'token-hash')
    expect(await winners((i) => store.widgetSessions.claim('session-1', `browser-${i}`))).toBe(1)
  })

  it('remembers when it was used first', async () => {
    const store = await open()
    await addEnvironments(store)
    await store.widgetSessions.add(sessionRow(), 'token-hash')
    await store.widgetSessions.markUsed('session-1', EPOCH_MS + 1)
    await store.widgetSessions.markUsed('session-1', EPOCH_MS + 2)
    expect(await store.widgetSessions.find('session-1')).toMatchObject({ usedAtMs: EPOCH_MS + 1 })
  })
})
