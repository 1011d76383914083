/** Processor time of other processes, where the system tells of it. */
import { readdirSync, readFileSync } from 'node:fs'
import { Client } from 'pg'

/** Linux counts in hundredths of a second. */
const US_PER_TICK = 10_000

interface ProcessTimes {
  readonly parent: number
  readonly us: number
  /** Of its children that have ended. */
  readonly endedUs: number
}

function readTimes(pid: number): ProcessTimes | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in brackets may hold anything; numbers begin after it, with the third field.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [parent = 0, user = 0, system = 0, endedUser = 0, endedSystem = 0] = [
      1, 11, 12, 13, 14,
    ].map((i) => Number(fields[i]))
    return {
      parent,
      us: (user + system) * US_PER_TICK,
      endedUs: (endedUser + endedSystem) * US_PER_TICK,
    }
  } catch {
    // It has ended meanwhile, or this is no Linux.
    return undefined
  }
}

/** Microseconds that a PostgreSQL server of this machine has used, all its processes together; NaN where the system does not say. */
export async function readPostgresUs(connectionString: string): Promise<number> {
  const client = new Client({ connectionString })
  await client.connect()
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const server = readTimes(rows[0]?.pid ?? 0)?.parent
  let us = Number.NaN
  const main = server === undefined ? undefined : readTimes(server)
  if (main !== undefined) {
    us = main.us + main.endedUs
    for (const name of readdirSync('/proc')) {
      const times = /^\d+$/.test(name) ? readTimes(Number(name)) : undefined
      if (times?.parent === server) us += times?.us ?? 0
    }
  }
  await client.end()
  return us
}
