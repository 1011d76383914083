/** Statements of every event, as texts that are made once: a new text has to be hashed to find what it was compiled to. */
export interface HotSql {
  readonly insertEvent: string
  readonly hasUser: string
  readonly findUser: string
  readonly saveRecord: string
}

const hotSqls = new Map<string, HotSql>()

/** The statements on tables with this prefix. */
export function toHotSql(prefix: string): HotSql {
  const known = hotSqls.get(prefix)
  if (known !== undefined) return known
  const users = `${prefix}users`
  const made: HotSql = {
    insertEvent: `INSERT INTO ${prefix}inbox (environment, event_key, key_hash, trace_id, type, user_id, user_hash, ordering_ms,
       received_at_ms, body, headers, handler_state, handler_state_at_ms, handler_due_at_ms, attempts)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?9, ?13, 0)`,
    hasUser: `SELECT 1 FROM ${users} WHERE environment = ? AND user_id = ?`,
    findUser: `SELECT record, component_id FROM ${users} WHERE environment = ? AND user_id = ?`,
    saveRecord: `UPDATE ${users} SET record = ? WHERE user_id = ? AND environment = ? AND component_id = ?
       AND provider IS ? AND reference_id IS ? AND is_orphan = ?`,
  }
  hotSqls.set(prefix, made)
  return made
}
