/** Changes to an environment: two people who change it at once must not undo each other. */
import type { ClockDep, IdsDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import { environmentNotFound } from './not-found.ts'
import { writeAudit } from './write-audit.ts'

/** Digits of a version that tell versions apart. */
const VERSION_LENGTH = 32

/** Which state of an environment this is, as an `ETag` says it. */
export function versionOf({ name, settings, archivedAtMs }: Environment): string {
  return `"${digest(JSON.stringify([name, settings, archivedAtMs])).slice(0, VERSION_LENGTH)}"`
}

/**
 * Changes an environment.
 *
 * @param change.ifMatch The version that the change was made from; null changes whatever is there.
 * @param change.apply Makes the new state from the present one.
 * @throws FirmaError `environment_not_found`; `precondition_failed` when it is another version by now.
 */
export async function changeEnvironment(
  deps: ClockDep & IdsDep & StoreDep,
  change: {
    readonly id: string
    readonly actor: string
    readonly action: string
    readonly ifMatch: string | null
    readonly apply: (before: Environment) => Environment
  },
): Promise<Environment> {
  return await deps.store.transaction(async (tx) => {
    const before = await tx.environments.findForUpdate(change.id)
    if (before === undefined) throw environmentNotFound(change.id)
    if (change.ifMatch !== null && change.ifMatch !== versionOf(before)) {
      throw new FirmaError(
        'precondition_failed',
        'the environment has changed since it was read; read it again and repeat the change',
      )
    }
    const after = change.apply(before)
    if (versionOf(after) === versionOf(before)) return before
    await tx.environments.save(after)
    await writeAudit(deps, tx, {
      environmentId: change.id,
      actor: change.actor,
      action: change.action,
      subject: change.id,
      detail: { before: toDetail(before), after: toDetail(after) },
    })
    return after
  })
}

function toDetail({ name, settings, archivedAtMs }: Environment) {
  // A logo may be as long as a page.
  const { brand, ...rest } = settings
  return { name, ...rest, is_archived: archivedAtMs !== null, accent: brand.accent }
}
