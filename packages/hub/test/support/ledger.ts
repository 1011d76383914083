/** The ledger of deliveries: whatever happened, nothing that is owed may be lost or owed twice. */
import type { SqliteHandle } from 'firma-receiver/sqlite'
import { isWanted } from '../../src/core/delivery.ts'
import { EXTENSION_EVENT_TYPES } from '../../src/core/event-body.ts'

export interface Ledger {
  /** Events times the destinations that want them. Counts today's settings for events of any day. */
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

export async function readLedger(handle: SqliteHandle): Promise<Ledger> {
  return await handle.exclusive((database) => {
    const rows = (sql: string): Record<string, unknown>[] => database.prepare(sql).all()
    const count = (sql: string): number => Number(rows(sql)[0]?.['count'])
    const destinations = rows('SELECT * FROM destination').map((row) => {
      const types = row['event_types']
      return {
        environmentId: row['environment_id'],
        eventTypes: typeof types === 'string' ? (JSON.parse(types) as string[]) : null,
        wantsExtensions: row['wants_extensions'] === 1,
      }
    })
    const owed = rows('SELECT environment_id, type FROM event').flatMap((event) => {
      const type = String(event['type'])
      const isExtension = EXTENSION_EVENT_TYPES.includes(type)
      return destinations.filter(
        (destination) =>
          destination.environmentId === event['environment_id'] &&
          isWanted(destination, type, isExtension),
      )
    }).length
    const having = (status: string): number =>
      count(`SELECT count(*) AS count FROM delivery WHERE status = '${status}'`)
    const [pending, held, delivered, failed] = [
      having('pending'),
      having('held'),
      having('delivered'),
      having('failed'),
    ]
    const checks: readonly (readonly [string, boolean])[] = [
      [
        `${owed} are owed, and there are ${pending} pending, ${held} held, ${delivered} delivered, ${failed} failed`,
        owed === pending + held + delivered + failed,
      ],
      [
        'every attempt is counted by its delivery',
        count(
          'SELECT count(*) AS count FROM delivery d WHERE d.attempts <> (SELECT count(*) FROM attempt a WHERE a.delivery_id = d.id)',
        ) === 0,
      ],
      [
        'what was delivered was answered with 2xx at its last attempt, and only then',
        count(
          `SELECT count(*) AS count FROM delivery d WHERE (d.status = 'delivered') <> EXISTS (
             SELECT 1 FROM attempt a
             WHERE a.delivery_id = d.id AND a.http_status BETWEEN 200 AND 299 AND a.number = d.attempts)`,
        ) === 0,
      ],
      [
        'exactly what has ended has an end',
        count(
          "SELECT count(*) AS count FROM delivery WHERE (status IN ('delivered', 'failed')) <> (ended_at_ms IS NOT NULL)",
        ) === 0,
      ],
    ]
    return {
      owed,
      pending,
      held,
      delivered,
      failed,
      attempts: count('SELECT count(*) AS count FROM attempt'),
      errors: checks.filter(([, holds]) => !holds).map(([sentence]) => sentence),
    }
  })
}
