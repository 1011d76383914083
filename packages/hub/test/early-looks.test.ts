/** Looks of the worker that are due earlier than it would wake up by itself: tokens of seconds, on both engines. */
import { expect, it, onTestFinished } from 'vitest'
import { DEV_ID, advanceByMs, createTestHub, types } from './support/create-test-hub.ts'
import { intercept } from './support/intercept.ts'
import { openTestSchema } from './support/postgres.ts'
import { wrapPostgres } from './support/test-database.ts'
import { openWatchedHub } from './support/watched-hub.ts'

const SECONDS = 1_000
const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** Tokens that live for so many seconds, of every provider, and with no refresh token unless asked for. */
function living(expires_in: number, { isRenewable = false } = {}, onCall?: (url: string) => void) {
  return intercept((url, init) => {
    onCall?.(url)
    if (!/\/oauth2?\/token$/.test(new URL(url).pathname)) return undefined
    return fetch(url, init).then(async (response) => {
      const { refresh_token, ...rest } = (await response.json()) as Record<string, unknown>
      return Response.json({ ...rest, expires_in, ...(isRenewable && { refresh_token }) })
    })
  })
}

it('is done when it is due', async () => {
  const hub = await createTestHub({ wantsExtensions: true, fetch: living(20) })
  // All workers are asleep, for a minute.
  await hub.advanceByMs(5 * SECONDS)
  await hub.connect('OURA')
  await hub.advanceByMs(9 * SECONDS)
  expect(types(hub)).toEqual(['auth'])
  await hub.advanceByMs(SECONDS)
  expect(types(hub)).toEqual(['auth', 'expiry_warning'])
  await hub.advanceByMs(10 * SECONDS)
  expect(types(hub)).toEqual(['auth', 'expiry_warning', 'connection_error'])
})

it('is refreshed before it ends, however short it lives', async () => {
  const hub = await createTestHub({ fetch: living(30, { isRenewable: true }) })
  await hub.advanceByMs(5 * SECONDS)
  await hub.connect('FITBIT')
  for (let passed = 0; passed < 120; passed += 1) {
    await hub.advanceByMs(SECONDS)
    const [row] = await hub.rows('SELECT expires_at_ms AS at FROM token_set')
    expect(Number(row?.['at'])).toBeGreaterThan(hub.clock.nowMs())
  }
  expect(types(hub)).toEqual(['auth'])
})

it('is asked after as often as the provider’s data says', async () => {
  let checks = 0
  const count = (url: string): void => void (checks += url.endsWith('/personal_info') ? 1 : 0)
  const hub = await createTestHub({ fetch: living(86_400, {}, count) })
  const { store } = hub.hub.deps
  const app = await store.providerApps.find(DEV_ID, 'OURA')
  if (app === undefined) throw new TypeError('the provider is not enabled')
  const overrides = { ...app.overrides, liveness: { everySeconds: 20 } }
  await store.providerApps.save({ ...app, overrides })
  await hub.advanceByMs(5 * SECONDS)
  await hub.connect('OURA')
  await hub.advanceByMs(61 * SECONDS)
  // The first one is part of connecting.
  expect(checks - 1).toBe(3)
})

it('is done by another process when the one that connected it has left', async () => {
  const schema = await openTestSchema()
  const database = wrapPostgres(schema)
  onTestFinished(async () => {
    await database.close()
    await schema.drop()
  })
  const hub = await createTestHub({ wantsExtensions: true, fetch: living(20), database })
  const { clock } = hub
  const keys = { primaryId: 'test', keys: new Map([['test', new Uint8Array(32).fill(7)]]) }
  const shared = { ...database.options, clock, timer: clock, keys, baseUrl: hub.url }
  const other = await openWatchedHub({ ...shared, allowedRanges: ['127.0.0.0/8'], log: SILENT })
  onTestFinished(async () => await other.close())
  other.start()
  await other.settle()
  await hub.connect('OURA')
  await hub.hub.close()
  expect(types(hub)).toEqual(['auth'])
  await advanceByMs(other, clock, 12 * SECONDS)
  // A beat is no work that anybody settles.
  await expect.poll(() => types(hub), { timeout: 180_000 }).toEqual(['auth', 'expiry_warning'])
})
