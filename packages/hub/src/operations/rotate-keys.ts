/** Online rotation of encryption keys: what older keys have sealed is sealed anew, a little at a time. */
import { HOUR_MS } from '../core/time.ts'
import type { ClockDep, LogDep } from '../deps.ts'
import type { StoreDep } from '../store/open.ts'
import { RESEAL_START, type ResealPosition } from '../store/sealed-values.ts'

/** Values of one step, so that nobody waits long for the database. */
const STEP_MAX = 50
/** Between two steps, in milliseconds. */
const PAUSE_MS = 20
/** Another process may still write with an older primary key, so a finished pass is not the last. */
const PASS_EVERY_MS = HOUR_MS

/**
 * The worker's turn. It can be stopped at any moment: what is sealed by the primary key is not touched
 * again, so the next process goes on where this one was.
 */
export function createResealer(
  deps: ClockDep & LogDep & StoreDep,
): () => Promise<number | undefined> {
  let position: ResealPosition = RESEAL_START
  let nextPassAtMs = 0
  let pass = { resealed: 0, failed: 0 }
  return async () => {
    if (deps.clock.nowMs() < nextPassAtMs) return nextPassAtMs
    for (;;) {
      const step = await deps.store.sealedValues.reseal(position, STEP_MAX)
      pass = { resealed: pass.resealed + step.resealed, failed: pass.failed + step.failed }
      position = step.next ?? RESEAL_START
      if (step.next === undefined) break
      // Columns with nothing to do need no pause.
      if (step.resealed > 0) return deps.clock.nowMs() + PAUSE_MS
    }
    if (pass.resealed > 0) {
      deps.log.info({ values: pass.resealed }, 'sealed anew with the primary encryption key')
    }
    if (pass.failed > 0) {
      deps.log.error(
        { values: pass.failed },
        'sealed values do not open: a key is missing, or they were moved or changed; add the key again',
      )
    }
    pass = { resealed: 0, failed: 0 }
    nextPassAtMs = deps.clock.nowMs() + PASS_EVERY_MS
    return nextPassAtMs
  }
}

/** How far a rotation is. */
export interface EncryptionState {
  readonly primaryId: string
  readonly keys: readonly {
    readonly id: string
    /** Values that only this key opens. */
    readonly values: number
    /** Whether the key can be taken out of the configuration. */
    readonly isRemovable: boolean
  }[]
  /** Values of keys that are not configured. */
  readonly unknown: number
}

export async function readEncryption({ store }: StoreDep): Promise<EncryptionState> {
  const { primaryId } = store.sealedValues
  const { byKey, unknown } = await store.sealedValues.count()
  return {
    primaryId,
    keys: [...byKey].map(([id, values]) => ({
      id,
      values,
      isRemovable: values === 0 && id !== primaryId,
    })),
    unknown,
  }
}
