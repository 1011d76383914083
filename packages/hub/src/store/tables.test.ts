import { describe, expect, it } from 'vitest'
import { describeStore } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  OTHER_ENVIRONMENT_ID,
  addEnvironments,
  apiKeyRow,
  connectionRow,
  destinationRow,
  environmentRow,
  eventRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { assert } from '../errors.ts'
import { Redacted } from '../secret.ts'
import { DEFAULT_SETTINGS } from './environments.ts'
import type { Connection } from './connections.ts'
import type { EventFilter } from './events.ts'
import type { Store } from './open.ts'

describeStore('EnvironmentTable', (open) => {
  it('gives an environment back as it was added, with its secret', async () => {
    const store = await open()
    await addEnvironments(store)
    const found = await store.environments.find(ENVIRONMENT_ID)
    expect(found).toMatchObject({ id: ENVIRONMENT_ID, name: 'Acme', settings: DEFAULT_SETTINGS })
    expect(found?.redirectSecret.reveal()).toBe('redirect-secret')
    expect(await store.environments.find('nowhere')).toBeUndefined()
  })

  it('saves settings, and takes the default for one that was not known when they were saved', async () => {
    const store = await open()
    await addEnvironments(store)
    const settings = {
      isProduction: true,
      retentionDays: 30,
      matchPolicy: 'account',
      failedAuthShape: 'legacy',
      connect: { confirmation: 'required', accountPolicy: 'move' },
      redirects: { schemes: ['myapp'], allowList: ['https://app.example/'] },
      brand: { accent: '#1f6b4a', logo: null, purpose: 'To plan your training.' },
      tokenAccess: 'allowed',
    } as const
    await store.environments.saveSettings(ENVIRONMENT_ID, settings)
    expect((await store.environments.find(ENVIRONMENT_ID))?.settings).toEqual(settings)
    const older = { matchPolicy: 'account' } as unknown as typeof settings
    await store.environments.saveSettings(ENVIRONMENT_ID, older)
    expect((await store.environments.find(ENVIRONMENT_ID))?.settings).toEqual({
      ...DEFAULT_SETTINGS,
      matchPolicy: 'account',
    })
  })

  it('refuses a dev_id a second time', async () => {
    const store = await open()
    await addEnvironments(store)
    await expect(store.environments.add(environmentRow())).rejects.toThrow(/unique/i)
  })
})

describeStore('ApiKeyTable', (open) => {
  it('finds a key by its digest until it ends or is revoked', async () => {
    const store = await open()
    await addEnvironments(store)
    const key = apiKeyRow({ scopes: ['read'], expiresAtMs: EPOCH_MS + 1 })
    await store.apiKeys.add(key)
    const { keyHash, ...known } = key
    expect(await store.apiKeys.findLive(keyHash, EPOCH_MS)).toEqual(known)
    expect(await store.apiKeys.findLive(keyHash, EPOCH_MS + 1)).toBeUndefined()
    expect(await store.apiKeys.findLive('hash-2', EPOCH_MS)).toBeUndefined()
    await store.apiKeys.add(apiKeyRow({ id: 'k2', keyHash: 'hash-2', revokedAtMs: EPOCH_MS }))
    expect(await store.apiKeys.findLive('hash-2', EPOCH_MS)).toBeUndefined()
  })

  it('records the use of a key once a minute', async () => {
    const store = await open()
    await addEnvironments(store)
    await store.apiKeys.add(apiKeyRow())
    const used = async (atMs: number) => {
      const key = await store.apiKeys.findLive('hash-1', atMs)
      assert(key !== undefined, 'the key lives')
      await store.apiKeys.recordUse(key, atMs)
      return (await store.apiKeys.findLive('hash-1', atMs))?.lastUsedAtMs
    }
    expect(await used(EPOCH_MS)).toBe(EPOCH_MS)
    expect(await used(EPOCH_MS + 59_999)).toBe(EPOCH_MS)
    expect(await used(EPOCH_MS + 60_000)).toBe(EPOCH_MS + 60_000)
  })
})

