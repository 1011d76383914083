/** What only the simulated provider is made of. */
import { z } from 'zod'
import { seconds } from './request.ts'

/** How a simulated provider behaves where the client's side of the data does not say. */
export const simulation = z
  .strictObject({
    /** CSS colour of buttons and edges; with white text it must have a contrast of 4.5 at least. */
    accent: z
      .string()
      .regex(/^#[0-9a-f]{6}$/)
      .default('#37474f'),
    accountId: z.enum(['uuid', 'digits', 'code']).default('uuid'),
    /** Whether an authorization request without a code challenge is refused. */
    isPkceRequired: z.boolean().default(false),
    /** Whether people may allow access without ticking a single scope. */
    mayGrantNothing: z.boolean().default(false),
    /** What a refused refresh says. */
    refusedRefreshCode: z.string().default('invalid_grant'),
    /** Scope that the account endpoint wants; without it the answer is 403. */
    accountScope: z.string().exactOptional(),
    /** Leaves `expires_in` out of its answers. */
    omitsExpiresIn: z.boolean().default(false),
    /** Gives a refresh token with the first answer only. */
    omitsRefreshToken: z.boolean().default(false),
    /** Whether `access_revoked` is also sent after the app itself has revoked. */
    echoesOwnRevocation: z.boolean().default(false),
    /** How long a subscription of the app lives; default without end. */
    appSubscriptionSeconds: seconds.exactOptional(),
    /** Bodies as the provider sends them, with `{accountId}`, `{scopes}` and `{timestamp}`. */
    notices: z
      .strictObject({ access_revoked: z.json(), scopes_changed: z.json() })
      .partial()
      .default({}),
  })
  .readonly()
