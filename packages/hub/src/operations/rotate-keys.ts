/** Online rotation of encryption keys: what older keys have sealed is sealed anew, a little at a time. */
import { HOUR_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, LogDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { StoreDep } from '../store/open.ts'
import { RESEAL_START, type ResealPosition } from '../store/sealed-values.ts'
import { writeAudit } from './write-audit.ts'

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
  let { primaryId } = deps.store.sealedValues
  return async () => {
    const isNew = primaryId !== deps.store.sealedValues.primaryId
    if (!isNew && deps.clock.nowMs() < nextPassAtMs) return nextPassAtMs
    // From the beginning: what was passed has been sealed with the key before.
    if (isNew) position = RESEAL_START
    primaryId = deps.store.sealedValues.primaryId
    nextPassAtMs = 0
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

export interface RotationDep {
  /** Makes a key, keeps it, and seals with it from then on; null where the operator has the keys in hand. */
  readonly addKey: (() => Promise<string>) | null
}

/**
 * Makes a new key and lets everything be sealed anew with it.
 *
 * @throws FirmaError `conflict` where this process cannot keep a key, or the last rotation goes on.
 */
export async function rotateEncryption(
  deps: ClockDep & IdsDep & StoreDep & WakeDep & RotationDep,
  actor: string,
): Promise<EncryptionState> {
  const before = await readEncryption(deps)
  if (deps.addKey === null) {
    throw new FirmaError(
      'conflict',
      'this hub cannot make a key by itself: its keys are in FIRMA_ENCRYPTION_KEYS, or several processes share its database; put a new key before the others in the configuration of every process, and restart them one after the other',
    )
  }
  const old = before.keys.filter(({ id, values }) => id !== before.primaryId && values > 0)
  if (old.length > 0 || before.unknown > 0) {
    throw new FirmaError(
      'conflict',
      'not everything is sealed with the present key yet; wait until firma encryption status shows that, or add the key that is missing',
    )
  }
  const primaryId = await deps.addKey()
  await deps.store.transaction(async (tx) => {
    await writeAudit(deps, tx, {
      environmentId: null,
      actor,
      action: 'encryption.rotate',
      subject: primaryId,
      detail: { before: before.primaryId },
    })
  })
  deps.wake.keys()
  return await readEncryption(deps)
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
  /** A key that will seal as soon as all processes have it; null when the first one seals. */
  readonly next: { readonly id: string; readonly processesWithout: number } | null
}

export async function readEncryption({ store }: StoreDep): Promise<EncryptionState> {
  const { primaryId, keyIds } = store.sealedValues
  const processes = await store.processes.list()
  const { byKey, unknown } = await store.sealedValues.count()
  const nextId = keyIds[0] ?? primaryId
  const inUse = new Set([primaryId, nextId, ...processes.flatMap(({ seals }) => seals)])
  const processesWithout = processes.filter(({ opens }) => !opens.includes(nextId)).length
  return {
    primaryId,
    keys: [...byKey].map(([id, values]) => ({
      id,
      values,
      isRemovable: values === 0 && !inUse.has(id),
    })),
    unknown,
    next: nextId === primaryId ? null : { id: nextId, processesWithout },
  }
}
