/** Shapes that several routes share. */
import { z } from '@hono/zod-openapi'
import { REFERENCE_ID_LENGTH_MAX } from '../operations/start-flow.ts'

/** A user as the API shows it: Terra's `TerraUser`. */
export const WIRE_USER = z
  .object({
    scopes: z.string(),
    active: z.boolean(),
    last_webhook_update: z.string().nullable(),
    created_at: z.string(),
    user_id: z.string(),
    reference_id: z.string().nullable(),
    provider: z.string(),
  })
  .openapi('User')

export const REFERENCE_ID = z.string().max(REFERENCE_ID_LENGTH_MAX)

/** Who will connect, and where the browser goes afterwards. */
export const CONNECT_FIELDS = {
  reference_id: REFERENCE_ID.nullish(),
  language: z.string().max(35).nullish(),
  auth_success_redirect_url: z.string().nullish(),
  auth_failure_redirect_url: z.string().nullish(),
}

/** Those fields as operations take them. An empty string is how some clients say "none". */
export function toConnectRequest(body: {
  reference_id?: string | null | undefined
  language?: string | null | undefined
  auth_success_redirect_url?: string | null | undefined
  auth_failure_redirect_url?: string | null | undefined
}): {
  referenceId: string | null
  language: string | null
  successUrl: string | null
  failureUrl: string | null
} {
  return {
    referenceId: body.reference_id || null,
    language: body.language || null,
    successUrl: body.auth_success_redirect_url || null,
    failureUrl: body.auth_failure_redirect_url || null,
  }
}
