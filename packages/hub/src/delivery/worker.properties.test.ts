import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { createDeliveryLab } from '../../test/support/delivery-lab.ts'
import { readLedgers } from '../../test/support/ledger.ts'
import type { Answer, TestApp } from '../../test/support/test-app.ts'
import { HOUR_MS, SECOND_MS } from '../core/time.ts'
import type { Clock } from '../deps.ts'

const DESTINATIONS = ['A', 'B']

/** What happens next: an event, time, a process that dies with what it claimed, a destination enabled. */
const STEP = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      lineage: fc.constantFrom('L1', 'L2', 'L3'),
      type: fc.constantFrom('auth', 'auth', 'sleep'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ passMs: fc.integer({ min: 1, max: 2 * HOUR_MS }) }) },
  { weight: 1, arbitrary: fc.record({ crashClaiming: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 1, arbitrary: fc.record({ enable: fc.constantFrom(...DESTINATIONS) }) },
)
const BUSY: Answer = { status: 429, headers: { 'retry-after': '600' } }
/** Answers before a destination begins to accept everything. */
const TROUBLE = fc.array(
  fc.constantFrom<Answer>(
    { status: 200 },
    { status: 500 },
    { status: 410 },
    BUSY,
    { status: 302, headers: { location: '/' } },
    'reset',
  ),
  { maxLength: 12 },
)

/** Names of the events that an app has accepted, by lineage, each as often as it was. */
class Acceptance {
  readonly byLineage = new Map<string, string[]>()
  /** It has asked to be left alone: in answer to data, with data alone. */
  quiet: { sinceMs: number; untilMs: number; stateUntilMs: number } | undefined
  /** What came all the same. */
  readonly unwanted: string[] = []

  constructor(app: TestApp, trouble: readonly Answer[], clock: Clock) {
    const answers = [...trouble]
    app.answer = ({ event }) => {
      const answer = answers.shift() ?? { status: 200 }
      const nowMs = clock.nowMs()
      // What was under way when it asked arrives at the same moment.
      const isData = event['type'] === 'sleep'
      const { sinceMs = 0, untilMs = 0, stateUntilMs = 0 } = this.quiet ?? {}
      if (nowMs > sinceMs && nowMs < (isData ? untilMs : stateUntilMs)) {
        this.unwanted.push(String(event['name']))
      }
      if (answer === BUSY) {
        const endMs = nowMs + 600 * SECOND_MS
        this.quiet = { sinceMs: nowMs, untilMs: endMs, stateUntilMs: isData ? stateUntilMs : endMs }
      }
      if (typeof answer === 'object' && answer.status < 300) {
        const lineage = String(event['lineage'])
        const names = this.byLineage.get(lineage) ?? []
        names.push(String(event['name']))
        this.byLineage.set(lineage, names)
      }
      return answer
    }
  }
}

/** Everything once; among each other and before data in the order of announcement, data among itself too. */
function expectOrder(accepted: readonly string[], announced: readonly string[]): void {
  expect(accepted.toSorted()).toEqual(announced.toSorted())
  const isData = (name: string): boolean => name.startsWith('sleep')
  for (const kind of [isData, (name: string): boolean => !isData(name)]) {
    expect(accepted.filter(kind)).toEqual(announced.filter(kind))
  }
  for (const data of announced.filter(isData)) {
    const before = announced.slice(0, announced.indexOf(data)).filter((name) => !isData(name))
    const seen = accepted.slice(0, accepted.indexOf(data))
    expect(before.filter((name) => !seen.includes(name))).toEqual([])
  }
}

it('delivers everything in order, once, and balances, whatever answers, crashes and disabling come', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { minLength: 1, maxLength: 25 }),
      fc.tuple(TROUBLE, TROUBLE),
      fc.array(fc.double({ min: 0.1, max: 0.9, noNaN: true }), { minLength: 1, maxLength: 5 }),
      async (steps, troubles, fractions) => {
        let turn = 0
        const fraction = (): number => fractions[turn++ % fractions.length] ?? 0.5
        const lab = await createDeliveryLab({ fraction })
        const accepted = await Promise.all(
          DESTINATIONS.map(
            async (id, i) => new Acceptance(await lab.addApp(id), troubles[i] ?? [], lab.clock),
          ),
        )
        const worker = lab.startWorker()
        const enable = async (id: string): Promise<void> => {
          await lab.enable(id)
          const acceptance = accepted[DESTINATIONS.indexOf(id)]
          if (acceptance !== undefined) acceptance.quiet = undefined
          worker.wake([id])
        }
        /** Jumps from one time at which something is due to the next, until nothing is. */
        const drain = async (): Promise<void> => {
          for (;;) {
            await worker.idle()
            const nextMs = await lab.nextDueAtMs()
            if (nextMs === undefined) return
            lab.clock.moveTo(nextMs)
            worker.wake()
          }
        }
        const announced = new Map<string, string[]>()
        for (const [i, step] of steps.entries()) {
          if ('lineage' in step) {
            const names = announced.get(step.lineage) ?? []
            announced.set(step.lineage, [...names, `${step.type} ${i}`])
            await lab.announce(`${step.type} ${i}`, step.lineage, step.type)
            worker.wake()
          } else if ('passMs' in step) {
            await worker.idle()
            lab.clock.moveTo(lab.clock.nowMs() + step.passMs)
            await worker.idle()
          } else if ('crashClaiming' in step) {
            await lab.claimAndDie(step.crashClaiming, `dead ${i}`)
          } else {
            await enable(step.enable)
          }
          expect((await readLedgers(lab)).errors).toEqual([])
        }
        // As often as a destination can still answer 410, and once more.
        for (let i = 0; i < 13; i += 1) {
          for (const id of DESTINATIONS) await enable(id)
          await drain()
        }
        for (const { byLineage, unwanted } of accepted) {
          expect(unwanted).toEqual([])
          expect([...byLineage.keys()].toSorted()).toEqual([...announced.keys()].toSorted())
          for (const [lineage, names] of announced) {
            expectOrder(byLineage.get(lineage) ?? [], names)
          }
        }
        const { owed, delivered, errors } = await readLedgers(lab)
        expect({ delivered, errors }).toEqual({ delivered: owed, errors: [] })
      },
    ),
    { numRuns: 60, endOnFailure: true },
  )
})
