import { z } from '@hono/zod-openapi'
import { toTimestamp } from '../../../core/time.ts'
import type { Environment } from '../../../store/environments.ts'

/** What an operator can set; see `EnvironmentSettings`. */
const SETTINGS = z
  .object({
    match_policy: z.enum(['reference', 'account_and_reference', 'account']),
    failed_auth_shape: z.enum(['auth_cancelled', 'legacy']),
    redirect_schemes: z.array(z.string()),
    redirect_allow_list: z.array(z.string()).nullable(),
  })
  .openapi('EnvironmentSettings')

export const ENVIRONMENT = z
  .object({
    dev_id: z.string(),
    name: z.string(),
    settings: SETTINGS,
    created_at: z.string(),
  })
  .openapi('Environment')

export function toWireEnvironment(environment: Environment): z.output<typeof ENVIRONMENT> {
  const { matchPolicy, failedAuthShape, redirects } = environment.settings
  return {
    dev_id: environment.id,
    name: environment.name,
    settings: {
      match_policy: matchPolicy,
      failed_auth_shape: failedAuthShape,
      redirect_schemes: [...redirects.schemes],
      redirect_allow_list: redirects.allowList === null ? null : [...redirects.allowList],
    },
    created_at: toTimestamp(environment.createdAtMs),
  }
}
