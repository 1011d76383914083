/** PostgreSQL for tests of the hub: the server of `npm test`, or one that is started for the test file. */
import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { type TestPostgres, startPostgres } from '../../../../scripts/postgres.ts'

/** An empty schema of its own. */
export interface TestSchema {
  /** Its search path is the schema. */
  readonly url: string
  drop(): Promise<void>
}

let ownServer: Promise<TestPostgres> | undefined

/**
 * Fails with the line to run when there is no server and none can be had; never leaves tests out.
 *
 * @param server One of the test's own, to be broken.
 */
export async function openTestSchema(server?: TestPostgres): Promise<TestSchema> {
  const serverUrl = server?.url ?? (await findServer())
  const name = `hub_${randomBytes(6).toString('hex')}`
  await run(serverUrl, `CREATE SCHEMA ${name}`)
  const url = new URL(serverUrl)
  url.searchParams.set('options', `-c search_path=${name}`)
  // On a busy machine, many who want something at once wait for the pool's few connections.
  if (server === undefined) url.searchParams.set('connect_timeout', '120')
  return {
    url: url.href,
    drop: async () => await run(serverUrl, `DROP SCHEMA ${name} CASCADE`),
  }
}

async function findServer(): Promise<string> {
  const given = process.env['FIRMA_PG_URL']
  if (given !== undefined && given !== '') return given
  // It ends with the process of the test file.
  ownServer ??= startPostgres()
  return (await ownServer).url
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(sql)
  await client.end()
}
