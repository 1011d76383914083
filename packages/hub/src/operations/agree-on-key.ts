/**
 * Which encryption key seals, where processes share a database: the first of the configuration that all of them have. So a new key can
 * be configured in one process after the other, and nobody meets a value that he cannot open.
 *
 * That is an invariant of the rows of processes: whatever key one seals with, each of the others opens. A row comes, and changes its keys,
 * only under a lock on all of them, by what {@link KeyAgreement.join} and {@link KeyAgreement.judge} say of the others as they are then; a row
 * that goes breaks nothing. Whoever has lost its row, because it slept, joins again as if it had just been started. What is left to chance is
 * what it writes between waking and its next look, where the others have given its key up meanwhile: that is counted as unknown.
 */
import type { LogDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { StoreDep } from '../store/open.ts'
import type { ProcessBeat, ProcessKeys } from '../store/processes.ts'

/** What a process says of its keys, and does once that is committed. */
export interface KeyDecision {
  /** What the others have to know of this process. */
  readonly keys: ProcessKeys
  /** When it has been committed. */
  apply(): void
}

export interface KeyAgreement {
  /**
   * While the others do not know this process.
   *
   * @throws FirmaError `configuration_invalid` when another process seals with a key that this one does not have.
   */
  join(others: readonly ProcessBeat[]): KeyDecision
  /** At each look; a key is announced at one, and seals from the next. */
  judge(others: readonly ProcessBeat[]): KeyDecision
}

export function createKeyAgreement(deps: LogDep & StoreDep & WakeDep): KeyAgreement {
  const { sealedValues } = deps.store
  const { keyIds } = sealedValues
  let announced = sealedValues.primaryId
  const findCommon = (others: readonly ProcessBeat[]): string | undefined =>
    // A process of an earlier version does not say what it has.
    keyIds.find((id) => others.every(({ opens }) => opens.length === 0 || opens.includes(id)))
  const decide = (seals: readonly string[], apply: () => void): KeyDecision => ({
    keys: { opens: keyIds, seals: [...new Set(seals)] },
    apply,
  })
  return {
    join: (others) => {
      const used = others.flatMap(({ seals }) => seals)
      const missing = used.find((id) => !keyIds.includes(id))
      if (missing !== undefined) {
        throw new FirmaError(
          'configuration_invalid',
          `another process of this hub seals with the encryption key "${missing}", which this one does not have (it has ${keyIds.join(', ')}); give all of them the same keys`,
        )
      }
      const isUsable = (id: string): boolean => others.length === 0 || used.includes(id)
      const chosen = keyIds.find(isUsable) ?? findCommon(others) ?? announced
      return decide([chosen], () => {
        announced = chosen
        sealedValues.sealWith(chosen)
      })
    },
    judge: (others) => {
      const primary = sealedValues.primaryId
      const common = findCommon(others) ?? primary
      const isAgreed = common === announced && common !== primary
      return decide([primary, common], () => {
        announced = common
        if (!isAgreed) return
        sealedValues.sealWith(common)
        deps.log.info({ key: common }, 'all processes have this encryption key; it seals now')
        deps.wake.keys()
      })
    },
  }
}
