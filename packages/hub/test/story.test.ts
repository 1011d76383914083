import { expect, it } from 'vitest'
import { createTestHub } from './support/create-test-hub.ts'

it('announces a connection with exactly the fields of the published example', async () => {
  const hub = await createTestHub()
  const landing = await hub.connect('GARMIN')
  expect(landing.href).toMatch(
    /^https:\/\/app\.example\/connected\?tab=devices&user_id=[0-9a-f-]{36}&reference_id=tony_stark&resource=GARMIN&firma_exp=\d+&firma_sig=[0-9a-f]{64}#top$/,
  )
  const [auth] = hub.app.received
  expect(Object.keys(auth?.event ?? {})).toEqual([
    'type',
    'status',
    'widget_session_id',
    'user',
    'reference_id',
    'message',
    'version',
  ])
  await hub.advanceByMs(3_600_000)
  expect(hub.app.accepted).toEqual(['auth'])
})