describeStore('IdempotencyTable', (open) => {
  const request = {
    keyHash: 'key',
    requestHash: 'request',
    nowMs: EPOCH_MS,
    claimUntilMs: EPOCH_MS + 10,
    expiresAtMs: EPOCH_MS + 100,
    mayTakeOver: true,
  }

  it('gives a key to one of many requests at once', async () => {
    const store = await open()
    const claims = await Promise.all(
      Array.from({ length: 8 }, async () => await store.idempotency.claim(request)),
    )
    expect(claims.map(({ type }) => type).toSorted()).toEqual([
      'claimed',
      ...Array.from({ length: 7 }, () => 'running'),
    ])
  })

  it('keeps an answer until it expires, for the same request only', async () => {
    const store = await open()
    const { idempotency } = store
    await idempotency.claim(request)
    expect(await idempotency.saveAnswer(request, 'the answer')).toBe(true)
    const answered = { type: 'answered', answer: 'the answer' }
    expect(await idempotency.claim({ ...request, nowMs: EPOCH_MS + 99 })).toEqual(answered)
    const other = { ...request, requestHash: 'other' }
    expect(await idempotency.claim(other)).toEqual({ type: 'other_request' })
    const late = {
      ...other,
      nowMs: EPOCH_MS + 100,
      claimUntilMs: EPOCH_MS + 110,
      expiresAtMs: EPOCH_MS + 200,
    }
    expect(await idempotency.claim(late)).toEqual({ type: 'claimed' })
    expect(await idempotency.claim(late)).toEqual({ type: 'running' })
  })

  it('gives a key on when its request is lost or has failed', async () => {
    const store = await open()
    const { idempotency } = store
    await idempotency.claim(request)
    const late = { ...request, nowMs: EPOCH_MS + 10, claimUntilMs: EPOCH_MS + 20 }
    const other = { ...late, requestHash: 'other' }
    expect(await idempotency.claim(other)).toEqual({ type: 'other_request' })
    expect(await idempotency.claim(late)).toEqual({ type: 'claimed' })
    // The first one ends after all: the key is no longer its.
    expect(await idempotency.saveAnswer(request, 'too late')).toBe(false)
    await idempotency.remove(request)
    expect(await idempotency.claim({ ...late, nowMs: EPOCH_MS + 11 })).toEqual({ type: 'running' })
    await idempotency.remove(late)
    expect(await idempotency.claim(other)).toEqual({ type: 'claimed' })
  })

  it('gives no key on whose request may have done what cannot be undone', async () => {
    const { idempotency } = await open()
    const once = { ...request, mayTakeOver: false }
    await idempotency.claim(once)
    expect(await idempotency.claim({ ...once, nowMs: EPOCH_MS + 9 })).toEqual({ type: 'running' })
    const late = { ...once, nowMs: EPOCH_MS + 10, claimUntilMs: EPOCH_MS + 20 }
    expect(await idempotency.claim(late)).toEqual({ type: 'interrupted' })
    const next = { ...late, nowMs: EPOCH_MS + 100, expiresAtMs: EPOCH_MS + 200 }
    expect(await idempotency.claim(next)).toEqual({ type: 'claimed' })
  })
})

