import { describe, expect, it } from 'vitest'
import { EXTENSION_EVENT_TYPES } from './event-body.ts'
import {
  type DestinationNotice,
  destinationOfLane,
  toDestinationLane,
  toOperatorRecord,
} from './operator-event.ts'

describe('what the operator is told about a destination', () => {
  it.each<[DestinationNotice, string, Record<string, unknown>]>([
    [{ type: 'failing', hours: 16 }, 'destination_failing', { status: 'warning', hours: 16 }],
    [{ type: 'disable' }, 'destination_disabled', { reason: expect.stringContaining('24 hours') }],
    [{ type: 'unready' }, 'destination_disabled', { reason: expect.stringContaining('48 hours') }],
    [{ type: 'gone' }, 'destination_disabled', { reason: expect.stringContaining('410') }],
    [{ type: 'recovered' }, 'destination_recovered', { status: 'success' }],
  ])('is an extension event: %j', (notice, type, fields) => {
    const record = toOperatorRecord('d1', notice)
    expect(record).toMatchObject({ type, userId: null, referenceId: null, provider: null })
    expect(JSON.parse(record.body)).toMatchObject({ type, destination_id: 'd1', ...fields })
    expect(EXTENSION_EVENT_TYPES).toContain(type)
  })

  it('has a lane of its own', () => {
    expect(destinationOfLane(toDestinationLane('d1'))).toBe('d1')
    expect(destinationOfLane('019a0000-0000-7000-8000-000000000000')).toBeNull()
  })
})
