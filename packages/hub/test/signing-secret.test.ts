/** The secret of a destination, as other libraries read it. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createTestHub } from './support/create-test-hub.ts'

describe('the signing secret of a destination', () => {
  it('is the base64 key of Standard Webhooks behind its prefix', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const [sent] = hub.app.received
    const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]{43}=)$/.exec(hub.destinationSecret) ?? []
    const id = String(sent?.headers['webhook-id'])
    const timestamp = String(sent?.headers['webhook-timestamp'])
    // As the specification writes it down, with nothing of ours.
    const signature = createHmac('sha256', Buffer.from(encoded, 'base64'))
      .update(`${id}.${timestamp}.${sent?.body}`)
      .digest('base64')
    expect(sent?.headers['webhook-signature']).toBe(`v1,${signature}`)
  })
})
