import { z } from '@hono/zod-openapi'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import type { ApiKey } from '../../../store/api-keys.ts'

export const SCOPE = z.enum(['connect', 'read', 'write', 'operator'])

export const API_KEY = z
  .object({
    id: z.string(),
    /** Null for an operator's key, which works in every environment. */
    dev_id: z.string().nullable(),
    name: z.string(),
    /** The last characters of the key. */
    hint: z.string(),
    scopes: z.array(SCOPE),
    created_at: z.string(),
    expires_at: z.string().nullable(),
    revoked_at: z.string().nullable(),
    last_used_at: z.string().nullable(),
  })
  .openapi('ApiKey')

/** A key that was just made: the only answer that has it. */
export const NEW_API_KEY = z.object({ key: API_KEY, api_key: z.string() })

export function toWireKey(key: ApiKey): z.output<typeof API_KEY> {
  return {
    id: key.id,
    dev_id: key.environmentId,
    name: key.name,
    hint: key.hint,
    scopes: [...key.scopes],
    created_at: toTimestamp(key.createdAtMs),
    expires_at: toTimestampOrNull(key.expiresAtMs),
    revoked_at: toTimestampOrNull(key.revokedAtMs),
    last_used_at: toTimestampOrNull(key.lastUsedAtMs),
  }
}