describeStore('ProviderAppTable', (open) => {
  it('keeps one app per provider, replaced by the next, with its secret', async () => {
    const store = await open()
    await addEnvironments(store)
    const app = {
      environmentId: ENVIRONMENT_ID,
      provider: 'GARMIN',
      clientId: 'client-1',
      clientSecret: new Redacted('client-secret-1'),
      noticeKeyHash: 'hash-1',
      originOverrides: { 'https://connect.garmin.com': 'http://127.0.0.1:4002' },
      overrides: { variant: 'us', authorization: { scopes: ['a'] } },
      secrets: new Redacted({ noticeKey: 'key-1', named: { subscriptionKey: 'named-1' } }),
      createdAtMs: EPOCH_MS,
    }
    await store.providerApps.save(app)
    await store.providerApps.save({ ...app, provider: 'FITBIT' })
    await store.providerApps.save({
      ...app,
      clientId: 'client-2',
      clientSecret: new Redacted('client-secret-2'),
      createdAtMs: EPOCH_MS + 1,
    })
    const found = await store.providerApps.find(ENVIRONMENT_ID, 'GARMIN')
    expect(found).toMatchObject({
      clientId: 'client-2',
      originOverrides: app.originOverrides,
      createdAtMs: EPOCH_MS,
    })
    expect(found?.clientSecret.reveal()).toBe('client-secret-2')
    expect(await store.providerApps.listProviders(ENVIRONMENT_ID)).toEqual(['FITBIT', 'GARMIN'])
    expect(await store.providerApps.find(OTHER_ENVIRONMENT_ID, 'GARMIN')).toBeUndefined()
    expect(await store.providerApps.listProviders(OTHER_ENVIRONMENT_ID)).toEqual([])
  })
})

describeStore('DestinationTable', (open) => {
  it('gives a destination back as it was added, with its secret', async () => {
    const store = await open()
    await addEnvironments(store)
    const destination = destinationRow({ eventTypes: ['auth'], wantsExtensions: true })
    await store.destinations.add(destination)
    const found = await store.destinations.find('destination-1')
    expect(found).toEqual({ ...destination, secret: expect.any(Redacted) })
    expect(found?.secret.reveal()).toBe('destination-secret')
    expect(await store.destinations.find('destination-2')).toBeUndefined()
  })

  it('is moved, disabled with a reason, and enabled', async () => {
    const store = await open()
    await addEnvironments(store)
    await store.destinations.add(destinationRow())
    await store.destinations.moveTo('destination-1', 'https://new.example/')
    await store.destinations.disable('destination-1', 'gone')
    expect(await store.destinations.list(ENVIRONMENT_ID)).toMatchObject([
      { url: 'https://new.example/', status: 'disabled', disabledReason: 'gone' },
    ])
    await store.destinations.enable('destination-1', EPOCH_MS + 5)
    expect(await store.destinations.list(ENVIRONMENT_ID)).toMatchObject([
      { status: 'enabled', disabledReason: null },
    ])
  })
})

