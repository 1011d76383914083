/** What a PostgreSQL server did, counted by itself: says the same on a busy machine as on a quiet one. */
import { Client } from 'pg'

/** Counted since the start of the server, or of a database. */
export interface ServerCounts {
  /** Bytes of the write-ahead log, of the whole server. */
  readonly logBytes: number
  /** Pages that were copied into it whole, as each is when it is first changed after a checkpoint. */
  readonly wholePages: number
  /** Pages that were not among the server's buffers. */
  readonly pagesRead: number
}

/** How long a server keeps what it has counted to itself, in milliseconds. */
const TOLD_AFTER_MS = 1_500

/** Counts, from PostgreSQL 14 on. */
export async function readCounts(connectionString: string): Promise<ServerCounts> {
  await new Promise((resolve) => {
    setTimeout(resolve, TOLD_AFTER_MS)
  })
  const client = new Client({ connectionString })
  await client.connect()
  const { rows } = await client.query<Record<keyof ServerCounts, string>>(
    `SELECT wal_bytes AS "logBytes", wal_fpi AS "wholePages",
       (SELECT blks_read FROM pg_stat_database WHERE datname = current_database()) AS "pagesRead" FROM pg_stat_wal`,
  )
  await client.end()
  const [row] = rows
  return {
    logBytes: Number(row?.logBytes),
    wholePages: Number(row?.wholePages),
    pagesRead: Number(row?.pagesRead),
  }
}

/** Begins anew with whole pages, so that turns can be compared. */
export async function checkpoint(connectionString: string): Promise<void> {
  const client = new Client({ connectionString })
  await client.connect()
  await client.query('CHECKPOINT')
  await client.end()
}
