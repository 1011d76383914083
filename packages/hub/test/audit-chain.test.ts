/** What somebody who writes into the database behind the hub's back can do to the audit log unseen: nothing. */
import { describe, expect, it } from 'vitest'
import { DAY_MS } from '../src/core/time.ts'
import { linkAudit } from '../src/operations/link-audit.ts'
import { pruneOldRows } from '../src/operations/prune-old-rows.ts'
import { verifyAudit } from '../src/operations/verify-audit.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'

const COLUMNS = 'environment_id, actor, action, subject, detail, created_at_ms'
const OF_ENVIRONMENT = `environment_id = '${DEV_ID}'`

async function write(hub: TestHub, id: string, createdAtMs = hub.clock.nowMs()): Promise<void> {
  await hub.hub.deps.store.audit.add({
    id,
    environmentId: DEV_ID,
    actor: 'key:abcd',
    action: 'token.read',
    subject: 'somebody',
    detail: { provider: 'GARMIN' },
    createdAtMs,
  })
}

/** A hub whose log has been linked, and how many rows that were. */
async function openLinked(): Promise<{ hub: TestHub; count: number }> {
  const hub = await createTestHub()
  // Its own worker, which links what it finds, has had its turn.
  await hub.hub.settle()
  for (const id of ['x1', 'x2', 'x3']) await write(hub, id)
  await linkAudit(hub.hub.deps)
  const count = (await verifyAudit(hub.hub.deps, DEV_ID)).verified
  return { hub, count }
}

const verify = async (hub: TestHub) => await verifyAudit(hub.hub.deps, DEV_ID)

it('is intact while the hub alone writes, in whatever order that commits', async () => {
  const { hub, count } = await openLinked()
  await write(hub, '0-older')
  expect(await verify(hub)).toMatchObject({ finding: null, unlinked: 1, verified: count + 1 })
  await linkAudit(hub.hub.deps)
  expect(await verify(hub)).toMatchObject({
    finding: null,
    unlinked: 0,
    verified: count + 1,
    unprotected: 0,
    head: { seq: count + 1 },
  })
  const { status, json } = await hub.call('GET', '/admin/v1/audit/verify')
  expect(status).toBe(200)
  expect(json).toMatchObject({
    intact: true,
    chains: [{ dev_id: DEV_ID, log: 'changes', finding: null }, { log: 'traffic' }],
  })
})

it('is verified from any place on, for whoever wants to know of the newest entries alone', async () => {
  const { hub, count } = await openLinked()
  const newest = async (entries: number) => {
    const { json } = await hub.call('GET', `/admin/v1/audit/verify?log=changes&newest=${entries}`)
    const [{ verified, finding }] = json.chains
    return [verified, finding?.kind]
  }
  expect(await newest(2)).toEqual([2, undefined])
  expect(await newest(count + 5)).toEqual([count, undefined])
  await hub.database.execute("UPDATE audit SET actor = 'nobody' WHERE id = 'x2'")
  expect(await newest(1)).toEqual([1, undefined])
  expect(await newest(2)).toEqual([0, 'changed'])
  // Without the entry that the newest follow, nothing less than all of it will do.
  await hub.database.execute("DELETE FROM audit WHERE id = 'x2'")
  expect(await newest(1)).toEqual([count - 2, 'missing'])
})

it('is linked and pruned where the key of another environment is missing', async () => {
  const { hub } = await openLinked()
  await hub.addEnvironment('acme-staging')
  await write(hub, 'x4')
  // It comes first.
  await hub.database.execute(
    "UPDATE audit_chain SET secret_sealed = 'v1.lost.' || secret_sealed WHERE environment_id < 'acme-testing'",
  )
  await hub.database.execute(
    `UPDATE audit SET seq = NULL, link = NULL WHERE environment_id = 'acme-staging'`,
  )
  await linkAudit(hub.hub.deps)
  expect(await hub.rows("SELECT id FROM audit WHERE id = 'x4' AND seq IS NULL")).toEqual([])
  const clock = { nowMs: () => hub.clock.nowMs() + 20 * DAY_MS }
  await pruneOldRows({ ...hub.hub.deps, clock, auditDays: 10 })
  expect(await hub.rows("SELECT id FROM audit WHERE id LIKE 'x%'")).toEqual([])
  expect(hub.logLines.join()).toContain('could not be linked or pruned')
})

