import { describe, expect, it } from 'vitest'
import { createDeliveryLab, namesOf } from '../../test/support/delivery-lab.ts'

describe('idle()', () => {
  it('waits for what was told of while the database was asked what is due', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    const worker = lab.startWorker()
    await worker.idle()
    const { deliveries } = lab.store
    const listDue = deliveries.listDue.bind(deliveries)
    deliveries.listDue = async () => {
      const due = await listDue()
      deliveries.listDue = listDue
      await lab.announce('one', 'L1')
      worker.wake()
      return due
    }
    worker.wake()
    await worker.idle()
    expect(namesOf(app)).toEqual(['one'])
  })

  it('waits for what somebody else has locked for a moment', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    const worker = lab.startWorker()
    await worker.idle()
    const { together } = lab.store
    let lockedTurns = 2
    // What SKIP LOCKED sees of it: it is due, and cannot be had.
    lab.store.together = async (run) =>
      await together(async (tx) => {
        if (lockedTurns > 0) {
          tx.deliveries.claimDue = async () => {
            lockedTurns -= 1
            return []
          }
        }
        return await run(tx)
      })
    await lab.announce('one', 'L1')
    worker.wake(['A'])
    await worker.idle()
    expect(lockedTurns).toBe(0)
    expect(namesOf(app)).toEqual(['one'])
  })
})
