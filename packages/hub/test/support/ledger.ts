/** The ledger of deliveries: whatever happened, nothing that is owed may be lost or owed twice. */
import type { SqliteHandle } from 'firma-receiver/sqlite'
import { checkLedger } from '../../src/operations/check-ledger.ts'
import type { Store } from '../../src/store/open.ts'
import { ENVIRONMENT_ID } from './store-rows.ts'

export interface Ledger {
  /** Events times the destinations that wanted them. */
  readonly owed: number
  readonly pending: number
  readonly held: number
  readonly delivered: number
  readonly failed: number
  /** Attempts at deliveries, of whatever outcome. */
  readonly attempts: number
  /** What cannot be right, one sentence each: empty when the ledger balances. */
  readonly errors: readonly string[]
}

/** The hub's own ledger, and a second one made by other queries; both must balance. */
export async function readLedgers(lab: {
  readonly store: Store
  secondLedger(): Promise<Ledger>
}): Promise<Ledger> {
  const { discrepancies } = await checkLedger(lab, { id: ENVIRONMENT_ID })
  const second = await lab.secondLedger()
  return {
    ...second,
    errors: [...second.errors, ...discrepancies.map((one) => JSON.stringify(one))],
  }
}

export async function readLedger(handle: SqliteHandle): Promise<Ledger> {
  // One look, whatever goes on meanwhile.
  return await handle.exclusive(async (database) =>
    readLedgerBy(async (sql) => database.prepare(sql).all()),
  )
}

/** The same for any database; nothing may go on meanwhile. */
export async function readLedgerBy(
  rows: (sql: string) => Promise<Record<string, unknown>[]>,
): Promise<Ledger> {
  const count = async (sql: string): Promise<number> => Number((await rows(sql))[0]?.['count'])
  const owed = Number((await rows('SELECT sum(fan_out) AS sum FROM event'))[0]?.['sum'] ?? 0)
  const having = async (condition: string): Promise<number> =>
    await count(
      `SELECT count(*) AS count FROM delivery LEFT JOIN destination ON destination.id = destination_id
         WHERE delivery.resend_id = '' AND ${condition}`,
    )
  const unended = "delivery.status IN ('waiting', 'pending', 'sending')"
  const suppressed = await having("delivery.status = 'suppressed'")
  const [pending, held, delivered, failed] = [
    await having(`${unended} AND destination.status = 'enabled'`),
    await having(`${unended} AND destination.status <> 'enabled'`),
    await having("delivery.status = 'delivered'"),
    await having("delivery.status = 'failed'"),
  ]
  const checks: readonly (readonly [string, boolean])[] = [
    [
      `${owed} are owed, and there are ${pending} pending, ${held} held, ${delivered} delivered, ${failed} failed, ${suppressed} suppressed`,
      owed === pending + held + delivered + failed + suppressed,
    ],
    [
      'every attempt is counted by its delivery',
      (await count(
        'SELECT count(*) AS count FROM delivery d WHERE d.attempts <> (SELECT count(*) FROM attempt a WHERE a.delivery_id = d.id)',
      )) === 0,
    ],
    [
      'what was delivered was answered with 2xx at its last attempt, and only then',
      (await count(
        `SELECT count(*) AS count FROM delivery d WHERE (d.status = 'delivered') <> EXISTS (
             SELECT 1 FROM attempt a
             WHERE a.delivery_id = d.id AND a.http_status BETWEEN 200 AND 299 AND a.number = d.attempts)`,
      )) === 0,
    ],
    [
      'exactly what has ended has an end',
      (await count(
        "SELECT count(*) AS count FROM delivery WHERE (status IN ('delivered', 'failed', 'suppressed')) <> (ended_at_ms IS NOT NULL)",
      )) === 0,
    ],
    [
      'exactly the heads of lanes can be sent',
      (await count(
        `SELECT count(*) AS count FROM delivery d WHERE d.status IN ('waiting', 'pending', 'sending')
             AND (d.status = 'waiting') <> EXISTS (
               SELECT 1 FROM delivery earlier WHERE earlier.destination_id = d.destination_id
                 AND earlier.order_key = d.order_key AND earlier.id < d.id AND earlier.is_data <= d.is_data
                 AND earlier.status IN ('waiting', 'pending', 'sending'))`,
      )) === 0,
    ],
  ]
  return {
    owed: owed - suppressed,
    pending,
    held,
    delivered,
    failed,
    attempts: await count('SELECT count(*) AS count FROM attempt'),
    errors: checks.filter(([, holds]) => !holds).map(([sentence]) => sentence),
  }
}
