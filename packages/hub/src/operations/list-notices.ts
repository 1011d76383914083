/** What providers said by themselves, for people who look. */
import { toTimestamp, toTimestampOrNull } from '../core/time.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'
import type { ProviderTask } from '../store/provider-tasks.ts'

/** @param page.before `next` of the page before. */
export async function listNotices(
  { store }: StoreDep,
  environment: Environment,
  page: { limit: number; before?: string | undefined },
) {
  const { limit, before } = page
  const found = await store.providerTasks.list(environment.id, { limit: limit + 1, before })
  const shown = found.slice(0, limit)
  return {
    data: shown.map(toWire),
    next: found.length > limit ? (shown.at(-1)?.id ?? null) : null,
  }
}

function toWire(task: ProviderTask) {
  return {
    id: task.id,
    provider: task.provider,
    provider_account_id: task.providerAccountId,
    type: task.type,
    status: task.status,
    signed: task.payload.isAuthenticated ?? false,
    attempts: task.attempts,
    detail: task.detail,
    body: task.payload.body ?? null,
    received_at: toTimestamp(task.createdAtMs),
    ended_at: toTimestampOrNull(task.endedAtMs),
  }
}
