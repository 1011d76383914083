import { describe, expect, it } from 'vitest'
import { TransactionGroup } from './transaction-group.ts'

/** A database that keeps what was committed, and counts commits. */
function createDatabase() {
  const committed: string[] = []
  const sizes: number[] = []
  const group = new TransactionGroup<string[]>(async (run) => {
    const written: string[] = []
    await run(written)
    committed.push(...written)
    sizes.push(written.length)
  })
  return { committed, sizes, group }
}

describe('TransactionGroup', () => {
  it('commits what came in one turn together, in its order, and answers each', async () => {
    const { committed, sizes, group } = createDatabase()
    const answers = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => await group.add(async (tx) => `${name}${tx.push(name)}`)),
    )
    expect(answers).toEqual(['a1', 'b2', 'c3'])
    expect(committed).toEqual(['a', 'b', 'c'])
    expect(sizes).toEqual([3])
  })

  it('answers nobody before the commit', async () => {
    const steps: string[] = []
    const group = new TransactionGroup<null>(async (run) => {
      await run(null)
      await Promise.resolve()
      steps.push('committed')
    })
    await Promise.all([
      group.add(async () => undefined).then(() => steps.push('answered')),
      group.add(async () => undefined).then(() => steps.push('answered')),
    ])
    expect(steps).toEqual(['committed', 'answered', 'answered'])
  })

  it('lets what comes during a commit share the next one', async () => {
    const sizes: number[] = []
    const late: Promise<void>[] = []
    const group = new TransactionGroup<string[]>(async (run) => {
      const written: string[] = []
      await run(written)
      sizes.push(written.length)
      if (sizes.length > 1) return
      for (const name of ['b', 'c', 'd']) {
        await Promise.resolve()
        late.push(group.add(async (tx) => void tx.push(name)))
      }
    })
    await group.add(async (tx) => tx.push('a'))
    await Promise.all(late)
    expect(sizes).toEqual([1, 3])
  })

  it('lets one that fails take nobody with it', async () => {
    const { committed, group } = createDatabase()
    const outcomes = await Promise.allSettled([
      group.add(async (tx) => tx.push('a')),
      group.add(async (tx) => {
        tx.push('lost')
        throw new Error('refused')
      }),
      group.add(async (tx) => tx.push('c')),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(committed).toEqual(['a', 'c'])
  })

  it('makes no group so large that its last waits long', async () => {
    const { sizes, group } = createDatabase()
    await Promise.all(
      Array.from({ length: 150 }, async () => group.add(async (tx) => tx.push('x'))),
    )
    expect(sizes).toEqual([64, 64, 22])
  })
})