describeStore('EventTable', (open) => {
  /** The lineage of the event with this number, whose person was renamed again and again. */
  function ownerOf(i: number): Connection {
    return connectionRow({
      lineageId: `lineage-${i % 3}`,
      userId: `user-${i % 3}`,
      referenceId: i % 4 === 0 ? null : `person-${i % 4}`,
    })
  }

  async function openWithEvents(): Promise<Store> {
    const store = await open()
    await addEnvironments(store)
    for (let i = 0; i < 25; i += 1) {
      if (i % 3 !== 2) await store.connections.save(ownerOf(i), i)
      await store.events.add(
        eventRow({
          id: `e${String(i).padStart(2, '0')}`,
          type: i % 5 === 0 ? 'deauth' : 'auth',
          lineageId: i % 3 === 2 ? null : `lineage-${i % 3}`,
          userId: `user-${i % 3}`,
          referenceId: i % 4 === 0 ? null : `person-${i % 4}`,
        }),
      )
    }
    await store.events.add(eventRow({ id: 'elsewhere', environmentId: OTHER_ENVIRONMENT_ID }))
    return store
  }

  async function ids(
    store: Store,
    filter: EventFilter,
    page: { limit: number; before?: number } = { limit: 100 },
  ): Promise<string[]> {
    return (await store.events.list(ENVIRONMENT_ID, filter, page)).map(({ id }) => id)
  }

  it('gives an event back to the byte, in its environment only', async () => {
    const store = await open()
    await addEnvironments(store)
    const event = eventRow({
      body: '{"type":"auth",  "x":"\\u0041\u2028ü","n":1.0}',
      lineageId: null,
      userId: null,
      referenceId: null,
      provider: null,
    })
    await store.events.add(event)
    expect(await store.events.find(ENVIRONMENT_ID, 'event-1')).toEqual(event)
    expect(await store.events.find(OTHER_ENVIRONMENT_ID, 'event-1')).toBeUndefined()
  })

  it('lists newest first', async () => {
    const all = await ids(await openWithEvents(), {})
    expect(all).toHaveLength(25)
    expect(all).toEqual(all.toSorted((a, b) => b.localeCompare(a)))
  })

  it.each<[string, EventFilter, (i: number) => boolean]>([
    ['user', { userId: 'user-1' }, (i) => i % 3 === 1],
    ['reference', { referenceId: 'person-2' }, (i) => i % 4 === 2],
    ['lineage', { lineageId: 'lineage-1' }, (i) => i % 3 === 1],
    ['user without lineage', { userId: 'user-2' }, (i) => i % 3 === 2],
    ['type', { type: 'deauth' }, (i) => i % 5 === 0],
    ['type and user', { type: 'deauth', userId: 'user-0' }, (i) => i % 15 === 0],
    ['nobody', { userId: 'user-9' }, () => false],
    ['undefined filters', { userId: undefined, type: undefined }, () => true],
  ])('filters by %s', async (_what, filter, matches) => {
    const expected = Array.from({ length: 25 }, (_, i) => i)
      .filter(matches)
      .map((i) => `e${String(i).padStart(2, '0')}`)
    expect(await ids(await openWithEvents(), filter)).toEqual(expected.toReversed())
  })

  it('pages through everything once, also while new events come', async () => {
    const store = await openWithEvents()
    const paged: string[] = []
    for (let before: number | undefined; ;) {
      const page = await store.events.list(ENVIRONMENT_ID, {}, { limit: 10, before })
      if (page.length === 0) break
      paged.push(...page.map(({ id }) => id))
      before = page.at(-1)?.seq
      await store.events.add(eventRow({ id: `z${paged.length}` }))
    }
    expect(paged).toHaveLength(25)
    expect(new Set(paged).size).toBe(25)
  })
})

