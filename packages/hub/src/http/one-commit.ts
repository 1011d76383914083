/** A request and what is kept of its answer, in one commit; or the request without a commit. */
import type { Wake } from '../deps.ts'
import { assert } from '../errors.ts'
import type { HandOver, Handing } from '../store/delivery-claims.ts'
import { type Tables, joinTransaction } from '../store/open.ts'
import type { AppDeps } from './app-deps.ts'

/**
 * Runs an operation so that everything it writes commits together with what `last` adds, or not at all. Workers are
 * woken afterwards. It may be run again, as every transaction.
 *
 * @param run Gets the dependencies that it has to use. They reach nobody else: what was asked of others could not be undone.
 */
export async function inOneCommit<T>(
  deps: AppDeps,
  run: (deps: AppDeps) => Promise<T>,
  last: (tx: Tables, result: T) => Promise<void>,
): Promise<T> {
  let wakes: (() => void)[] = []
  const later =
    <A extends readonly unknown[]>(wake: (...given: A) => void) =>
    (...given: A): void => {
      wakes.push(() => wake(...given))
    }
  const wake: Wake = {
    deliveries: later((ids, isDataAlone) => deps.wake.deliveries(ids, isDataAlone)),
    revocations: later(() => deps.wake.revocations()),
    resends: later(() => deps.wake.resends()),
    flows: later((deadlineMs) => deps.wake.flows(deadlineMs)),
    jobs: later(() => deps.wake.jobs()),
    refreshes: later((atMs) => deps.wake.refreshes(atMs)),
    providerTasks: later(() => deps.wake.providerTasks()),
    keys: later(() => deps.wake.keys()),
  }
  const handed: Handing[] = []
  const handOver: HandOver = {
    begin: (states) => {
      const handing = deps.handOver.begin(states)
      handed.push(handing)
      // What was claimed is sent when it is committed, and not before.
      return { ...handing, send: later((claimed) => handing.send(claimed)) }
    },
  }
  const undo = (): void => {
    wakes = []
    for (const handing of handed.splice(0)) handing.cancel()
  }
  const alone = { fetch: refuse, attempt: refuse, wake, handOver }
  try {
    const result = await deps.store.transaction(async (tx) => {
      // It may be run again.
      undo()
      const done = await run({ ...deps, ...alone, store: joinTransaction(deps.store, tx) })
      await last(tx, done)
      return done
    })
    for (const each of wakes) each()
    return result
  } catch (error) {
    undo()
    throw error
  }
}

/** Undoes what was tried. */
class Rehearsal extends Error {
  override readonly name = 'Rehearsal'
}

/**
 * Runs an operation to its end, and undoes everything that it has written: it fails as the real one would.
 *
 * @returns What it would answer.
 */
export async function rehearse<T>(deps: AppDeps, run: (deps: AppDeps) => Promise<T>): Promise<T> {
  const results: T[] = []
  try {
    await inOneCommit({ ...deps, isRehearsal: true }, run, async (_tx, result) => {
      results.push(result)
      throw new Rehearsal('a dry run changes nothing')
    })
  } catch (error) {
    if (!(error instanceof Rehearsal)) throw error
  }
  // The last: a transaction may be run again.
  const [result] = results.slice(-1)
  assert(result !== undefined, 'a rehearsal that did not fail has an answer')
  return result
}

async function refuse(): Promise<never> {
  assert(false, 'a route that calls others says that its effects are outside of its transaction')
}
