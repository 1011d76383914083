/** Revocations that wait for their turn: at one provider one after the other, and at all of them beside each other. */
import { expect, it } from 'vitest'
import { revokeGrants } from '../src/operations/revoke-grants.ts'
import { createPerson } from '../src/simulator/person.ts'
import { type TestHub, createTestHub } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'

const HOUR_MS = 3_600_000

/** Connects an account, and disconnects it. */
async function leave(hub: TestHub, provider: string, login: string): Promise<void> {
  const landing = await hub.connect(provider, {
    referenceId: login,
    person: createPerson({ login }),
  })
  const query = `user_id=${landing.searchParams.get('user_id')}`
  await hub.call('DELETE', `/v2/auth/deauthenticateUser?${query}`)
  await hub.hub.settle()
}

const isFitbits = (url: string): boolean => url.endsWith('/revoke')

it('keeps no revocation from other processes while it waits for a provider', async () => {
  const claimed: number[] = []
  const hub = await createTestHub({
    fetch: intercept((url) => {
      if (!isFitbits(url)) return undefined
      return hub.rows('SELECT id FROM revocation WHERE claim_id IS NOT NULL').then((rows) => {
        claimed.push(rows.length)
        return new Response(null, { status: 503 })
      })
    }),
  })
  for (const login of ['a', 'b']) await leave(hub, 'FITBIT', login)
  await hub.database.execute("UPDATE revocation SET due_at_ms = 0 WHERE status = 'pending'")
  claimed.length = 0
  await hub.advanceByMs(HOUR_MS)
  expect(claimed.length).toBeGreaterThan(1)
  expect(Math.max(...claimed)).toBe(1)
})

it('revokes at other providers while one hangs, and begins few there in a turn', async () => {
  const hub = await createTestHub()
  for (const provider of ['FITBIT', 'GARMIN']) {
    hub.simulator.fail(provider, { revokeEndpoint: { status: 503 } })
  }
  for (const login of ['a', 'b', 'c', 'd', 'e']) await leave(hub, 'FITBIT', login)
  await leave(hub, 'GARMIN', 'a')
  hub.simulator.heal('GARMIN')
  await hub.database.execute(
    "UPDATE revocation SET due_at_ms = CASE WHEN provider = 'FITBIT' THEN 0 ELSE 1 END",
  )
  let hanging = 0
  let hasRevoked = (): void => {}
  const revoked = new Promise<void>((resolve) => (hasRevoked = resolve))
  await revokeGrants({
    ...hub.hub.deps,
    clock: { nowMs: () => hub.clock.nowMs() + hanging * 12_000 },
    fetch: intercept((url, init) => {
      if (init?.method === 'DELETE') return fetch(url, init).finally(hasRevoked)
      if (!isFitbits(url)) return undefined
      return revoked.then(() => {
        hanging += 1
        throw new TypeError('nobody answers')
      })
    }),
  })
  expect(hanging).toBe(3)
  const left = await hub.rows(
    "SELECT provider, claim_id FROM revocation WHERE status = 'pending' ORDER BY id",
  )
  expect(left).toEqual(Array.from({ length: 5 }, () => ({ provider: 'FITBIT', claim_id: null })))
})
