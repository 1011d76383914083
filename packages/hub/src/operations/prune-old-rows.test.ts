import { expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import { Redacted } from '../secret.ts'
import {
  ENVIRONMENT_ID,
  addEnvironments,
  flowRow,
  sessionRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS, TestClock } from '../../test/support/test-clock.ts'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../core/time.ts'
import type { Store } from '../store/open.ts'
import { linkAudit } from './link-audit.ts'
import { AUDIT_DAYS, FLOW_DAYS, pruneOldRows } from './prune-old-rows.ts'

const END = { status: 'failed', reason: 'expired' } as const

const log = { info: () => undefined, warn: () => undefined, error: () => undefined }

describeStore('pruneOldRows', (open) => {
  const audit = async (
    store: Pick<Store, 'audit'>,
    id: string,
    createdAtMs: number,
  ): Promise<void> =>
    await store.audit.add({
      id,
      environmentId: ENVIRONMENT_ID,
      actor: 'test',
      action: 'test.done',
      subject: null,
      detail: {},
      createdAtMs,
    })

  it('removes what has ended long ago, and keeps what goes on', async () => {
    const store = await open()
    await addEnvironments(store)
    const clock = new TestClock()
    for (const endedAtMs of [EPOCH_MS, EPOCH_MS + 20 * DAY_MS, null]) {
      const id = String(endedAtMs)
      const common = { id, environmentId: ENVIRONMENT_ID, filter: {}, actor: 'test' }
      const times = { createdAtMs: EPOCH_MS, endedAtMs }
      await store.resends.add({
        ...common,
        ...times,
        status: endedAtMs === null ? 'paused' : 'done',
        cursorSeq: 0,
        throughSeq: 0,
        deliveries: 0,
      })
      await store.jobs.add({
        ...common,
        ...times,
        kind: 'disconnect_users',
        status: endedAtMs === null ? 'running' : 'done',
        total: 0,
        done: 0,
        failed: 0,
        cursor: '',
      })
    }
    clock.moveTo(EPOCH_MS + 100 * DAY_MS)
    const next = await pruneOldRows({ store, clock, log, auditDays: AUDIT_DAYS })
    expect(next).toBe(clock.nowMs() + HOUR_MS)
    const kept = [String(EPOCH_MS + 20 * DAY_MS), 'null']
    const resends = await store.resends.list(ENVIRONMENT_ID, { limit: 9 })
    expect(resends.map(({ id }) => id).toSorted()).toEqual(kept)
    expect(await store.jobs.find(ENVIRONMENT_ID, String(EPOCH_MS))).toBeUndefined()
    for (const id of kept) expect(await store.jobs.find(ENVIRONMENT_ID, id)).toBeDefined()
  })

  it('keeps the audit log for as long as it is told, and takes large numbers in steps', async () => {
    const store = await open()
    const clock = new TestClock()
    await store.transaction(async (tx) => {
      for (let i = 0; i < 501; i += 1) await audit(tx, `old ${i}`, EPOCH_MS)
      await audit(tx, 'young', EPOCH_MS + 5 * DAY_MS)
    })
    const count = async (): Promise<number> =>
      (await store.audit.list(ENVIRONMENT_ID, {}, { limit: 1_000 })).entries.length
    await linkAudit({ store, clock, log })
    clock.moveTo(EPOCH_MS + 11 * DAY_MS)
    expect(await pruneOldRows({ store, clock, log, auditDays: 10 })).toBe(clock.nowMs() + SECOND_MS)
    expect(await count()).toBe(2)
    expect(await pruneOldRows({ store, clock, log, auditDays: 10 })).toBe(clock.nowMs() + HOUR_MS)
    expect(await count()).toBe(1)
  })

  it('removes attempts to connect and their links, and keeps what is open or young', async () => {
    const store = await open()
    await addEnvironments(store)
    const oldMs = EPOCH_MS + DAY_MS
    const youngMs = EPOCH_MS + 3 * DAY_MS
    // A link has expired long ago, but what began with it may have ended yesterday, or not yet.
    const ends = { old: oldMs, young: youngMs, open: null, none: undefined }
    for (const [id, endedAtMs] of Object.entries(ends)) {
      await store.widgetSessions.add(sessionRow({ id }), `token of ${id}`)
      if (endedAtMs === undefined) continue
      await store.flows.add(flowRow({ id, widgetSessionId: id }), null)
      if (endedAtMs !== null) await store.flows.end(id, { ...END, atMs: endedAtMs })
    }
    const expiresAtMs = youngMs
    await store.widgetSessions.add(sessionRow({ id: 'unused', expiresAtMs }), 'token of unused')
    const account = { environmentId: ENVIRONMENT_ID, provider: 'GARMIN', providerAccountId: 'a' }
    const held = { ...account, flowId: 'old', createdAtMs: EPOCH_MS, expiresAtMs: EPOCH_MS }
    await store.heldGrants.add({ ...held, grantJson: new Redacted('{}') }, 'code')
    const clock = new TestClock()
    clock.moveTo(oldMs + FLOW_DAYS * DAY_MS + 1)
    const next = await pruneOldRows({ store, clock, log, auditDays: AUDIT_DAYS })
    expect(next).toBe(clock.nowMs() + HOUR_MS)
    const flows = ['old', 'young', 'open'].map(async (id) => await store.flows.find(id))
    expect((await Promise.all(flows)).map((flow) => flow?.id)).toEqual([undefined, 'young', 'open'])
    expect(await store.heldGrants.find('old')).toBeUndefined()
    const ids = ['old', 'young', 'open', 'none', 'unused']
    const sessions = ids.map(async (id) => await store.widgetSessions.find(id))
    expect((await Promise.all(sessions)).map((session) => session?.id)).toEqual([
      undefined,
      'young',
      'open',
      undefined,
      'unused',
    ])
  })

  it('keeps attempts for as long as their environment keeps events', async () => {
    const store = await open()
    await addEnvironments(store)
    const environment = await store.environments.find(ENVIRONMENT_ID)
    if (environment === undefined) throw new RangeError('it was added')
    await store.environments.saveSettings(ENVIRONMENT_ID, {
      ...environment.settings,
      retentionDays: 90,
    })
    await store.widgetSessions.add(sessionRow({ id: 'kept' }), 'token')
    await store.flows.add(flowRow({ id: 'kept', widgetSessionId: 'kept' }), null)
    await store.flows.end('kept', { ...END, atMs: EPOCH_MS })
    const clock = new TestClock()
    for (const [days, isThere] of [
      [89, true],
      [91, false],
    ] as const) {
      clock.moveTo(EPOCH_MS + days * DAY_MS)
      await pruneOldRows({ store, clock, log, auditDays: AUDIT_DAYS })
      const found = [await store.flows.find('kept'), await store.widgetSessions.find('kept')]
      expect(found.map((row) => row !== undefined)).toEqual([isThere, isThere])
    }
  })

  it('takes large numbers of attempts in steps', async () => {
    const store = await open()
    await addEnvironments(store)
    await store.transaction(async (tx) => {
      for (let i = 0; i < 501; i += 1) {
        const id = `flow ${i}`
        await tx.widgetSessions.add(sessionRow({ id }), id)
        await tx.flows.add(flowRow({ id, widgetSessionId: id }), null)
        await tx.flows.end(id, { ...END, atMs: EPOCH_MS + i })
      }
    })
    const clock = new TestClock()
    clock.moveTo(EPOCH_MS + (FLOW_DAYS + 1) * DAY_MS)
    const turn = async (): Promise<number> =>
      (await pruneOldRows({ store, clock, log, auditDays: AUDIT_DAYS })) - clock.nowMs()
    expect(await turn()).toBe(SECOND_MS)
    expect(await store.flows.find('flow 499')).toBeUndefined()
    expect(await store.flows.find('flow 500')).toBeDefined()
    expect(await store.widgetSessions.find('flow 500')).toBeDefined()
    expect(await turn()).toBe(HOUR_MS)
    expect(await store.flows.find('flow 500')).toBeUndefined()
    expect(await store.widgetSessions.find('flow 500')).toBeUndefined()
  })
})
