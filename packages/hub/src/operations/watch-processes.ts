/**
 * Which processes live. Each shows it by counting up its beat; whoever sees another's beat stand still
 * lets go of what that one had claimed. Nobody compares clocks: what counts is how often a process has
 * looked itself and found nothing new.
 */
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, LogDep } from '../deps.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import type { ProcessBeat } from '../store/processes.ts'
import type { KeyAgreement } from './agree-on-key.ts'

/** How often a process shows that it lives, and looks after the others. */
export const BEAT_MS = 2 * SECOND_MS
/** A process is taken for dead when so many looks in a row have found the same beat: after 8 to 10 s. */
export const SILENT_LOOKS_MAX = 4

export interface ProcessWatch {
  /**
   * Shows this process to the others, before it does anything.
   *
   * @throws FirmaError `configuration_invalid` when it cannot work beside them.
   */
  join(): Promise<void>
  /** How many processes there were at the last look, this one too; 1 where nobody looks. */
  readonly processes: number
  /** Shows that this process lives and looks after the others. @returns Whether one of them was dead. */
  look(): Promise<boolean>
  /** This process ends: what it has claimed is free at once. */
  leave(): Promise<void>
}

export function createProcessWatch(
  deps: ClockDep & IdsDep & LogDep & StoreDep,
  agreement: KeyAgreement,
): ProcessWatch {
  const { processId } = deps.ids
  const showAndList = async (): Promise<ProcessBeat[]> => {
    await deps.store.processes.beat(processId, agreement.keys(), deps.clock.nowMs())
    return (await deps.store.processes.list()).filter(({ id }) => id !== processId)
  }
  let processes = 1
  let seen: ReadonlyMap<string, { readonly beat: number; readonly silentLooks: number }> = new Map()
  return {
    get processes() {
      return processes
    },
    async join() {
      try {
        const others = await showAndList()
        agreement.join(others)
        processes = others.length + 1
      } catch (error) {
        await deps.store.processes.remove({ id: processId })
        throw error
      }
    },
    async look() {
      const others = await showAndList()
      processes = others.length + 1
      agreement.judge(others)
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
  const isDead = await store.transaction(async (tx) => {
    if (!(await tx.processes.remove(dead))) return false
    await free(tx, dead.id)
    return true
  })
  if (isDead) log.warn({ process: dead.id }, 'a process is gone; its work is taken over')
  return isDead
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
