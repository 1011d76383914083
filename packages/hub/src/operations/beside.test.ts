import { expect, it } from 'vitest'
import { beside } from './beside.ts'

it('fails only when all have ended', async () => {
  const ended: string[] = []
  let end = (): void => {}
  const released = new Promise<void>((resolve) => (end = resolve))
  const running = beside(['failing', 'other'], async (name) => {
    if (name === 'failing') {
      // Whoever runs it hears of this before the other is let go on.
      setImmediate(end)
      throw new TypeError('the database is away')
    }
    await released
    ended.push(name)
  })
  await expect(running).rejects.toThrow('the database is away')
  expect(ended).toEqual(['other'])
})
