/** Recomputes the chain of an audit log and names the first row that is not as it was written. */
import { DAY_MS } from '../core/time.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import type { AuditLog, Chain, ChainedRow } from '../store/audit-chain.ts'
import { codeOfChain, codeOfLink, codeOfRow } from '../store/audit-codes.ts'

/** Rows that are read at once. */
const PAGE = 500
/** For so long after a chain has begun, processes of an earlier version may go on writing rows without codes. */
const UPGRADE_MS_MAX = DAY_MS

/** What is wrong, and where. */
export interface AuditFinding {
  /** `broken`: where the chain begins or ends was changed. */
  readonly kind: 'changed' | 'missing' | 'inserted' | 'broken'
  /** The row; of a missing one, null. */
  readonly auditId: string | null
  /** Its place in the chain; null before it is linked. */
  readonly seq: number | null
}

export interface AuditVerdict {
  /** Null where nothing was written yet. */
  readonly begunAtMs: number | null
  /** Rows that were found as they were written. */
  readonly verified: number
  /** Of these, rows that are not linked yet: that one of them was removed would not be seen. */
  readonly unlinked: number
  /** Rows from before there were chains. */
  readonly unprotected: number
  /** Rows that left with their retention. */
  readonly pruned: number
  /** The newest link: kept elsewhere, it shows later whether the whole database was put back to an earlier state. */
  readonly head: { readonly seq: number; readonly link: string } | null
  readonly finding: AuditFinding | null
}

type Chains = Tables['auditChains']

/** What of a log is verified. */
export interface AuditPart {
  readonly log?: AuditLog
  /** Linked rows at most, the newest; the links before them are taken as they are. Null verifies all of them. */
  readonly newest?: number | null
}

/** @param environmentId Null for what belongs to no environment, of which there are only changes. */
export async function verifyAudit(
  { store }: StoreDep,
  environmentId: string | null,
  { log = 'changes', newest = null }: AuditPart = {},
): Promise<AuditVerdict> {
  const chains = log === 'traffic' ? store.trafficChains : store.auditChains
  const subject = { chains, environmentId, newest }
  const chain = await chains.find(environmentId)
  const verdict = await verify(subject, chain)
  if (verdict.finding === null || chain !== undefined) return verdict
  // Its first row may have been written since.
  return await verify(subject, await chains.find(environmentId))
}

interface Subject {
  readonly chains: Chains
  readonly environmentId: string | null
  readonly newest: number | null
}

async function verify(subject: Subject, found: Chain | undefined): Promise<AuditVerdict> {
  const { chains, environmentId } = subject
  const linked = found === undefined ? undefined : await walk(subject, found)
  const chain = linked?.chain
  const loose = await readUnlinked(chains, environmentId, chain)
  return {
    begunAtMs: chain?.begun_at_ms ?? null,
    verified: (linked?.verified ?? 0) + loose.unlinked,
    unlinked: loose.unlinked,
    unprotected: loose.unprotected,
    pruned: chain?.anchor_seq ?? 0,
    head: chain === undefined ? null : { seq: chain.last_seq, link: chain.last_link },
    finding: linked?.finding ?? loose.finding,
  }
}

interface Walked {
  /** As it stood when it was last read. */
  readonly chain: Chain
  readonly verified: number
  readonly finding: AuditFinding | null
}

/** The chain is linked and pruned meanwhile: what looks wrong is so only if the chain, read after the rows, has not moved. */
async function walk(subject: Subject, found: Chain): Promise<Walked> {
  const { chains, environmentId } = subject
  let chain = found
  let last = await findStart(subject, found)
  let verified = 0
  for (;;) {
    if (chain.mac !== codeOfChain(chain.secret, chain)) {
      return { chain, verified, finding: { kind: 'broken', auditId: null, seq: null } }
    }
    const rows = await chains.listRows(environmentId, { after: last.seq, limit: PAGE })
    const page = judgePage(chain, last, rows)
    last = page.last
    verified += page.verified
    const finding = page.finding ?? (rows.length < PAGE ? judgeEnd(chain, last) : null)
    if (finding !== null) {
      const now = await chains.find(environmentId)
      if (now === undefined || now.mac === chain.mac) return { chain, verified, finding }
      chain = now
    } else if (rows.length < PAGE) return { chain, verified, finding }
  }
}

interface Place {
  readonly seq: number
  readonly link: string
}

/** @returns The place behind which the rows to verify begin. */
async function findStart({ chains, environmentId, newest }: Subject, chain: Chain): Promise<Place> {
  const beginning = { seq: 0, link: '' }
  const seq = newest === null ? 0 : chain.last_seq - newest
  if (seq <= chain.anchor_seq) return beginning
  const [row] = await chains.listRows(environmentId, { after: seq - 1, limit: 1 })
  // Pruned meanwhile, or missing: then all of it is looked at.
  return row?.seq === seq ? { seq, link: row.link ?? '' } : beginning
}

/** @returns How far the rows are as they were written. */
function judgePage(
  chain: Chain,
  from: Place,
  rows: readonly ChainedRow[],
): { last: Place; verified: number; finding: AuditFinding | null } {
  let last = from
  let verified = 0
  for (const row of rows) {
    const isCut = last.seq < chain.anchor_seq
    const before = isCut ? { seq: chain.anchor_seq, link: chain.anchor_link } : last
    const kind = judge(chain, before, row)
    if (kind === 'missing') {
      return { last, verified, finding: { kind, auditId: null, seq: before.seq + 1 } }
    }
    if (kind !== null) return { last, verified, finding: { kind, auditId: row.id, seq: row.seq } }
    last = { seq: before.seq + 1, link: row.link ?? '' }
    verified += 1
  }
  return { last, verified, finding: null }
}

function judgeEnd(chain: Chain, last: Place): AuditFinding | null {
  const end = Math.max(last.seq, chain.anchor_seq)
  return end < chain.last_seq ? { kind: 'missing', auditId: null, seq: end + 1 } : null
}

/** @returns What is wrong with the row that follows `last`; null when it is the one. */
function judge(chain: Chain, last: Place, row: ChainedRow): AuditFinding['kind'] | null {
  const seq = row.seq ?? 0
  if (seq <= last.seq || seq > chain.last_seq) return 'inserted'
  if (seq > last.seq + 1) return 'missing'
  const rowCode = codeOfRow(chain.secret, row)
  const isWhole =
    row.mac === rowCode && row.link === codeOfLink(chain.secret, { link: last.link, seq }, rowCode)
  return isWhole ? null : 'changed'
}

async function readUnlinked(
  chains: Chains,
  environmentId: string | null,
  chain: Chain | undefined,
): Promise<{ unlinked: number; unprotected: number; finding: AuditFinding | null }> {
  let [unlinked, unprotected, after] = [0, 0, '']
  for (;;) {
    const page = { after, limit: PAGE }
    const rows = await chains.listRowsUnlinked(environmentId, page)
    for (const row of rows) {
      after = row.id
      const isOlder = chain === undefined || row.created_at_ms < chain.begun_at_ms + UPGRADE_MS_MAX
      if (chain !== undefined && row.mac === codeOfRow(chain.secret, row)) unlinked += 1
      else if (row.mac === null && isOlder) unprotected += 1
      else {
        const finding = { kind: 'inserted', auditId: row.id, seq: null } as const
        return { unlinked, unprotected, finding }
      }
    }
    if (rows.length < PAGE) return { unlinked, unprotected, finding: null }
  }
}
