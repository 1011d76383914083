/** Disconnecting many users at once: a job that any process takes up where another one stopped. */
import { MINUTE_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, LogDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { ConnectionFilter } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { Job } from '../store/jobs.ts'
import type { StoreDep } from '../store/open.ts'
import { applySignal } from './apply-signal.ts'
import { writeAudit } from './write-audit.ts'

/** Connections between two records of how far the job has come. */
const STEP = 50
/** A process that records nothing for so long is gone, also where nobody sees its beat. */
const CLAIM_MS = MINUTE_MS

type JobDeps = ClockDep & IdsDep & LogDep & StoreDep & WakeDep

/** How many users a filter names, without those that are gone already. */
export async function countUsers(
  { store }: StoreDep,
  environment: Environment,
  filter: ConnectionFilter,
): Promise<number> {
  return await store.connections.countBy(environment.id, filter)
}

/** Asks for every user that a filter names to be disconnected. */
export async function startBulkDisconnect(
  deps: JobDeps,
  environment: Environment,
  request: { readonly actor: string; readonly filter: ConnectionFilter },
): Promise<Job> {
  const { actor, filter } = request
  const job: Job = {
    id: deps.ids.ordered(),
    environmentId: environment.id,
    kind: 'disconnect_users',
    filter,
    actor,
    status: 'running',
    total: await countUsers(deps, environment, filter),
    done: 0,
    failed: 0,
    cursor: '',
    createdAtMs: deps.clock.nowMs(),
    endedAtMs: null,
  }
  await deps.store.transaction(async (tx) => {
    await tx.jobs.add(job)
    await writeAudit(deps, tx, {
      environmentId: environment.id,
      actor,
      action: 'users.disconnect',
      subject: job.id,
      detail: { filter, total: job.total },
    })
  })
  deps.wake.jobs()
  return job
}

/** @throws FirmaError `job_not_found`. */
export async function getJob(
  { store }: StoreDep,
  environment: Environment,
  jobId: string,
): Promise<Job> {
  const job = await store.jobs.find(environment.id, jobId)
  if (job === undefined) throw new FirmaError('job_not_found', 'this environment has no such job')
  return job
}

/**
 * Takes a step of the job that waits longest.
 *
 * @returns When the next turn is due; undefined when no job runs.
 */
export async function runJobs(deps: JobDeps): Promise<number | undefined> {
  const nowMs = deps.clock.nowMs()
  const claim = { id: deps.ids.claim(), nowMs, untilMs: nowMs + CLAIM_MS }
  let job = await deps.store.jobs.claimNext(claim)
  while (job?.status === 'running') {
    const next: Job = await step(deps, job)
    const untilMs = deps.clock.nowMs() + CLAIM_MS
    // Another process has taken it over: what was done twice changes nothing.
    if (!(await deps.store.jobs.advance(next, { id: claim.id, untilMs }))) break
    job = next
  }
  return await deps.store.jobs.nextDueMs()
}

async function step(deps: JobDeps, job: Job): Promise<Job> {
  const environment = await deps.store.environments.find(job.environmentId)
  const page = { limit: STEP, after: job.cursor }
  const connections = await deps.store.connections.listBy(job.environmentId, job.filter, page)
  let { done, failed, cursor } = job
  for (const connection of environment === undefined ? [] : connections) {
    cursor = connection.lineageId
    const atMs = deps.clock.nowMs()
    const signal = { type: 'disconnect_requested', atMs } as const
    try {
      await applySignal(deps, environment as Environment, connection, signal)
      done += 1
    } catch (error) {
      failed += 1
      deps.log.error({ job: job.id, lineage: cursor, error }, 'a user could not be disconnected')
    }
  }
  const isDone = connections.length < STEP
  return {
    ...job,
    done,
    failed,
    cursor,
    status: isDone ? 'done' : 'running',
    endedAtMs: isDone ? deps.clock.nowMs() : null,
  }
}
