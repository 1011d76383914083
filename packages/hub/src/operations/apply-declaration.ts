/** Brings the database in line with an environment that the configuration file declares. */
import { isDeepStrictEqual } from 'node:util'
import type { ConnectPolicy } from '../core/connection.ts'
import type { MatchPolicy } from '../core/match.ts'
import type { LogDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { Redacted, createSecret, digest } from '../secret.ts'
import type { Destination } from '../store/destinations.ts'
import { DEFAULT_SETTINGS, type EnvironmentSettings } from '../store/environments.ts'
import { joinTransaction } from '../store/open.ts'
import type { ProviderApp } from '../store/provider-apps.ts'
import { addApiKey } from './api-keys.ts'
import { changeEnvironment } from './change-environment.ts'
import { noticeKeyOf } from './provider-access.ts'
import {
  type SetUpDeps,
  addDestination,
  createEnvironment,
  enableProvider,
  sortSecrets,
  toProvider,
} from './set-up.ts'
import { writeAudit } from './write-audit.ts'

/** Who makes the changes, in the audit log. */
const ACTOR = 'configuration file'

type DeclareDeps = SetUpDeps & LogDep

/** An environment with its secrets, as declared. */
export interface Declaration {
  readonly id: string
  readonly name?: string | undefined
  readonly matchPolicy?: MatchPolicy | undefined
  readonly failedAuthShape?: 'auth_cancelled' | 'legacy' | undefined
  readonly isProduction?: boolean | undefined
  readonly connect?:
    | {
        readonly confirmation?: ConnectPolicy['confirmation'] | undefined
        readonly accountPolicy?: ConnectPolicy['accountPolicy'] | undefined
      }
    | undefined
  readonly redirects?:
    | {
        readonly schemes?: readonly string[] | undefined
        readonly allowList?: readonly string[] | null | undefined
      }
    | undefined
  readonly apiKey: Redacted<string>
  readonly providers: readonly {
    readonly provider: string
    readonly clientId: string
    readonly clientSecret: Redacted<string>
    readonly noticeKey: Redacted<string> | undefined
    readonly secrets: Redacted<Readonly<Record<string, string>>>
    readonly overrides: Readonly<Record<string, unknown>>
  }[]
  readonly destinations: readonly DeclaredDestination[]
}

/** What is left out is never touched. */
type DeclaredDestination = Pick<Destination, 'url' | 'secret'> & DeclaredSettings
type DeclaredSettings = {
  readonly [K in (typeof DESTINATION_SETTINGS)[number]]?: Destination[K] | undefined
}

/** What the file may say of a destination beside its address, which it is known by, and its secret, which is rotated elsewhere. */
export const DESTINATION_SETTINGS = [
  'eventTypes',
  'wantsExtensions',
  'timeoutMs',
  'concurrency',
  'retries',
  'headers',
] as const satisfies readonly (keyof Destination)[]

/**
 * Adds what is missing, and lets settings and provider credentials follow the file. Nothing is ever
 * taken away: a line that was deleted by mistake must not disconnect anybody. All of it or nothing, one process
 * after the other: those that are started together find what the first has made.
 *
 * @returns What was added, one entry each, without secrets.
 */
export async function applyDeclaration(
  deps: DeclareDeps,
  declared: Declaration,
): Promise<string[]> {
  return await deps.store.transaction(async (tx) => {
    await tx.environments.holdDeclarations()
    return await declare({ ...deps, store: joinTransaction(deps.store, tx) }, declared)
  })
}

async function declare(deps: DeclareDeps, declared: Declaration): Promise<string[]> {
  const added: string[] = []
  const { id: environmentId, name = declared.id } = declared
  const apiKey = declared.apiKey.reveal()
  const present = await deps.store.environments.find(environmentId)
  if (present === undefined) {
    const settings = toSettings(declared, DEFAULT_SETTINGS)
    await createEnvironment(deps, { id: environmentId, name, settings, apiKey, actor: ACTOR })
    added.push(`environment ${environmentId}`)
  } else {
    await changeEnvironment(deps, {
      id: environmentId,
      actor: ACTOR,
      action: 'environment.change',
      ifMatch: null,
      apply: (before) => ({ ...before, settings: toSettings(declared, before.settings) }),
    })
    if (await ensureApiKey(deps, environmentId, apiKey)) added.push(`API key of ${environmentId}`)
  }
  added.push(...(await applyProviders(deps, declared)))
  added.push(...(await applyDestinations(deps, declared)))
  return added
}

/**
 * Makes sure that a key which the operator chose is there. One that has been ended stays so.
 *
 * @param environmentId Null for an operator's key.
 * @returns Whether it was added now.
 * @throws FirmaError `configuration_invalid` for the key of another environment.
 */
export async function ensureApiKey(
  deps: DeclareDeps,
  environmentId: string | null,
  secret: string,
): Promise<boolean> {
  // Looked for where it is added: another process may be starting, too.
  const known = await deps.store.transaction(async (tx) => {
    const found = await tx.apiKeys.findByHash(digest(secret))
    const request = { environmentId, name: 'from the configuration', secret }
    if (found === undefined) await addApiKey(deps, tx, ACTOR, request)
    return found
  })
  if (known === undefined) return true
  const of = environmentId === null ? 'the operator' : environmentId
  if (known.environmentId !== environmentId) {
    throw new FirmaError(
      'configuration_invalid',
      `the key of ${of} in the configuration is another one's, too; every environment and the operator need their own`,
    )
  }
  const { revokedAtMs, expiresAtMs } = known
  if (revokedAtMs !== null || (expiresAtMs !== null && expiresAtMs <= deps.clock.nowMs())) {
    deps.log.warn(
      { of, key: known.id },
      'a key in the configuration has ended, and stays so; configure its successor',
    )
  }
  return false
}

async function applyProviders(deps: DeclareDeps, declared: Declaration): Promise<string[]> {
  const added: string[] = []
  for (const app of declared.providers) {
    const { provider, clientId, clientSecret, noticeKey, overrides } = app
    const { named, former } = sortSecrets(toProvider(provider, overrides), app.secrets.reveal())
    if (former.length > 0) {
      deps.log.warn(
        { environment: declared.id, provider, names: former },
        'secrets in the configuration are no longer used; take them out',
      )
    }
    const present = await deps.store.providerApps.find(declared.id, provider)
    if (present === undefined) added.push(`provider ${provider} of ${declared.id}`)
    const next = {
      environmentId: declared.id,
      provider,
      clientId,
      clientSecret: clientSecret.reveal(),
      noticeKey:
        noticeKey?.reveal() ??
        (present === undefined
          ? createSecret(deps.random)
          : (noticeKeyOf(present) ?? { hash: present.noticeKeyHash })),
      secrets: named,
      overrides,
      originOverrides: present?.originOverrides ?? {},
    }
    await deps.store.transaction(async (tx) => {
      await enableProvider({ ...deps, store: tx }, next)
      if (present !== undefined && isSame(present, { ...app, secrets: new Redacted(named) })) return
      await writeAudit(deps, tx, {
        environmentId: declared.id,
        actor: ACTOR,
        action: present === undefined ? 'provider.enable' : 'provider.change',
        subject: provider,
        detail: { client_id: clientId },
      })
    })
  }
  return added
}

/** Whether the file says what the database has, so that a restart is not recorded as a change. */
function isSame(present: ProviderApp, app: Declaration['providers'][number]): boolean {
  const kept = present.secrets?.reveal()
  return isDeepStrictEqual(
    [
      present.clientId,
      present.clientSecret.reveal(),
      present.overrides,
      kept?.named,
      kept?.noticeKey,
    ],
    [
      app.clientId,
      app.clientSecret.reveal(),
      app.overrides,
      app.secrets.reveal(),
      app.noticeKey?.reveal() ?? kept?.noticeKey,
    ],
  )
}

async function applyDestinations(deps: DeclareDeps, declared: Declaration): Promise<string[]> {
  const added: string[] = []
  const present = await deps.store.destinations.list(declared.id)
  for (const destination of declared.destinations) {
    const { url, secret } = destination
    const settings = toDeclaredSettings(destination)
    // The oldest: another one with its address was made elsewhere, with wishes of its own.
    const known = present.find((one) => one.url === url)
    if (known !== undefined) {
      await followFile(deps, known, settings)
      continue
    }
    const of = { environmentId: declared.id, url, actor: ACTOR, secret: secret.reveal() }
    await addDestination(deps, { ...of, ...settings })
    added.push(`destination ${url} of ${declared.id}`)
  }
  return added
}

async function followFile(
  deps: DeclareDeps,
  present: Destination,
  settings: Partial<Pick<Destination, (typeof DESTINATION_SETTINGS)[number]>>,
): Promise<void> {
  const plain = (value: unknown) => (value instanceof Redacted ? value.reveal() : value)
  const names = DESTINATION_SETTINGS.filter(
    (name) =>
      settings[name] !== undefined &&
      !isDeepStrictEqual(plain(present[name]), plain(settings[name])),
  )
  if (names.length === 0) return
  const change = Object.fromEntries(names.map((name) => [name, settings[name]]))
  await deps.store.transaction(async (tx) => {
    await tx.destinations.update(present, change)
    await writeAudit(deps, tx, {
      environmentId: present.environmentId,
      actor: ACTOR,
      action: 'destination.update',
      subject: present.id,
      detail: { changed: names },
    })
  })
  deps.log.info(
    { environment: present.environmentId, destination: present.id, changed: names },
    'a destination follows the configuration file again',
  )
}

function toSettings(declared: Declaration, base: EnvironmentSettings): EnvironmentSettings {
  const { matchPolicy, failedAuthShape, isProduction, connect, redirects } = declared
  return {
    ...base,
    ...(matchPolicy !== undefined && { matchPolicy }),
    ...(failedAuthShape !== undefined && { failedAuthShape }),
    ...(isProduction !== undefined && { isProduction }),
    connect: {
      confirmation: connect?.confirmation ?? base.connect.confirmation,
      accountPolicy: connect?.accountPolicy ?? base.connect.accountPolicy,
    },
    redirects: {
      schemes: redirects?.schemes ?? base.redirects.schemes,
      allowList:
        redirects?.allowList === undefined ? base.redirects.allowList : redirects.allowList,
    },
  }
}

/** What the file says, without what it leaves out. */
function toDeclaredSettings(declared: DeclaredDestination) {
  return Object.fromEntries(
    DESTINATION_SETTINGS.flatMap((name) =>
      declared[name] === undefined ? [] : [[name, declared[name]]],
    ),
  ) as Partial<Pick<Destination, (typeof DESTINATION_SETTINGS)[number]>>
}
