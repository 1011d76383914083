import { z } from 'zod'

const GRANT = z.strictObject({
  clientId: z.string(),
  accountId: z.string(),
  grantedAtMs: z.number(),
  scopes: z.array(z.string()),
})

/** What outlives a restart: accounts, grants and tokens, but no login that is under way. */
export const WORLD_STATE = z.strictObject({
  accounts: z.array(z.strictObject({ accountId: z.string(), login: z.string() })),
  /** Each with the tokens of its families. */
  grants: z.array(GRANT),
  families: z.array(
    z.strictObject({
      /** Index of its grant. */
      grant: z.int(),
      tokens: z.array(
        z.strictObject({
          value: z.string(),
          kind: z.enum(['access', 'refresh']),
          /** Null: it does not end. */
          expiresAtMs: z.number().nullable(),
          isUsed: z.boolean(),
          secret: z.string().exactOptional(),
          supersedes: z.array(z.string()).exactOptional(),
        }),
      ),
    }),
  ),
})

/** See {@link WORLD_STATE}. */
export type WorldState = z.infer<typeof WORLD_STATE>
