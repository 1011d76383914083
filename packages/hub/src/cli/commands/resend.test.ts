/** What `firma events resend --dry-run` says. */
import { expect, it } from 'vitest'
import { describePreview } from './resend.ts'

const nothing = { events: 0, deliveries: 0, first_at: null, last_at: null, destinations: [] }
const some = {
  events: 2,
  deliveries: 2,
  first_at: '2026-11-01T00:00:00Z',
  last_at: '2026-11-02T00:00:00Z',
  destinations: [{ url: 'https://app.example', deliveries: 2 }],
}

it('says that there are no events only where all of them were looked through', () => {
  expect(describePreview({ ...nothing, is_complete: true })).toMatch(/^no events: nothing/)
  expect(describePreview({ ...nothing, is_complete: false })).toMatch(/which is not all: narrow/)
  expect(describePreview({ ...some, is_complete: true })).toMatch(/^2 events made from 2026/)
  expect(describePreview({ ...some, is_complete: false })).toMatch(/^at least 2 events made/)
})
