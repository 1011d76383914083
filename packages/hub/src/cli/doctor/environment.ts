/** What `firma doctor` asks a running hub about one environment. */
import { z } from 'zod'
import { CliError } from '../exit-codes.ts'
import type { HubAccess } from '../hub-access.ts'
import { type HubApi, createHubApi, listAll } from '../hub-api.ts'
import { type Finding, fail, ok, warn } from './finding.ts'

const DESTINATION = z.object({ id: z.string(), url: z.string(), status: z.string() })
const HEALTH = z.object({
  breaker: z.string(),
  failing_since: z.string().nullable(),
  owed: z.number(),
})
const SUBSCRIPTIONS = z.object({
  status: z.string(),
  wanted: z.number(),
  active: z.number(),
  detail: z.string().nullable(),
})
const PROVIDER = z.object({
  provider: z.string(),
  enabled: z.boolean(),
  // A hub that is older than this command does not say.
  subscriptions: SUBSCRIPTIONS.nullable().default(null),
})

/** Whether the credentials are taken, and what they show of the environment. */
export async function checkEnvironment(
  access: HubAccess,
  { isWhole }: { readonly isWhole: boolean },
): Promise<Finding[]> {
  const api = createHubApi(access)
  const isOperator = access.devId === undefined
  try {
    await api.get(isOperator ? '/admin/v1/environments' : '/admin/v1/audit', { limit: 1 })
    const taken = ok('credentials', `the hub takes those from ${access.origin}`)
    if (isOperator) return [taken]
    return [
      taken,
      ...(await checkDestinations(api)),
      ...(await checkProviders(api)),
      await checkAudit(api, isWhole),
    ]
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    const todo = 'copy dev-id and key from the same environment'
    return [fail('credentials', error.message, todo)]
  }
}

async function listOf<T extends z.ZodType>(api: HubApi, path: string, item: T) {
  const onProgress = (): void => undefined
  const { rows } = await listAll(api, { path, query: {}, limit: undefined, onProgress })
  return z.array(item).parse(rows)
}

async function checkDestinations(api: HubApi): Promise<Finding[]> {
  const path = '/admin/v1/destinations'
  const destinations = await listOf(api, path, DESTINATION)
  if (destinations.length === 0) {
    return [warn('destinations', 'none', 'firma destinations create: nobody gets the events yet')]
  }
  const findings: Finding[] = []
  for (const { id, url, status } of destinations) {
    // Not the whole address: its path may be a secret.
    const check = `destination ${new URL(url).host} (${id})`
    const { health } = z.object({ health: HEALTH }).parse(await api.get(`${path}/${id}`))
    if (status === 'disabled') {
      const todo = `firma destinations enable ${id} sends what is held`
      findings.push(warn(check, `it is disabled, and owed ${countEvents(health.owed)}`, todo))
    } else if (health.failing_since !== null) {
      const found = `it has failed since ${health.failing_since}, and is owed ${countEvents(health.owed)}`
      findings.push(fail(check, found, `firma destinations test ${id} shows what it answers`))
    } else if (health.breaker === 'open') {
      const found = `it takes events of connections and has refused data; owed ${countEvents(health.owed)}`
      findings.push(
        warn(check, found, `firma deliveries list --status pending --destination ${id}`),
      )
    } else findings.push(ok(check, `it takes events; ${health.owed} are under way`))
  }
  return findings
}

const countEvents = (count: number): string => (count === 1 ? '1 event' : `${count} events`)

async function checkProviders(api: HubApi): Promise<Finding[]> {
  const all = await listOf(api, '/admin/v1/providers', PROVIDER)
  const enabled = all.filter((each) => each.enabled)
  if (enabled.length === 0) {
    return [warn('providers', 'none is enabled', 'firma providers enable: nobody can connect yet')]
  }
  return [
    ok('providers', enabled.map(({ provider }) => provider).join(', ')),
    ...enabled.flatMap(({ provider, subscriptions }) =>
      subscriptions === null ? [] : [toSubscriptionFinding(provider, subscriptions)],
    ),
  ]
}

function toSubscriptionFinding(
  provider: string,
  { status, wanted, active, detail }: z.infer<typeof SUBSCRIPTIONS>,
): Finding {
  const check = `notices of ${provider}`
  if (status !== 'failing') {
    return ok(check, status === 'active' ? `subscribed to (${active})` : 'being subscribed to')
  }
  const found = `${active} of ${wanted} subscriptions are in force: ${detail ?? 'no reason is known'}`
  return fail(check, found, `firma providers show ${provider} says when it is tried again`)
}

/** Entries of each audit log that are verified where nobody asks for all: a large one takes minutes. */
const AUDIT_NEWEST = 10_000

async function checkAudit(api: HubApi, isWhole: boolean): Promise<Finding> {
  const query = isWhole ? {} : { newest: AUDIT_NEWEST }
  const { intact } = z
    .object({ intact: z.boolean() })
    .parse(await api.get('/admin/v1/audit/verify', query))
  const which = isWhole ? 'every entry is' : `the newest ${AUDIT_NEWEST} entries of each are`
  return intact
    ? ok('audit log', `${which} as they were written`)
    : fail(
        'audit log',
        'entries were changed in the database',
        'firma audit verify names the first',
      )
}
