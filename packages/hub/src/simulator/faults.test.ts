import { describe, expect, it } from 'vitest'
import { FaultBox } from './faults.ts'

const time = { nowMs: 0 }
const deps = { clock: { nowMs: () => time.nowMs } }

describe('FaultBox', () => {
  it('fails each endpoint on its own, as often as asked', async () => {
    const box = new FaultBox(deps)
    box.set({
      tokenEndpoint: { status: 503, times: 2 },
      revokeEndpoint: { error: 'invalid_grant' },
    })
    box.set({ revokeEndpoint: { status: 429, error: 'slow_down' } })
    expect(await box.take('accountEndpoint')).toBeUndefined()
    expect(await box.take('tokenEndpoint')).toEqual({ status: 503 })
    expect(await box.take('tokenEndpoint')).toEqual({ status: 503 })
    expect(await box.take('tokenEndpoint')).toBeUndefined()
    expect(await box.take('revokeEndpoint')).toEqual({ status: 429, error: 'slow_down' })
  })

  it('lets what hangs go on when it is cleared', async () => {
    const box = new FaultBox(deps)
    box.set({ tokenEndpoint: { hangMs: 3_600_000 } })
    const hanging = box.take('tokenEndpoint')
    box.clear()
    expect(await hanging).toBeUndefined()
    expect(await box.take('tokenEndpoint')).toBeUndefined()
  })

  it('ends by itself', async () => {
    const box = new FaultBox(deps)
    box.set({ tokenEndpoint: { error: 'invalid_grant', forMs: 60_000 } })
    time.nowMs = 59_999
    expect(await box.take('tokenEndpoint')).toEqual({ status: 400, error: 'invalid_grant' })
    time.nowMs = 60_000
    expect(await box.take('tokenEndpoint')).toBeUndefined()
  })

  it('goes on after the delay', async () => {
    const box = new FaultBox(deps)
    box.set({ tokenEndpoint: { hangMs: 1, status: 500 } })
    expect(await box.take('tokenEndpoint')).toEqual({ status: 500 })
  })
})
