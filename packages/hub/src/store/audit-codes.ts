/** The codes that keep the audit log honest: HMAC-SHA-256, each kind over a list that begins with its name. */
import { createHmac, hash } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Schema } from './schema.ts'

type AuditRow = Pick<
  Selectable<Schema['audit']>,
  'id' | 'environment_id' | 'actor' | 'action' | 'subject' | 'detail' | 'created_at_ms'
>

/** Where a chain begins and ends. */
export interface ChainState {
  readonly environment_id: string
  readonly begun_at_ms: number
  readonly anchor_seq: number
  readonly anchor_link: string
  readonly last_seq: number
  readonly last_link: string
}

/** Over a digest of the detail, so that a detail could be taken away and the row still be proved. */
export function codeOfRow(secret: string, row: AuditRow): string {
  const detail = hash('sha256', row.detail, 'hex')
  const { id, environment_id, actor, action, subject, created_at_ms } = row
  return code(secret, ['row', id, environment_id, actor, action, subject, created_at_ms, detail])
}

/** @param before The link before, and the place of this one. */
export function codeOfLink(
  secret: string,
  before: { readonly link: string; readonly seq: number },
  rowCode: string,
): string {
  return code(secret, ['link', before.link, before.seq, rowCode])
}

export function codeOfChain(secret: string, chain: ChainState): string {
  const { environment_id, begun_at_ms, anchor_seq, anchor_link, last_seq, last_link } = chain
  return code(secret, [
    'chain',
    environment_id,
    begun_at_ms,
    anchor_seq,
    anchor_link,
    last_seq,
    last_link,
  ])
}

function code(secret: string, parts: readonly (string | number | null)[]): string {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest('hex')
}
