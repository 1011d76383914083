import { describe, expect, it } from 'vitest'
import { toResendRequest } from './use-events.ts'
import { toBulkRequest } from './use-users.ts'

describe('a bulk change', () => {
  it.each([
    [{ provider: 'FITBIT', state: 'degraded' }, false],
    [{ reference_id: 'tony' }, false],
    [{}, true],
  ])('names exactly what the page shows: %o', (filter, all) => {
    expect(toBulkRequest(filter, false)).toEqual({ filter, all, dry_run: false })
  })

  it.each([{ state: 'degradd' }, { provider: 'FITBIT', state: 'unconfirmed' }])(
    'is refused where it would name more than the address does: %o',
    (filter) => {
      expect(() => toBulkRequest(filter, true)).toThrow('choose one of active, degraded, inactive')
    },
  )
})

describe('sending again', () => {
  it('names exactly what the page shows', () => {
    const filter = { outcome: 'failed', type: 'auth', since: '2026-01-31T12:00' }
    const sent = { status: 'failed', type: 'auth', since: '2026-01-31T12:00:00Z' }
    expect(toResendRequest(filter)).toEqual(sent)
  })

  it.each(['suppressed', 'owed', 'faild'])('is refused for what is %s', (outcome) => {
    expect(() => toResendRequest({ outcome, type: 'auth' })).toThrow('delivered, failed')
  })
})
