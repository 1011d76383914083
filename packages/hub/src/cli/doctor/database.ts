import type { Config } from '../../config/config.ts'
import { readDatabaseState } from '../databases.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

/** Whether the database can be read, is whole, and has the newest schema. */
export async function inspectDatabase(config: Config): Promise<Finding> {
  const { name, exists, health, pending } = await readDatabaseState(config)
  if (!exists) return ok('database', `${name} is not there yet; the first start makes it`)
  if (health !== 'ok') {
    return fail('database', `${name} is damaged: ${health}`, 'restore it from a backup')
  }
  if (pending.length === 0) return ok('database', `${name} answers and has the newest schema`)
  const todo = 'the next start runs them; take a backup before it'
  return warn('database', `${name} lacks ${pending.length} migrations`, todo)
}
