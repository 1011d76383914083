/**
 * Which encryption key seals, where processes share a database: the first of the configuration that all of them have. So a new key can
 * be configured in one process after the other, and nobody meets a value that he cannot open.
 */
import type { ClockDep, LogDep, WakeDep } from '../deps.ts'
import { SECOND_MS } from '../core/time.ts'
import { FirmaError } from '../errors.ts'
import type { StoreDep } from '../store/open.ts'
import type { ProcessBeat, ProcessKeys } from '../store/processes.ts'

/** A process that has not shown itself for so long has ended, whatever the clocks of both may say. */
const FORGOTTEN_MS = 60 * SECOND_MS

export interface KeyAgreement {
  /** What the others have to know of this process. */
  keys(): ProcessKeys
  /**
   * At the start, when this process can be seen by the others.
   *
   * @throws FirmaError `configuration_invalid` when another process seals with a key that this one does not have.
   */
  join(others: readonly ProcessBeat[]): void
  /** At each look; a key is announced at one and used from the next. */
  judge(others: readonly ProcessBeat[]): void
}

export function createKeyAgreement(deps: ClockDep & LogDep & StoreDep & WakeDep): KeyAgreement {
  const { sealedValues } = deps.store
  const { keyIds } = sealedValues
  let announced = sealedValues.primaryId
  const findCommon = (others: readonly ProcessBeat[]): string | undefined =>
    // A process of an earlier version does not say what it has.
    keyIds.find((id) => others.every(({ opens }) => opens.length === 0 || opens.includes(id)))
  return {
    keys: () => ({ opens: keyIds, seals: [...new Set([sealedValues.primaryId, announced])] }),
    join: (others) => {
      const alive = others.filter(({ beatAtMs }) => beatAtMs > deps.clock.nowMs() - FORGOTTEN_MS)
      const used = alive.flatMap(({ seals }) => seals)
      const missing = used.find((id) => !keyIds.includes(id))
      if (missing !== undefined) {
        throw new FirmaError(
          'configuration_invalid',
          `another process of this hub seals with the encryption key "${missing}", which this one does not have (it has ${keyIds.join(', ')}); give all of them the same keys`,
        )
      }
      const isUsable = (id: string): boolean => alive.length === 0 || used.includes(id)
      announced = keyIds.find(isUsable) ?? findCommon(alive) ?? announced
      sealedValues.sealWith(announced)
    },
    judge: (others) => {
      const common = findCommon(others)
      if (common === undefined || common === sealedValues.primaryId) {
        announced = sealedValues.primaryId
      } else if (common !== announced) announced = common
      else {
        sealedValues.sealWith(common)
        deps.log.info({ key: common }, 'all processes have this encryption key; it seals now')
        deps.wake.keys()
      }
    },
  }
}