describeStore('RevocationTable', (open) => {
  const revocation = (id: string, createdAtMs = EPOCH_MS) => ({
    id,
    environmentId: ENVIRONMENT_ID,
    provider: 'GARMIN',
    providerAccountId: 'account-1',
    lineageId: 'lineage-1',
    flowId: null,
    tokenSetJson: new Redacted(`{"access":"${id}"}`),
    createdAtMs,
  })
  const claim = (nowMs: number, limit = 10, provider = 'GARMIN') => ({
    id: 'claim',
    provider,
    nowMs,
    untilMs: nowMs + 100,
    limit,
  })

  async function openWith(...rows: ReturnType<typeof revocation>[]): Promise<Store> {
    const store = await open()
    await addEnvironments(store)
    for (const row of rows) await store.revocations.add(row)
    return store
  }

  it('hands out what is due, with its tokens, to one at a time', async () => {
    const store = await openWith(revocation('r1'), revocation('r2', EPOCH_MS + 1))
    const claimed = await store.revocations.claimDue(claim(EPOCH_MS))
    expect(claimed).toMatchObject([{ id: 'r1', attempts: 0, providerAccountId: 'account-1' }])
    expect(claimed[0]?.tokenSetJson.reveal()).toBe('{"access":"r1"}')
    expect(await store.revocations.claimDue(claim(EPOCH_MS))).toEqual([])
    expect(await store.revocations.claimDue(claim(EPOCH_MS + 100, 1))).toMatchObject([{ id: 'r1' }])
  })

  it('names the providers at which something is due, and hands out what is due at one', async () => {
    const store = await openWith(
      revocation('r1', EPOCH_MS + 1),
      { ...revocation('r2'), provider: 'POLAR' },
      { ...revocation('r3'), provider: 'POLAR' },
    )
    const { revocations } = store
    expect(await revocations.listDueProviders(EPOCH_MS - 1, 9)).toEqual([])
    expect(await revocations.listDueProviders(EPOCH_MS, 9)).toEqual(['POLAR'])
    expect((await revocations.listDueProviders(EPOCH_MS + 1, 9)).toSorted()).toEqual([
      'GARMIN',
      'POLAR',
    ])
    expect(await revocations.claimDue(claim(EPOCH_MS + 1))).toMatchObject([{ id: 'r1' }])
    expect(await revocations.listDueProviders(EPOCH_MS + 1, 9)).toEqual(['POLAR'])
    expect(await revocations.claimDue(claim(EPOCH_MS + 1, 9, 'POLAR'))).toHaveLength(2)
  })

  it('postpones, keeps tokens that were refreshed, and ends', async () => {
    const store = await openWith(revocation('r1'))
    const one = { id: 'r1', claimId: 'claim' }
    await store.revocations.claimDue(claim(EPOCH_MS))
    await store.revocations.saveTokens(revocation('r1'), new Redacted('{"access":"new"}'))
    const later = { detail: 'HTTP 503', attempts: 1, dueAtMs: EPOCH_MS + 50 }
    await store.revocations.postpone(one, later)
    expect(await store.revocations.claimDue(claim(EPOCH_MS + 49))).toEqual([])
    const [again] = await store.revocations.claimDue(claim(EPOCH_MS + 50))
    expect(again).toMatchObject({ attempts: 1 })
    expect(again?.tokenSetJson.reveal()).toBe('{"access":"new"}')
    const end = { status: 'revoked', detail: null, attempts: 2, atMs: EPOCH_MS + 60 } as const
    await store.revocations.end(one, end)
    expect(await store.revocations.claimDue(claim(EPOCH_MS + 1_000))).toEqual([])
    expect(await store.revocations.nextDueAtMs()).toBeUndefined()
  })

  it('lets only whoever has it write about it', async () => {
    const store = await openWith(revocation('r1'))
    await store.revocations.claimDue({ ...claim(EPOCH_MS), id: 'slow' })
    await store.revocations.claimDue({ ...claim(EPOCH_MS + 100), id: 'claim' })
    const { revocations } = store
    const end = { status: 'failed', detail: 'late', attempts: 9, atMs: EPOCH_MS } as const
    const later = { detail: 'late', attempts: 9, dueAtMs: EPOCH_MS }
    const call = { accountId: 'another', untilMs: EPOCH_MS + 500 }
    const slow = { id: 'r1', claimId: 'slow' }
    expect(await revocations.end(slow, end)).toBe(false)
    expect(await revocations.postpone(slow, later)).toBe(false)
    expect(await revocations.markCalling(slow, call)).toBe(false)
    expect(await revocations.list(ENVIRONMENT_ID, { limit: 9 })).toMatchObject([
      { status: 'pending', attempts: 0, detail: null, providerAccountId: 'account-1' },
    ])
    expect(await revocations.end({ id: 'r1', claimId: 'claim' }, end)).toBe(true)
  })

  describe('nextDueAtMs', () => {
    it('is when the next one can be tried', async () => {
      const store = await openWith(revocation('r1'))
      expect(await store.revocations.nextDueAtMs()).toBe(EPOCH_MS)
      await store.revocations.claimDue(claim(EPOCH_MS))
      expect(await store.revocations.nextDueAtMs()).toBe(EPOCH_MS + 100)
    })

    it('does not wait for one that somebody holds when another is due before', async () => {
      const store = await openWith(revocation('held'), revocation('next', EPOCH_MS + 10))
      await store.revocations.claimDue(claim(EPOCH_MS))
      expect(await store.revocations.nextDueAtMs()).toBe(EPOCH_MS + 10)
    })
  })
})
