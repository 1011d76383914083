/** Erasing a person while the last revocation of theirs ends: two transactions on PostgreSQL, in either order. */
import { Pool } from 'pg'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createTestSealer } from '../../test/support/describe-store.ts'
import { openTestSchema } from '../../test/support/postgres.ts'
import {
  ENVIRONMENT_ID,
  addEnvironments,
  connectionRow,
  ended,
  flowRow,
} from '../../test/support/store-rows.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { Redacted } from '../secret.ts'
import { type Store, type Tables, openPostgresStore } from './open.ts'

const CONNECTION = ended(connectionRow(), 'deleted')
const FLOW = flowRow({ referenceId: 'tony_stark' })
const SUBJECT = {
  environmentId: ENVIRONMENT_ID,
  referenceId: 'tony_stark',
  connections: [CONNECTION],
}
const CLAIMED = { id: 'revocation-1', claimId: 'process-1/1' }

/** Two processes at one database, where a revocation of the person is being carried out. */
async function open(of: { lineageId: string | null; flowId: string | null }) {
  const schema = await openTestSchema()
  const options = { sealer: createTestSealer(), nowMs: EPOCH_MS }
  const stores = [
    await openPostgresStore(schema.url, options),
    await openPostgresStore(schema.url, options),
  ] as const
  const watcher = new Pool({ connectionString: schema.url, max: 1 })
  onTestFinished(async () => {
    await watcher.end()
    for (const store of stores) await store.close()
    await schema.drop()
  })
  const [store] = stores
  await addEnvironments(store)
  await store.connections.save(CONNECTION, EPOCH_MS)
  await store.flows.add(FLOW, null)
  await store.revocations.add({
    id: CLAIMED.id,
    environmentId: ENVIRONMENT_ID,
    provider: CONNECTION.state.user.provider,
    providerAccountId: 'account-1',
    tokenSetJson: new Redacted('{}'),
    createdAtMs: EPOCH_MS,
    ...of,
  })
  await store.revocations.claimDue({
    id: CLAIMED.claimId,
    provider: CONNECTION.state.user.provider,
    nowMs: EPOCH_MS,
    untilMs: EPOCH_MS + 1,
    limit: 1,
  })
  return { stores, watcher }
}

/** Resolves when a statement waits for a lock of another transaction. */
async function untilWaiting(watcher: Pool): Promise<void> {
  const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()
    AND query LIKE '%revocation%' AND pid <> pg_backend_pid()`
  await vi.waitFor(async () => expect((await watcher.query(waiting)).rowCount).toBe(1), 30_000)
}

/** Runs a transaction up to its commit. */
async function begin(store: Store, run: (tx: Tables) => Promise<unknown>) {
  return await new Promise<{ commit(): Promise<void> }>((resolve, reject) => {
    const done = store.transaction(async (tx) => {
      await run(tx)
      await new Promise<void>((commit) => {
        resolve({
          commit: async () => {
            commit()
            await done
          },
        })
      })
    })
    done.catch(reject)
  })
}

const erase = async (tx: Tables): Promise<unknown> => await tx.erasure.anonymize(SUBJECT)
const end = async (tx: Tables): Promise<unknown> =>
  await tx.revocations.end(CLAIMED, { status: 'revoked', detail: null, attempts: 1, atMs: 1 })

describe.each([
  ['a connection', { lineageId: CONNECTION.lineageId, flowId: null }],
  ['an attempt', { lineageId: null, flowId: FLOW.id }],
])('the revocation that is left of %s', (_what, of) => {
  it.each([
    ['ends after the erasure has looked at it', erase, end],
    ['has ended, and is not committed when the erasure looks at it', end, erase],
  ])('%s, and keeps no account', async (_when, before, after) => {
    const { stores, watcher } = await open(of)
    const first = await begin(stores[0], before)
    // Also where the other one does not wait: a store is not closed before its transactions have ended.
    onTestFinished(first.commit)
    const second = stores[1].transaction(after)
    await untilWaiting(watcher)
    await first.commit()
    await second
    const { rows } = await watcher.query('SELECT status, provider_account_id FROM revocation')
    expect(rows).toEqual([{ status: 'revoked', provider_account_id: null }])
  })
})
