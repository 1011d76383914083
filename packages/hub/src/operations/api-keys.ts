/** Keys to the API: made, shown once, ended. */
import { DEFAULT_SCOPES, type Scope } from '../core/scope.ts'
import type { ClockDep, IdsDep, RandomDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { createSecret, digest } from '../secret.ts'
import type { ApiKey } from '../store/api-keys.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { keyNotFound } from './not-found.ts'
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

/**
 * Ends a key at once.
 *
 * @throws FirmaError `key_not_found`.
 */
export async function revokeApiKey(
  deps: ClockDep & IdsDep & StoreDep,
  actor: string,
  { environmentId, keyId }: { environmentId: string; keyId: string },
): Promise<void> {
  await deps.store.transaction(async (tx) => {
    const key = await getApiKey(tx, environmentId, keyId)
    if (!(await tx.apiKeys.revoke(key.id, deps.clock.nowMs()))) return
    await writeAudit(deps, tx, {
      environmentId: key.environmentId,
      actor,
      action: 'key.revoke',
      subject: key.id,
      detail: { name: key.name, hint: key.hint },
    })
  })
}

/**
 * Makes a key like another one, which goes on working for a while so that no request fails meanwhile.
 *
 * @returns The new key itself, for the only time.
 * @throws FirmaError `key_not_found`, `conflict` for a key that has ended.
 */
export async function rotateApiKey(
  deps: ClockDep & IdsDep & RandomDep & StoreDep,
  actor: string,
  rotation: {
    readonly environmentId: string
    readonly keyId: string
    /** How long the old key still works, in milliseconds. */
    readonly graceMs: number
  },
): Promise<{ secret: string; apiKey: ApiKey }> {
  return await deps.store.transaction(async (tx) => {
    const old = await getApiKey(tx, rotation.environmentId, rotation.keyId)
    const nowMs = deps.clock.nowMs()
    if (old.revokedAtMs !== null || (old.expiresAtMs !== null && old.expiresAtMs <= nowMs)) {
      throw new FirmaError('conflict', 'this key has ended; make a new one instead')
    }
    const made = await addApiKey(deps, tx, actor, {
      environmentId: old.environmentId,
      name: old.name,
      scopes: old.scopes,
      // As long as the old one was made for.
      expiresAtMs: old.expiresAtMs === null ? null : nowMs + (old.expiresAtMs - old.createdAtMs),
    })
    const endsAtMs = nowMs + rotation.graceMs
    await tx.apiKeys.setExpiry(old.id, Math.min(endsAtMs, old.expiresAtMs ?? endsAtMs))
    return made
  })
}

async function getApiKey(
  tx: Pick<Tables, 'apiKeys'>,
  environmentId: string,
  keyId: string,
): Promise<ApiKey> {
  const key = await tx.apiKeys.find(environmentId, keyId)
  if (key === undefined) throw keyNotFound(keyId)
  return key
}
