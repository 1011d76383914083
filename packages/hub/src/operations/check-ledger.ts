/** events × destinations = delivered + pending + held + failed + suppressed, and every exception by name. */
import type { DeliveryStatus } from '../core/delivery.ts'
import type { Environment } from '../store/environments.ts'
import type { Discrepancy, LedgerCount, LedgerRange } from '../store/ledger.ts'
import type { StoreDep } from '../store/open.ts'

/** Rows that one statement reads, so that none holds the database up. */
const ROWS_PER_LOOK = 5_000
/** Discrepancies that are named; there may be more. */
const DISCREPANCIES_MAX = 1_000

/** How many deliveries stand how. */
export type LedgerTotals = Readonly<Record<DeliveryStatus, number>>

export interface Ledger {
  /** Events that are kept. */
  readonly events: number
  /** First deliveries of these, one per event and destination at its time. */
  readonly totals: LedgerTotals
  /** Those of events whose retention has passed. */
  readonly pruned: LedgerTotals
  /** By destination and type. */
  readonly rows: readonly {
    readonly destinationId: string
    readonly type: string
    readonly totals: LedgerTotals
    readonly pruned: LedgerTotals
  }[]
  /** Of the suppressed ones, by reason. */
  readonly suppressed: Readonly<Record<string, number>>
  readonly discrepancies: readonly Discrepancy[]
}

/** Goes through everything in small steps; what is announced while it runs is left out. */
export async function checkLedger(
  { store }: StoreDep,
  environment: Pick<Environment, 'id'>,
): Promise<Ledger> {
  const { ledger } = store
  const [beginnings, ends] = [await ledger.beginnings(), await ledger.ends()]
  const counts = new Map<string, { totals: LedgerTotals; pruned: LedgerTotals }>()
  const suppressed: Record<string, number> = {}
  const discrepancies: Discrepancy[] = []
  let events = 0
  const pruned = await ledger.listPruned(environment.id)
  for (const one of pruned) add(counts, one, 'pruned')
  for (const range of ranges(beginnings.events, ends.events)) {
    for (const one of await ledger.count(environment.id, range)) {
      add(counts, one, 'totals')
      if (one.reason !== null) suppressed[one.reason] = (suppressed[one.reason] ?? 0) + one.count
    }
    const checked = await ledger.checkEvents(environment.id, range)
    events += checked.events
    discrepancies.push(...checked.discrepancies)
  }
  for (const range of ranges(beginnings.deliveries, ends.deliveries)) {
    discrepancies.push(...(await ledger.checkDeliveries(environment.id, range)))
    discrepancies.push(...(await ledger.checkOrphans(range)))
  }
  const all = [...counts.entries()]
  return {
    events,
    totals: sum(all.map(([, { totals }]) => totals)),
    pruned: sum(all.map(([, row]) => row.pruned)),
    rows: all.map(([key, row]) => {
      const [destinationId = '', type = ''] = key.split('\n')
      return { destinationId, type, ...row }
    }),
    suppressed,
    discrepancies: discrepancies.slice(0, DISCREPANCIES_MAX),
  }
}

function* ranges(first: number, end: number): IterableIterator<LedgerRange> {
  for (let after = first - 1; after < end; after += ROWS_PER_LOOK) {
    yield { after, through: Math.min(end, after + ROWS_PER_LOOK) }
  }
}

const NONE: LedgerTotals = { pending: 0, held: 0, delivered: 0, failed: 0, suppressed: 0 }

function add(
  counts: Map<string, { totals: LedgerTotals; pruned: LedgerTotals }>,
  { destinationId, type, status, count }: LedgerCount,
  where: 'totals' | 'pruned',
): void {
  const key = `${destinationId}\n${type}`
  const row = counts.get(key) ?? { totals: NONE, pruned: NONE }
  counts.set(key, { ...row, [where]: { ...row[where], [status]: row[where][status] + count } })
}

function sum(all: readonly LedgerTotals[]): LedgerTotals {
  const total = { ...NONE }
  for (const one of all) {
    for (const status of Object.keys(NONE) as DeliveryStatus[]) total[status] += one[status]
  }
  return total
}
