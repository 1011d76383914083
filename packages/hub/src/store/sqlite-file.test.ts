import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type SqliteHandle, type SqliteValue, openSqlite } from 'firma-receiver/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createTestSealer } from '../../test/support/describe-store.ts'
import {
  ENVIRONMENT_ID,
  apiKeyRow,
  connectionRow,
  destinationRow,
  environmentRow,
  eventRow,
  flowRow,
  sessionRow,
  tokenContent,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { Redacted, digest } from '../secret.ts'
import type { Resend, ResendFilter } from './resends.ts'
import { type Store, openSqliteStore } from './open.ts'

async function openFile(file: string): Promise<{ handle: SqliteHandle; store: Store }> {
  const handle = await openSqlite(file)
  const store = await openSqliteStore(handle, { sealer: createTestSealer(), nowMs: EPOCH_MS })
  onTestFinished(async () => {
    await store.close()
    await handle.close()
  })
  return { handle, store }
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'firma-store-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  return folder
}

describe('the database file', () => {
  it('contains no secret in the clear, in any of its files', async () => {
    const folder = await temporaryFolder()
    const { store } = await openFile(path.join(folder, 'firma.db'))
    const canary = (name: string): Redacted<string> => new Redacted(`canary-${name}-secret`)
    await store.environments.add(environmentRow({ redirectSecret: canary('redirect') }))
    await store.destinations.add(destinationRow({ secret: canary('destination') }))
    await store.providerApps.save({
      environmentId: ENVIRONMENT_ID,
      provider: 'GARMIN',
      clientId: 'client-in-the-clear',
      clientSecret: canary('client'),
      noticeKeyHash: digest('canary-notice-secret'),
      originOverrides: {},
      overrides: {},
      secrets: new Redacted({
        noticeKey: 'canary-key-secret',
        named: { a: 'canary-named-secret' },
      }),
      createdAtMs: EPOCH_MS,
    })
    await store.apiKeys.add(apiKeyRow({ keyHash: digest('canary-key-secret'), hint: 'cret' }))
    const key = { keyHash: 'h', claimUntilMs: EPOCH_MS }
    const times = { nowMs: EPOCH_MS, expiresAtMs: EPOCH_MS }
    await store.idempotency.claim({ ...key, ...times, requestHash: 'r', mayTakeOver: true })
    await store.idempotency.saveAnswer(key, 'canary-answer-secret')
    await store.flows.add(flowRow(), digest('canary-link-secret'))
    await store.flows.depart(flowRow(), {
      stateHash: digest('canary-state-secret'),
      stateExpiresAtMs: EPOCH_MS,
      codeVerifier: canary('verifier'),
    })
    await store.widgetSessions.add(sessionRow(), digest('canary-session-secret'))
    await store.connections.save(connectionRow(), EPOCH_MS)
    const of = { environmentId: ENVIRONMENT_ID, lineageId: 'lineage-1', provider: 'GARMIN' }
    await store.tokenSets.save({ ...of, version: 1 }, tokenContent(canary('tokens')), EPOCH_MS)
    const from = { version: 1, atMs: EPOCH_MS }
    await store.tokenSets.replace({ ...of, version: 2 }, tokenContent(canary('refreshed')), from)
    const revocation = {
      id: 'r1',
      environmentId: ENVIRONMENT_ID,
      provider: 'GARMIN',
      providerAccountId: 'account-1',
      lineageId: 'lineage-1',
      flowId: null,
      tokenSetJson: canary('revocation'),
      createdAtMs: EPOCH_MS,
    }
    await store.revocations.add(revocation)
    await store.revocations.saveTokens(revocation, canary('revocation-refreshed'))

    const names = await readdir(folder)
    const files = await Promise.all(
      names.map(async (name) => (await readFile(path.join(folder, name))).toString('latin1')),
    )
    // It is there, so what is looked for would be found.
    expect(files.some((content) => content.includes('client-in-the-clear'))).toBe(true)
    expect(files.filter((content) => content.includes('canary'))).toEqual([])
  })

  it('opens no secret that was copied to another row', async () => {
    const { handle, store } = await openFile(':memory:')
    await store.environments.add(environmentRow())
    await store.destinations.add(destinationRow({ id: 'A', secret: new Redacted('of A') }))
    await store.destinations.add(destinationRow({ id: 'B', secret: new Redacted('of B') }))
    await handle.exclusive((database) =>
      database.exec(
        "UPDATE destination SET secret_sealed = (SELECT secret_sealed FROM destination WHERE id = 'B') WHERE id = 'A'",
      ),
    )
    await expect(store.destinations.find('A')).rejects.toThrow(/destination\.secret does not open/)
    expect((await store.destinations.find('B'))?.secret.reveal()).toBe('of B')
  })

  it('keeps everything when it is closed and opened again', async () => {
    const file = path.join(await temporaryFolder(), 'firma.db')
    const { handle, store } = await openFile(file)
    await store.environments.add(environmentRow())
    await store.events.add(eventRow())
    await store.close()
    await handle.close()
    const again = await openFile(file)
    expect(await again.store.events.find(ENVIRONMENT_ID, 'event-1')).toEqual(eventRow())
  })
})

/** Asks SQLite how it carries out what a function of the store sends to it. */
async function plansOf(run: (store: Store) => Promise<unknown>): Promise<string[]> {
  const inner = await openSqlite(':memory:')
  const sent: { sql: string; values: SqliteValue[] }[] = []
  const handle: SqliteHandle = {
    driver: inner.driver,
    close: async () => await inner.close(),
    exclusive: async (fn) =>
      await inner.exclusive((database) =>
        fn({
          exec: (sql) => database.exec(sql),
          close: () => undefined,
          prepare(sql) {
            const statement = database.prepare(sql)
            const recorded =
              <T>(method: (...values: SqliteValue[]) => T) =>
              (...values: SqliteValue[]): T => {
                sent.push({ sql, values })
                return method(...values)
              }
            return {
              run: recorded((...values) => statement.run(...values)),
              get: recorded((...values) => statement.get(...values)),
              all: recorded((...values) => statement.all(...values)),
            }
          },
        }),
      ),
  }
  const store = await openSqliteStore(handle, { sealer: createTestSealer(), nowMs: EPOCH_MS })
  onTestFinished(async () => {
    await store.close()
    await inner.close()
  })
  sent.length = 0
  await run(store)
  return await inner.exclusive((database) =>
    sent.flatMap(({ sql, values }) =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all(...values)
        .map((row) => String(row['detail'])),
    ),
  )
}

const account = { provider: 'GARMIN', providerAccountId: 'account-1' }
const page = { limit: 50, before: 9 }
const claim = { id: 'c', nowMs: EPOCH_MS, untilMs: EPOCH_MS + 1 }
const wants = [
  { destinationId: 'A', limit: 8 },
  { destinationId: 'B', limit: 8 },
]

function resend(filter: ResendFilter): Resend {
  const progress = { cursorSeq: 0, throughSeq: 9, deliveries: 0, status: 'running' } as const
  const times = { createdAtMs: EPOCH_MS, endedAtMs: null }
  return { id: 'r', environmentId: 'e', actor: 'a', filter, ...progress, ...times }
}

/** What is asked for second depends on what was found first. */
function withEvent(run: (store: Store) => Promise<unknown>) {
  return async (store: Store): Promise<void> => {
    await store.environments.add(environmentRow({ id: 'e' }))
    await store.events.add(eventRow({ environmentId: 'e' }))
    await run(store)
  }
}

/** Index that each function has to use, by table. */
const PLANS: readonly (readonly [string, (store: Store) => Promise<unknown>, string[]])[] = [
  [
    'deliveries.claimDue',
    (store) => store.deliveries.claimDue({ ...claim, wants }),
    ['delivery_due'],
  ],
  ['deliveries.listDue', (store) => store.deliveries.listDue(), ['delivery_due']],
  ['deliveries.listDueOf', (store) => store.deliveries.listDueOf(['A', 'B']), ['delivery_due']],
  [
    'deliveries.freeExpired',
    (store) => store.deliveries.freeExpired(EPOCH_MS),
    ['delivery_sending'],
  ],
  ['deliveries.makeDue', (store) => store.deliveries.makeDue('A', EPOCH_MS), ['delivery_due']],
  [
    'deliveries.listOfEvents',
    (store) => store.deliveries.listOfEvents(['event-1', 'event-2']),
    ['sqlite_autoindex_delivery_1'],
  ],
  ['attempts.list', (store) => store.attempts.list([1, 2], 50), ['PRIMARY']],
  [
    'events.listAfter',
    (store) => store.events.listAfter('e', { after: 1, through: 9, limit: 9 }),
    ['event_by_environment'],
  ],
  ['events.list', (store) => store.events.list('e', {}, page), ['event_by_environment']],
  [
    'events.list by user',
    (store) => store.events.list('e', { userId: 'u' }, page),
    ['event_without_lineage_by_user'],
  ],
  [
    'events.list by reference',
    (store) => store.events.list('e', { referenceId: 'r' }, page),
    ['event_without_lineage_by_reference'],
  ],
  [
    'events.list by reference, type and provider',
    (store) => store.events.list('e', { referenceId: 'r', type: 't', provider: 'p' }, page),
    ['event_without_lineage_by_reference'],
  ],
  [
    'events.list by lineage, type and provider',
    (store) => store.events.list('e', { lineageId: 'l', type: 't', provider: 'p' }, page),
    ['event_by_lineage'],
  ],
  [
    'events.list by lineage',
    (store) => store.events.list('e', { lineageId: 'l' }, page),
    ['event_by_lineage'],
  ],
  [
    'connections.list',
    (store) => store.connections.list('e', { limit: 50, offset: 100 }),
    ['connection_by_user'],
  ],
  [
    'connections.listActiveByAccount',
    (store) => store.connections.listActiveByAccount('e', account, { limit: 50, after: 'l' }),
    ['connection_by_account'],
  ],
  [
    'connections.hasActive',
    (store) => store.connections.hasActive('e', account),
    ['connection_by_account'],
  ],
  [
    'connections.listByReference',
    (store) => store.connections.listByReference('e', 'r', 50),
    ['connection_by_reference'],
  ],
  [
    'connections.findByMatchKeyForUpdate',
    (store) => store.connections.findByMatchKeyForUpdate('e', 'k'),
    ['sqlite_autoindex_connection_3'],
  ],
  [
    'connections.findByAlias',
    (store) => store.connections.findByAlias('e', 'u'),
    ['sqlite_autoindex_user_alias_1', 'sqlite_autoindex_connection_1'],
  ],
  [
    'connections.listAliasTimes',
    (store) => store.connections.listAliasTimes('l', 9),
    ['user_alias_by_lineage'],
  ],
  [
    'apiKeys.findLive',
    (store) => store.apiKeys.findLive('h', EPOCH_MS),
    ['sqlite_autoindex_api_key_2'],
  ],
  ['flows.findByState', (store) => store.flows.findByState('s'), ['sqlite_autoindex_flow_4']],
  ['flows.findByLink', (store) => store.flows.findByLink('s'), ['sqlite_autoindex_flow_3']],
  [
    'flows.listOverdue',
    (store) => store.flows.listOverdue(EPOCH_MS, { limit: 9, skip: 9 }),
    ['flow_open_by_deadline'],
  ],
  ['flows.nextDeadlineMs', (store) => store.flows.nextDeadlineMs(), ['flow_open_by_deadline']],
  [
    'flows.listOpenOfSession',
    (store) => store.flows.listOpenOfSession('s', 9),
    ['flow_by_session'],
  ],
  [
    'widgetSessions.findByToken',
    (store) => store.widgetSessions.findByToken('t'),
    ['sqlite_autoindex_widget_session_2'],
  ],
  [
    'revocations.claimDue',
    (store) => store.revocations.claimDue({ ...claim, provider: 'p', limit: 64 }),
    ['revocation_due'],
  ],
  [
    'revocations.listDueProviders',
    (store) => store.revocations.listDueProviders(EPOCH_MS, 9),
    ['revocation_due'],
  ],
  [
    'events.listWindow',
    withEvent((store) => store.events.listWindow('e', { outcome: 'failed' }, page)),
    ['event_by_environment', 'sqlite_autoindex_delivery_1'],
  ],
  [
    'events.listWindow of a type',
    withEvent((store) => store.events.listWindow('e', { outcome: 'failed', type: 'auth' }, page)),
    ['event_by_type', 'sqlite_autoindex_delivery_1'],
  ],
  [
    'resends.listNext of a provider',
    withEvent((store) =>
      store.resends.listNext(resend({ status: 'failed', provider: 'GARMIN' }), 9),
    ),
    ['event_by_provider', 'sqlite_autoindex_delivery_1'],
  ],
  ['oldRows.pruneFlows', (store) => store.oldRows.pruneFlows('e', EPOCH_MS, 9), ['flow_ended']],
  [
    'flows.listOpenOfReference',
    (store) => store.flows.listOpenOfReference('e', 'r', { limit: 9 }),
    ['flow_by_reference'],
  ],
  [
    'flows.countOfReference',
    (store) => store.flows.countOfReference('e', 'r'),
    ['flow_by_reference'],
  ],
  [
    'widgetSessions.endOfReference',
    (store) => store.widgetSessions.endOfReference('e', 'r', EPOCH_MS),
    ['widget_session_by_reference'],
  ],
  [
    'oldRows.pruneWidgetSessions',
    (store) => store.oldRows.pruneWidgetSessions('e', EPOCH_MS, 9),
    ['widget_session_by_expiry', 'flow_by_session'],
  ],
  [
    'revocations.list',
    (store) => store.revocations.list('e', { limit: 9, lineageId: 'l' }),
    ['revocation_by_lineage'],
  ],
  [
    'destinations.listSubscriptions',
    (store) => store.destinations.listSubscriptions('e'),
    ['destination_by_environment'],
  ],
]

describe('the plan of SQLite', () => {
  it.each(PLANS)('for %s reads no table from end to end', async (_name, run, indexes) => {
    const plans = await plansOf(run)
    const reading = plans.filter((line) => /^(SCAN|SEARCH)/.test(line))
    expect(
      reading.filter(
        (line) =>
          // What was handed in with the statement, or found by a part of it, is read from end to end.
          /^SCAN (?!given|found|head|state|data|\(|CONSTANT)/.test(line) &&
          !/USING( COVERING)? INDEX/.test(line),
      ),
    ).toEqual([])
    const missing = indexes.filter(
      (index) => !reading.some((line) => line.split(/[ ()]/).includes(index)),
    )
    expect({ missing, reading: missing.length === 0 ? [] : reading }).toEqual({
      missing: [],
      reading: [],
    })
  })

  it('for events of an environment sorts nothing', async () => {
    // By user_id, only the few lineages of a person are sorted, which the others do not look for.
    for (const filter of [{}, { referenceId: 'r' }, { lineageId: 'l' }]) {
      const plans = await plansOf((store) => store.events.list('e', filter, page))
      expect(plans.filter((line) => line.includes('TEMP B-TREE'))).toEqual([])
    }
  })
})
