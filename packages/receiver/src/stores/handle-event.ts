import type { AppTransactions, HandlingEvent } from '../store.ts'

/** Where the event is, and how its row is kept from others meanwhile. */
interface HandledRow extends HandlingEvent {
  /** Name of the inbox table, quoted as the database needs it. */
  inbox: string
  /** Ends the query that reads the row, for databases that lock rows. */
  lock?: string
}

/**
 * Runs the app's handler and marks the event as done in one transaction of the app's, whatever library it comes from.
 */
export async function handleEvent<Tx>(
  transactions: AppTransactions<Tx>,
  { inbox, seq, atMs, lock = '' }: HandledRow,
  fn: (tx: Tx) => Promise<void>,
): Promise<boolean> {
  checkNumbers(seq, atMs)
  return transactions.transaction(async (executor, tx) => {
    const state = await executor.findValue(
      `SELECT handler_state FROM ${inbox} WHERE seq = ${seq}${lock}`,
    )
    if (state !== 'pending' && state !== 'failed') return false
    await fn(tx)
    await executor.execute(
      `UPDATE ${inbox} SET handler_state = 'done', handler_state_at_ms = ${atMs}, handler_due_at_ms = NULL,
         handler_error = NULL, attempts = attempts + 1 WHERE seq = ${seq}`,
    )
    return true
  })
}

/** They become part of a statement's text. */
function checkNumbers(...numbers: number[]): void {
  for (const number of numbers) {
    if (!Number.isSafeInteger(number))
      throw new RangeError(`expected a whole number, found ${number}`)
  }
}
