/** A destination can be set in the same way by the API and by the configuration file. */
import { z } from 'zod'
import { expect, it } from 'vitest'
import { ENVIRONMENTS } from '../src/config/declared.ts'
import { findEventTypeFault } from '../src/core/destination-settings.ts'
import { SETTINGS } from '../src/http/routes/destinations/schemas.ts'
import { applyDeclaration } from '../src/operations/apply-declaration.ts'
import { addDestination } from '../src/operations/set-up.ts'
import { Redacted } from '../src/secret.ts'
import { createTestHub } from './support/create-test-hub.ts'

const URL = 'https://app.example/webhook'
const SECRET = 's'.repeat(32)
const BODY = z.strictObject(SETTINGS)

/** As the file spells it. */
function toFile(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).map(([name, one]) => {
    const own = name.startsWith('x-')
      ? name
      : name.replaceAll(/_./g, ([, c = '']) => c.toUpperCase())
    return [own, toFile(one)]
  })
  return Object.fromEntries(entries)
}

function judge(settings: Record<string, unknown>) {
  const destination = { url: URL, secret: SECRET, ...(toFile(settings) as object) }
  const environment = { id: 'acme-prod', apiKey: SECRET, destinations: [destination] }
  return {
    api: BODY.safeParse(settings).success,
    file: ENVIRONMENTS.safeParse([environment]).success,
  }
}

const RETRIES = { base_seconds: 10, cap_seconds: 600, window_hours: 48 }

it.each<[boolean, Record<string, unknown>]>([
  [true, {}],
  [true, { event_types: ['auth', 'deauth', 'sleep', 'connection_recovered', 'unknown:steps'] }],
  [true, { event_types: null }],
  [false, { event_types: [] }],
  [false, { event_types: ['auht'] }],
  [false, { event_types: 'auth' }],
  [false, { event_types: Array.from({ length: 101 }, () => 'auth') }],
  [true, { wants_extensions: true }],
  [false, { wants_extensions: 1 }],
  [true, { timeout_ms: 30_000 }],
  [false, { timeout_ms: 30_001 }],
  [false, { timeout_ms: 99 }],
  [true, { concurrency: 256 }],
  [false, { concurrency: 257 }],
  [false, { concurrency: 1.5 }],
  [true, { retries: RETRIES }],
  [true, { retries: null }],
  [false, { retries: { ...RETRIES, base_seconds: 601 } }],
  [false, { retries: { ...RETRIES, window_hours: 721 } }],
  [false, { retries: { base_seconds: 10 } }],
  [true, { headers: { 'x-tenant': '7' } }],
  [true, { headers: null }],
  [false, { headers: { 'x-terra-signature': '7' } }],
])('is %s in both: %j', (isRight, settings) => {
  expect(judge(settings)).toEqual({ api: isRight, file: isRight })
})

it('refuses a type with a typing error, and names the nearest', () => {
  expect(findEventTypeFault('auht')).toBe(
    'must be the name of an event type (did you mean auth?), or unknown:auht for one that this version does not know',
  )
  expect(findEventTypeFault('unknown:')).toMatch(/or unknown:name for/)
  expect(findEventTypeFault('*')).toMatch(/or unknown:name for/)
  for (const known of ['auth', 'lab_report.completed', 'expiry_warning', 'unknown:new.type']) {
    expect(findEventTypeFault(known)).toBeNull()
  }
})

it('follows the file in what it names, start after start, and leaves the rest', async () => {
  const hub = await createTestHub()
  const { deps } = hub.hub
  const apply = async (settings: object) =>
    await applyDeclaration(deps, {
      id: 'declared',
      apiKey: new Redacted(SECRET),
      providers: [],
      destinations: [{ url: URL, secret: new Redacted(SECRET), ...settings }],
    })
  const find = async () => (await deps.store.destinations.list('declared'))[0]
  const retries = { baseMs: 1_000, capMs: 60_000, windowMs: 3_600_000 }
  const headers = new Redacted({ 'x-tenant': '7' })
  const first = { eventTypes: ['auth'], concurrency: 2, retries, headers }
  expect(await apply(first)).toHaveLength(2)
  expect(await find()).toMatchObject({ concurrency: 2, retries, timeoutMs: 8_000 })
  const changesOf = async () => {
    const { entries } = await deps.store.audit.list('declared', {}, { limit: 99 })
    return entries.flatMap(({ action, detail }) =>
      action === 'destination.update' ? [detail['changed']] : [],
    )
  }
  expect(await apply(first)).toEqual([])
  expect(await changesOf()).toEqual([])

  const destination = await find()
  if (destination === undefined) throw new Error('the file declares it')
  await deps.store.destinations.update(destination, { concurrency: 9, timeoutMs: 5_000 })
  await apply({ ...first, eventTypes: null, headers: new Redacted({ 'x-tenant': '8' }) })
  expect(await changesOf()).toEqual([['eventTypes', 'concurrency', 'headers']])
  const after = await find()
  expect(after).toMatchObject({ eventTypes: null, concurrency: 2, retries, timeoutMs: 5_000 })
  expect(after?.headers?.reveal()).toEqual({ 'x-tenant': '8' })
})

it('leaves a later destination with the same address alone', async () => {
  const hub = await createTestHub()
  const { deps } = hub.hub
  const apply = async (eventTypes: string[]) =>
    await applyDeclaration(deps, {
      id: 'declared',
      apiKey: new Redacted(SECRET),
      providers: [],
      destinations: [{ url: URL, secret: new Redacted(SECRET), eventTypes }],
    })
  await apply(['auth'])
  await hub.advanceByMs(1_000)
  const of = { environmentId: 'declared', url: URL, actor: 'test' }
  await addDestination(deps, { ...of, eventTypes: ['deauth'] })
  await apply(['user_reauth'])
  const present = await deps.store.destinations.list('declared')
  expect(present.map(({ eventTypes }) => eventTypes)).toEqual([['user_reauth'], ['deauth']])
  expect(
    hub.logLines.filter((line) => line.includes('follows the configuration file')),
  ).toHaveLength(1)
})
