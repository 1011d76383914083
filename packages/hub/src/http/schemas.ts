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

/**
 * Text that can be stored, signed and put into an address as it is: half a character would come out as
 * another one, and many readers end a text at a null character.
 */
export const TEXT = z
  .string()
  .refine((text) => !text.includes('\0') && !/\p{Surrogate}/u.test(text), {
    error: 'contains a null character or half of a surrogate pair; send whole Unicode text',
  })

export const REFERENCE_ID = TEXT.max(REFERENCE_ID_LENGTH_MAX)

/** A whole number in a query, in decimal digits. */
export function wholeNumber(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`
  const number = z.number({ error }).int({ error }).min(min, { error }).max(max, { error })
  return z
    .preprocess(
      (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
      number,
    )
    .openapi({ type: 'integer', minimum: min, maximum: max })
}

/** Entries of one page of a list. */
export const LIMIT_DEFAULT = 25
export const LIMIT = wholeNumber(1, 100)

/** Where a page goes on; opaque to the caller. */
export const CURSOR = z
  .string()
  .regex(/^\d{1,15}$/, { error: 'must be "next" of the page before' })
  .transform(Number)
  .openapi({ type: 'string' })

/** Who will connect, and where the browser goes afterwards. */
export const CONNECT_FIELDS = {
  reference_id: REFERENCE_ID.nullish(),
  language: TEXT.max(35).nullish(),
  auth_success_redirect_url: TEXT.nullish(),
  auth_failure_redirect_url: TEXT.nullish(),
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
