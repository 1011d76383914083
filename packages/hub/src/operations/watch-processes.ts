/**
 * Which processes live. Each shows it by counting up its beat; whoever sees another's beat stand still
 * lets go of what that one had claimed. Nobody compares clocks: what counts is how often a process has
 * looked itself and found nothing new.
 */
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, LogDep, TimerDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import type { ProcessBeat } from '../store/processes.ts'
import type { KeyAgreement, KeyDecision } from './agree-on-key.ts'

/** How often a process shows that it lives, and looks after the others. */
export const BEAT_MS = 2 * SECOND_MS
/** A process is taken for dead when so many looks in a row have found the same beat: after 8 to 10 s. */
export const SILENT_LOOKS_MAX = 4

/** By two clocks, which may be wrong, nobody has heard of it for so long: it is worth waiting for a sign of it. */
const FORGOTTEN_MS = 60 * SECOND_MS

export interface ProcessWatch {
  /**
   * Shows this process to the others, before it does anything.
   *
   * @throws FirmaError `configuration_invalid` when it cannot work beside them.
   */
  join(): Promise<void>
  /** How many processes there were at the last look, this one too; 1 where nobody looks. */
  readonly processes: number
  /**
   * Shows that this process lives and looks after the others.
   *
   * @returns Whether one of them was dead.
   * @throws FirmaError `configuration_invalid` when it was taken for dead, and cannot work beside the others any more.
   */
  look(): Promise<boolean>
  /** This process ends: what it has claimed is free at once. */
  leave(): Promise<void>
}

/** @param beatMs How often the others show themselves. */
export function createProcessWatch(
  deps: ClockDep & TimerDep & IdsDep & LogDep & StoreDep,
  agreement: KeyAgreement,
  beatMs = BEAT_MS,
): ProcessWatch {
  const { processId } = deps.ids
  let processes = 1
  let seen: ReadonlyMap<string, { readonly beat: number; readonly silentLooks: number }> = new Map()
  /** Under a lock on all rows, so that nobody else comes or changes its keys meanwhile. @returns The others. */
  const show = async (silent: Silent = new Map()): Promise<readonly ProcessBeat[]> => {
    const { others, decision } = await deps.store.transaction(async (tx) => {
      await tx.processes.holdAll()
      const rows = await tx.processes.list()
      const all = rows.filter(({ id }) => id !== processId)
      const isKnown = rows.length > all.length
      const { others, decision } = isKnown
        ? { others: all, decision: agreement.judge(all) }
        : await joinThem(tx, agreement, { all, silent })
      await tx.processes.beat(processId, decision.keys, deps.clock.nowMs())
      return { others, decision }
    })
    decision.apply()
    processes = others.length + 1
    return others
  }
  return {
    get processes() {
      return processes
    },
    async join() {
      try {
        await show()
      } catch (error) {
        if (!(error instanceof FirmaError) || error.code !== 'configuration_invalid') throw error
        await show(await findSilent(deps, error, beatMs))
      }
    },
    async look() {
      const others = await show()
      seen = new Map(
        others.map(({ id, beat }) => {
          const before = seen.get(id)
          return [id, { beat, silentLooks: before?.beat === beat ? before.silentLooks + 1 : 0 }]
        }),
      )
      let hasBuried = false
      for (const other of others) {
        if ((seen.get(other.id)?.silentLooks ?? 0) < SILENT_LOOKS_MAX) continue
        hasBuried = (await bury(deps, other)) || hasBuried
      }
      return hasBuried
    },
    async leave() {
      await deps.store.transaction(async (tx) => {
        await tx.processes.remove({ id: processId })
        await free(tx, processId)
      })
    },
  }
}

/** @returns False when it has shown a sign of life since, or somebody else was first. */
async function bury({ store, log }: LogDep & StoreDep, dead: ProcessBeat): Promise<boolean> {
  const isDead = await store.transaction(async (tx) => await removeDead(tx, dead))
  if (isDead) log.warn({ process: dead.id }, 'a process is gone; its work is taken over')
  return isDead
}

/** Processes whose beat has stood still while somebody watched. */
type Silent = ReadonlyMap<string, ProcessBeat>

/**
 * Whether those that do not let this process join have been killed. A clock alone does not say so: one that is a
 * minute ahead would take everybody who lives for dead, and end them.
 *
 * @throws The same error, where all have been heard of lately.
 */
async function findSilent(
  { store, clock, timer }: ClockDep & TimerDep & StoreDep,
  error: FirmaError,
  beatMs: number,
): Promise<Silent> {
  const forgottenMs = clock.nowMs() - FORGOTTEN_MS
  const rows = await store.processes.list()
  const before = rows.filter(({ beatAtMs }) => beatAtMs <= forgottenMs)
  if (before.length === 0) throw error
  const waitMs = (SILENT_LOOKS_MAX + 1) * beatMs
  await new Promise<void>((resolve) => void timer.after(waitMs, resolve))
  return new Map(before.map((one) => [one.id, one]))
}

/** Those that were silent make way where nothing else lets this one join. */
async function joinThem(
  tx: Tables,
  agreement: KeyAgreement,
  { all, silent }: { all: readonly ProcessBeat[]; silent: Silent },
): Promise<{ others: readonly ProcessBeat[]; decision: KeyDecision }> {
  try {
    return { others: all, decision: agreement.join(all) }
  } catch (error) {
    const others = all.filter(({ id, beat }) => silent.get(id)?.beat !== beat)
    if (others.length === all.length) throw error
    const decision = agreement.join(others)
    // If one only slept, it finds that it is gone, and has to join again.
    for (const one of all) if (!others.includes(one)) await removeDead(tx, one)
    return { others, decision }
  }
}

/** @returns False when it has shown a sign of life since, or somebody else was first. */
async function removeDead(tx: Tables, dead: ProcessBeat): Promise<boolean> {
  if (!(await tx.processes.remove(dead))) return false
  await free(tx, dead.id)
  return true
}

/** A refresh of tokens is not free before its lease ends: its call may still succeed. */
async function free(tx: Tables, processId: string): Promise<void> {
  await tx.deliveries.freeClaimsOf(processId)
  await tx.revocations.freeClaimsOf(processId)
  await tx.jobs.freeClaimsOf(processId)
  await tx.providerTasks.freeClaimsOf(processId)
  await tx.appSubscriptions.freeClaimsOf(processId)
  await tx.moveUsers.freeClaimsOf(processId)
}