describe('is seen not to be as it was written, where', () => {
  const forged = `INSERT INTO audit (id, ${COLUMNS}, mac, seq, link)
    SELECT 'forged', ${COLUMNS}, mac`
  it.each([
    ['an actor is another', "UPDATE audit SET actor = 'nobody' WHERE id = 'x2'", 'changed', 'x2'],
    ['a detail is another', "UPDATE audit SET detail = '{}' WHERE id = 'x1'", 'changed', 'x1'],
    ['a code is another', "UPDATE audit SET mac = 'abc' WHERE id = 'x3'", 'changed', 'x3'],
    ['a link is another', "UPDATE audit SET link = 'abc' WHERE id = 'x2'", 'changed', 'x2'],
    ['a row is gone', "DELETE FROM audit WHERE id = 'x2'", 'missing', null],
    ['the last row is gone', "DELETE FROM audit WHERE id = 'x3'", 'missing', null],
    ['a link is taken away', "UPDATE audit SET seq = NULL WHERE id = 'x2'", 'missing', null],
    [
      'a row has no code',
      `INSERT INTO audit (id, ${COLUMNS}) SELECT 'forged', environment_id, actor, action, subject,
         detail, created_at_ms + ${2 * DAY_MS} FROM audit WHERE id = 'x3'`,
      'inserted',
      'forged',
    ],
    [
      'a row has the code of another',
      `${forged}, NULL, NULL FROM audit WHERE id = 'x2'`,
      'inserted',
      'forged',
    ],
    [
      'a row has the place and the link of another',
      `${forged}, seq, link FROM audit WHERE id = 'x2'`,
      'changed',
      'forged',
    ],
    [
      'the end was cut off, and the chain put back',
      `UPDATE audit_chain SET last_seq = last_seq - 1,
         last_link = (SELECT link FROM audit WHERE id = 'x2') WHERE ${OF_ENVIRONMENT};
       DELETE FROM audit WHERE id = 'x3'`,
      'broken',
      null,
    ],
    [
      'the beginning was cut off as retention does',
      `UPDATE audit_chain SET anchor_seq = last_seq - 1,
         anchor_link = (SELECT link FROM audit WHERE id = 'x2') WHERE ${OF_ENVIRONMENT};
       DELETE FROM audit WHERE ${OF_ENVIRONMENT} AND id <> 'x3'`,
      'broken',
      null,
    ],
  ])('%s', async (_, tampering, kind, auditId) => {
    const { hub } = await openLinked()
    for (const statement of tampering.split(';')) await hub.database.execute(statement)
    // The hub works on, and makes nothing genuine that was not.
    await linkAudit(hub.hub.deps)
    const { finding } = await verify(hub)
    expect(finding).toMatchObject({ kind, auditId })
    const { json } = await hub.call('GET', '/admin/v1/audit/verify')
    expect(json.intact).toBe(false)
  })

  it('a row is changed before it is linked', async () => {
    const { hub } = await openLinked()
    await write(hub, 'x4')
    await hub.database.execute("UPDATE audit SET subject = 'nobody' WHERE id = 'x4'")
    expect(await verify(hub)).toMatchObject({ finding: { kind: 'inserted', auditId: 'x4' } })
  })
})

it('stays provable when its beginning leaves with the retention', async () => {
  const { hub, count } = await openLinked()
  const now = hub.clock.nowMs()
  await write(hub, 'x4', now + 5 * DAY_MS)
  await linkAudit(hub.hub.deps)
  const old = await hub.rows("SELECT * FROM audit WHERE id = 'x1'")
  const clock = { nowMs: () => now + 12 * DAY_MS }
  await pruneOldRows({ ...hub.hub.deps, clock, auditDays: 10 })
  expect(await verify(hub)).toMatchObject({ finding: null, verified: 1, pruned: count })
  // Nobody brings one of them back.
  const columns = Object.keys(old[0] ?? {})
  const marks = columns.map(() => '?').join(', ')
  const values = Object.values(old[0] ?? {}) as string[]
  await hub.rows(
    `INSERT INTO audit (${columns.join(', ')}) VALUES (${marks}) RETURNING id`,
    ...values,
  )
  expect(await verify(hub)).toMatchObject({ finding: { kind: 'inserted', auditId: 'x1' } })
})

it('counts rows from before there were chains, and proves nothing about them', async () => {
  const { hub, count } = await openLinked()
  const { begunAtMs } = await verify(hub)
  await hub.database.execute(
    `INSERT INTO audit (id, ${COLUMNS}) VALUES
      ('0', '${DEV_ID}', 'key:abcd', 'key.create', NULL, '{}', ${(begunAtMs ?? 0) - 1})`,
  )
  expect(await verify(hub)).toMatchObject({ finding: null, verified: count, unprotected: 1 })
})
