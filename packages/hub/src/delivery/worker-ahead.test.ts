import { describe, expect, it } from 'vitest'
import {
  type DeliveryLab,
  type LabEngine,
  createDeliveryLab,
  namesOf,
  until,
} from '../../test/support/delivery-lab.ts'
import { readLedgers } from '../../test/support/ledger.ts'
import type { Answer, TestApp } from '../../test/support/test-app.ts'
import { SECOND_MS } from '../core/time.ts'
import type { Store } from '../store/open.ts'
import { AHEAD_MS_MAX } from './ahead.ts'
import type { DeliveryWorker } from './worker.ts'

const PLACES = 2
const OWED = 10

interface Line {
  readonly lab: DeliveryLab
  readonly app: TestApp
  readonly worker: DeliveryWorker
  /** Answers one that is waiting for it, and from now on each that comes. */
  answer(name: string, answer?: Answer): void
  answerAll(): void
  /** The most that were unanswered at once. */
  most(): number
}

/** An app that has taken one at once, and lets two wait, with two more that are claimed ahead. */
async function startLine(engine: LabEngine): Promise<Line> {
  const lab = await createDeliveryLab({ engine })
  const app = await lab.addApp('A', { concurrency: PLACES, timeoutMs: 30_000 })
  const answers = new Map<string, Answer>([['0', { status: 200 }]])
  let isOpen = false
  let [present, most] = [0, 0]
  app.answer = async ({ event }) => {
    const name = String(event['name'])
    present += 1
    most = Math.max(most, present)
    await until(() => isOpen || answers.has(name))
    present -= 1
    return answers.get(name) ?? { status: 200 }
  }
  for (let i = 0; i < OWED; i += 1) await lab.announce(String(i), `L${i}`, 'sleep')
  const worker = lab.startWorker()
  await until(async () => (await lab.store.deliveryHealth.countQueue()).sending === 2 * PLACES)
  await until(() => app.received.length === 1 + PLACES)
  return {
    lab,
    app,
    worker,
    answer: (name, answer = { status: 200 }) => void answers.set(name, answer),
    answerAll: () => (isOpen = true),
    most: () => most,
  }
}

/** Another process takes everything that is free, until so many. */
async function takeOver({ lab }: Line, count: number): Promise<void> {
  let taken = 0
  await until(async () => (taken += (await lab.claimAndDie()).length) >= count)
  expect(taken).toBe(count)
}

/** Nothing can be let go of until it is mended, as when the disk is full or the connection breaks. */
function breakLettingGo(store: Store): { mend(): void } {
  const { together } = store
  let isBroken = true
  store.together = async (run) =>
    await together(async (tx) => {
      const free = tx.deliveries.freeClaims.bind(tx.deliveries)
      tx.deliveries.freeClaims = async (claims) => {
        if (isBroken) throw new Error('the connection broke')
        await free(claims)
      }
      return await run(tx)
    })
  return { mend: () => (isBroken = false) }
}

describe.each<LabEngine>(['SQLite', 'PostgreSQL'])('what is claimed ahead on %s', (engine) => {
  it('is sent when a place becomes free, and no more at once than there are places', async () => {
    const line = await startLine(engine)
    line.answerAll()
    await line.worker.idle()
    const { lab, app } = line
    expect(line.most()).toBe(PLACES)
    expect(namesOf(app).toSorted()).toEqual(Array.from({ length: OWED }, (_, i) => String(i)))
    expect(await readLedgers(lab)).toMatchObject({ delivered: OWED, attempts: OWED, errors: [] })
  })

  it('is free for others when no place has become free in time', async () => {
    const line = await startLine(engine)
    line.lab.clock.moveTo(line.lab.clock.nowMs() + AHEAD_MS_MAX)
    await takeOver(line, OWED - 1 - PLACES)
    line.answerAll()
    await line.worker.idle()
    expect(line.app.received).toHaveLength(1 + PLACES)
  })

  it('is free for others as soon as the process begins to stop', async () => {
    const line = await startLine(engine)
    const stopped = line.worker.stop()
    await takeOver(line, OWED - 1 - PLACES)
    expect(line.app.accepted).toHaveLength(1)
    line.answerAll()
    await stopped
    expect(line.app.accepted).toHaveLength(1 + PLACES)
  })

  it('keeps nothing else from being written down when it cannot be let go of', async () => {
    const line = await startLine(engine)
    const { lab, worker } = line
    const { mend } = breakLettingGo(lab.store)
    lab.clock.moveTo(lab.clock.nowMs() + AHEAD_MS_MAX)
    await until(() => lab.logged.includes('a worker turn failed; it is tried again'))
    line.answer('1')
    await until(async () => (await lab.store.deliveryHealth.read('A')).recent.delivered === 2)
    mend()
    line.answerAll()
    await worker.idle()
    expect(line.app.accepted).toHaveLength(OWED)
    expect(await readLedgers(lab)).toMatchObject({ delivered: OWED, attempts: OWED, errors: [] })
  })

  it('ends with its lease when it cannot be let go of as the process stops, which finishes the rest', async () => {
    const line = await startLine(engine)
    const { lab } = line
    breakLettingGo(lab.store)
    const stopped = line.worker.stop()
    await until(() => lab.logged.includes('what is not sent stays claimed for now'))
    line.answerAll()
    await stopped
    expect(line.app.accepted).toHaveLength(1 + PLACES)
    const { recent } = await lab.store.deliveryHealth.read('A')
    expect(recent).toMatchObject({ delivered: 1 + PLACES, attempts: 1 + PLACES })
  })

  it('is held when the destination is disabled', async () => {
    const line = await startLine(engine)
    const { lab, app, worker } = line
    await lab.store.destinations.disable('A', 'by hand')
    worker.wake(['A'])
    await takeOver(line, OWED - 1 - PLACES)
    line.answerAll()
    await worker.idle()
    expect(app.received).toHaveLength(1 + PLACES)
    expect(await readLedgers(lab)).toMatchObject({ held: OWED - 1 - PLACES, errors: [] })
  })

  it('waits with all others when the destination asks to be left alone', async () => {
    const line = await startLine(engine)
    const { lab, app, worker } = line
    line.answer('1', { status: 429, headers: { 'retry-after': '600' } })
    await until(async () => (await lab.store.deliveryHealth.countQueue()).sending === 1)
    line.answerAll()
    await worker.idle()
    await lab.advanceByMs(worker, 599 * SECOND_MS)
    expect(app.received).toHaveLength(1 + PLACES)
    line.answer('1')
    await lab.advanceByMs(worker, 60 * SECOND_MS)
    expect(app.accepted).toHaveLength(OWED)
    expect(await readLedgers(lab)).toMatchObject({ delivered: OWED, errors: [] })
  })

  it('is held when the destination says that it is gone', async () => {
    const line = await startLine(engine)
    line.answer('1', { status: 410 })
    await until(async () => (await line.lab.store.destinations.find('A'))?.status === 'disabled')
    line.answerAll()
    await line.worker.idle()
    expect(line.app.received).toHaveLength(1 + PLACES)
    expect(await readLedgers(line.lab)).toMatchObject({ held: OWED - PLACES, errors: [] })
  })
})
