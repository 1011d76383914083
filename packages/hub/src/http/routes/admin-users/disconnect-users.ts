import { z } from '@hono/zod-openapi'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import { FirmaError } from '../../../errors.ts'
import { countUsers, getJob, startBulkDisconnect } from '../../../operations/bulk-disconnect.ts'
import type { Job } from '../../../store/jobs.ts'
import { defineRoute } from '../../route.ts'
import { ADMIN_USER, JOB, USER_FILTER, toAdminUser, toFilter } from './schemas.ts'

/** Users that a dry run shows. */
const SAMPLE = 10

export const disconnectUsers = defineRoute({
  paths: ['/admin/v1/users/disconnect'],
  methods: ['post'],
  summary: 'Disconnect every user that a filter names, as a job; a dry run shows who that would be',
  body: z.object({
    /** What it does not know it refuses: a filter with a slip of the pen would name more than was meant. */
    filter: z.strictObject(USER_FILTER),
    /** Has to be true for a filter that names everybody. */
    all: z.boolean().optional(),
    dry_run: z.boolean().optional(),
  }),
  answer: z.object({
    dry_run: z.boolean(),
    total: z.number(),
    /** Some of them, in a dry run. */
    sample: z.array(ADMIN_USER),
    job: JOB.nullable(),
  }),
  answerStatus: 202,
  async handle(deps, environment, { body, caller }) {
    const filter = toFilter(body.filter)
    const isEverybody = Object.values(filter).every((value) => value === undefined)
    if (isEverybody && body.all !== true) {
      throw new FirmaError(
        'bad_request',
        'the filter is empty and names everybody; send "all": true if that is meant',
      )
    }
    if (body.dry_run === true) {
      const total = await countUsers(deps, environment, filter)
      const page = { limit: SAMPLE }
      const sample = await deps.store.connections.listBy(environment.id, filter, page)
      return { json: { dry_run: true, total, sample: sample.map(toAdminUser), job: null } }
    }
    const job = await startBulkDisconnect(deps, environment, { actor: caller.actor, filter })
    return { json: { dry_run: false, total: job.total, sample: [], job: toWireJob(job) } }
  },
})

export const getJobRoute = defineRoute({
  paths: ['/admin/v1/jobs/:job_id'],
  methods: ['get'],
  summary: 'How far a job has come',
  params: z.object({ job_id: z.string() }),
  answer: JOB,
  async handle(deps, environment, { params }) {
    return { json: toWireJob(await getJob(deps, environment, params.job_id)) }
  },
})

function toWireJob(job: Job): z.output<typeof JOB> {
  return {
    id: job.id,
    kind: job.kind,
    status: job.status,
    total: job.total,
    done: job.done,
    failed: job.failed,
    created_at: toTimestamp(job.createdAtMs),
    ended_at: toTimestampOrNull(job.endedAtMs),
  }
}
