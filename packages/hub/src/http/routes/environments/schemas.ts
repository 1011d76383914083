import { z } from '@hono/zod-openapi'
import { refuseBrand } from '../../../core/brand.ts'
import { refuseRedirectPolicy } from '../../../core/redirect.ts'
import { toTimestamp, toTimestampOrNull } from '../../../core/time.ts'
import { FirmaError } from '../../../errors.ts'
import { versionOf } from '../../../operations/change-environment.ts'
import type { DeclaredDep } from '../../../operations/declared.ts'
import type { Environment, EnvironmentSettings } from '../../../store/environments.ts'
import type { Reply } from '../../route.ts'
import { TEXT } from '../../schemas.ts'

const LIST_MAX = 200
const URL_LENGTH_MAX = 2_048
const NAME_LENGTH_MAX = 100

/** Where browsers may be sent. */
export const REDIRECTS = z
  .object({
    /** Exact URLs, the query aside; null allows every http(s) URL outside production. */
    allow_list: z.array(TEXT.max(URL_LENGTH_MAX)).max(LIST_MAX).nullable(),
    /** Schemes of the app's deep links. */
    schemes: z.array(TEXT.max(50)).max(LIST_MAX),
  })
  .openapi('Redirects')

const CONNECT = z
  .object({
    /** `required`: nothing is connected until the app's back end confirms who came back. */
    confirmation: z.enum(['off', 'required']),
    /** What becomes of a login with an account that is another end user's, or not the one that was connected. */
    account_policy: z.enum(['allow', 'reject', 'move']),
  })
  .openapi('ConnectSettings')

/** What an operator can set; see `EnvironmentSettings`. */
const SETTINGS = z
  .object({
    match_policy: z.enum(['reference', 'account_and_reference', 'account']),
    failed_auth_shape: z.enum(['auth_cancelled', 'legacy']),
    is_production: z.boolean(),
    token_access: z.enum(['off', 'allowed']),
    /** Days after which events leave the history, unless they are still owed. */
    retention_days: z.number().int().min(1).max(365),
    /** How the right person is made sure to connect the right account. */
    connect: CONNECT,
    redirects: REDIRECTS,
    brand: z.object({
      accent: TEXT.max(20).nullable(),
      logo: TEXT.max(30_000).nullable(),
      purpose: TEXT.max(1_000).nullable(),
    }),
  })
  .openapi('EnvironmentSettings')

/** Some of the settings. */
export const SETTINGS_CHANGE = SETTINGS.partial().extend({ connect: CONNECT.partial().optional() })

export const ENVIRONMENT_NAME = TEXT.min(1).max(NAME_LENGTH_MAX)

export const ENVIRONMENT = z
  .object({
    dev_id: z.string(),
    name: z.string(),
    settings: SETTINGS,
    /** Settings that the configuration file gives: each start of the hub sets them again. */
    declared: z.array(z.string()),
    created_at: z.string(),
    archived_at: z.string().nullable(),
  })
  .openapi('Environment')

export function toWireEnvironment(
  { declared }: DeclaredDep,
  environment: Environment,
): z.output<typeof ENVIRONMENT> {
  const { matchPolicy, failedAuthShape, isProduction, brand } = environment.settings
  const { tokenAccess, retentionDays, connect } = environment.settings
  return {
    dev_id: environment.id,
    name: environment.name,
    settings: {
      match_policy: matchPolicy,
      failed_auth_shape: failedAuthShape,
      is_production: isProduction,
      token_access: tokenAccess,
      retention_days: retentionDays,
      connect: { confirmation: connect.confirmation, account_policy: connect.accountPolicy },
      redirects: toWireRedirects(environment),
      brand: { ...brand },
    },
    declared: [...declared.settingsOf(environment.id)],
    created_at: toTimestamp(environment.createdAtMs),
    archived_at: toTimestampOrNull(environment.archivedAtMs),
  }
}

export function toWireRedirects({ settings }: Environment): z.output<typeof REDIRECTS> {
  const { allowList, schemes } = settings.redirects
  return { allow_list: allowList === null ? null : [...allowList], schemes: [...schemes] }
}

/** An environment with its version. */
export function toReply(deps: DeclaredDep, environment: Environment): Reply {
  return { headers: { etag: versionOf(environment) }, json: toWireEnvironment(deps, environment) }
}

/** @throws FirmaError `bad_request` for a brand or a redirect that would not be shown or allowed. */
export function toSettings(
  before: EnvironmentSettings,
  change: z.output<typeof SETTINGS_CHANGE>,
): EnvironmentSettings {
  const { redirects, connect } = change
  const after: EnvironmentSettings = {
    ...before,
    matchPolicy: change.match_policy ?? before.matchPolicy,
    failedAuthShape: change.failed_auth_shape ?? before.failedAuthShape,
    isProduction: change.is_production ?? before.isProduction,
    tokenAccess: change.token_access ?? before.tokenAccess,
    retentionDays: change.retention_days ?? before.retentionDays,
    connect: {
      confirmation: connect?.confirmation ?? before.connect.confirmation,
      accountPolicy: connect?.account_policy ?? before.connect.accountPolicy,
    },
    brand: change.brand ?? before.brand,
    redirects:
      redirects === undefined
        ? before.redirects
        : { allowList: redirects.allow_list, schemes: redirects.schemes },
  }
  const refusal =
    (change.brand === undefined ? null : refuseBrand(after.brand)) ??
    (redirects === undefined ? null : refuseRedirectPolicy(after.redirects))
  if (refusal !== null) throw new FirmaError('bad_request', refusal)
  return after
}
