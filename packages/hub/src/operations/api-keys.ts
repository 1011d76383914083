/** Keys to the API: made, shown once, ended. */
import { DEFAULT_SCOPES, type Scope } from '../core/scope.ts'
import type { ClockDep, IdsDep, RandomDep } from '../deps.ts'
import { createSecret, digest } from '../secret.ts'
import type { ApiKey } from '../store/api-keys.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { writeAudit } from './write-audit.ts'

/** What is wanted of a new key. */
export interface ApiKeyRequest {
  /** Null for an operator's key, which works in every environment. */
  readonly environmentId: string | null
  readonly name: string
  readonly scopes?: readonly Scope[]
  /** Null, the default, for a key that does not end by itself. */
  readonly expiresAtMs?: number | null
  /** The key itself where the operator chose it; a new one by default. */
  readonly secret?: string
}

/**
 * Makes a key.
 *
 * @returns The key itself, for the only time.
 */
export async function createApiKey(
  deps: ClockDep & IdsDep & RandomDep & StoreDep,
  actor: string,
  request: ApiKeyRequest,
): Promise<{ secret: string; apiKey: ApiKey }> {
  return await deps.store.transaction(async (tx) => await addApiKey(deps, tx, actor, request))
}

/** Makes a key in the caller's transaction; see {@link createApiKey}. */
export async function addApiKey(
  deps: ClockDep & IdsDep & RandomDep,
  tx: Pick<Tables, 'apiKeys' | 'audit'>,
  actor: string,
  request: ApiKeyRequest,
): Promise<{ secret: string; apiKey: ApiKey }> {
  const secret = request.secret ?? createSecret(deps.random)
  const { environmentId, name } = request
  const scopes = request.scopes ?? (environmentId === null ? ['operator'] : DEFAULT_SCOPES)
  const apiKey: ApiKey = {
    id: deps.ids.ordered(),
    environmentId,
    name,
    scopes,
    hint: secret.slice(-4),
    createdAtMs: deps.clock.nowMs(),
    expiresAtMs: request.expiresAtMs ?? null,
    revokedAtMs: null,
    lastUsedAtMs: null,
  }
  await tx.apiKeys.add({ ...apiKey, keyHash: digest(secret) })
  await writeAudit(deps, tx, {
    environmentId,
    actor,
    action: 'key.create',
    subject: apiKey.id,
    detail: { name, hint: apiKey.hint, scopes },
  })
  return { secret, apiKey }
}
