/**
 * Does what is to be done about accounts at providers: confirms and applies what their notices said, and
 * subscribes to notices about new accounts. Every task is tried again until it has an end.
 */
import type { Signal } from '../core/connection.ts'
import { type RetrySchedule, nextAttemptAtMs } from '../core/retry.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../core/time.ts'
import { FirmaError } from '../errors.ts'
import { callApi } from '../oauth/call.ts'
import { type GrantCheck, checkGrant } from '../oauth/check.ts'
import { type GrantCall, readScopes } from '../oauth/read-grant.ts'
import { PROVIDER_TIMEOUT_MS, type TokenSet } from '../oauth/types.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { DueProvider, ProviderTask, ProviderTaskEnd } from '../store/provider-tasks.ts'
import { applySignal } from './apply-signal.ts'
import { beside } from './beside.ts'
import type { LinksDep } from './links.ts'
import { type ProviderAccess, findProviderAccess, noticeKeyOf } from './provider-access.ts'
import { getFreshTokens } from './refresh-tokens.ts'
import { type RefreshDeps, parseTokenSet } from './stored-tokens.ts'
import type { BellDep } from './watch-changes.ts'

type TaskDeps = RefreshDeps & LinksDep & BellDep

/** Providers of one turn, beside each other: one that hangs holds up nobody else for longer than {@link SILENCE_MS_MAX}. */
const PROVIDERS_MAX = 20
/** Tasks of one provider in one turn, one after the other. */
const TURN_MAX = 20
/**
 * For so long a provider may leave questions of one turn without an answer, and the one that it was asked then may come to its time
 * limit. What is left is not asked, and counts as not answered.
 */
const SILENCE_MS_MAX = 30 * SECOND_MS
/** Longer than a whole turn can take. */
const CLAIM_MS = 10 * MINUTE_MS
/** Connections of one account that are read at a time. */
const PAGE_MAX = 100
/** How long tasks are kept after their end, for people who look. */
const KEPT_MS = 14 * DAY_MS
const DROPPED_MAX = 500

const TASK_RETRIES: RetrySchedule = {
  baseMs: 30 * SECOND_MS,
  capMs: HOUR_MS,
  windowMs: 72 * HOUR_MS,
}

/** A provider that cannot be asked now is asked again soon: until then nobody knows who is connected. */
const NOTICE_RETRIES: RetrySchedule = { ...TASK_RETRIES, capMs: 10 * MINUTE_MS }

/**
 * For so long a provider that gives no answer is asked about a signed revocation, and only then the signature is believed: it
 * may be the late echo of our own revocation, or sent again. Longer than access tokens live where notices are signed, so that
 * refreshing can prove meanwhile that the grant lives.
 */
const SIGNED_NOTICE_DOUBT_MS = 12 * HOUR_MS

/** What became of a task; a text is why it has to be tried again. */
type Outcome = Exclude<ProviderTaskEnd, 'failed'> | { readonly again: string }

/**
 * One turn of the worker.
 *
 * @returns When the next turn is due, in epoch milliseconds; undefined when nothing waits.
 */
export async function doProviderTasks(deps: TaskDeps): Promise<number | undefined> {
  const nowMs = deps.clock.nowMs()
  const { providerTasks } = deps.store
  // Mostly there is nothing to do, and finding that out must not write.
  const dueAtMs = await providerTasks.nextDueAtMs()
  if (dueAtMs !== undefined && dueAtMs <= nowMs) {
    const due = await providerTasks.listDueProviders(nowMs, PROVIDERS_MAX)
    await beside(due, async (provider) => await doTasksOf(deps, provider))
    return await providerTasks.nextDueAtMs()
  }
  const endedAtMs = await providerTasks.oldestEndAtMs()
  if (endedAtMs !== undefined && endedAtMs < nowMs - KEPT_MS) {
    await providerTasks.dropEndedBefore(nowMs - KEPT_MS, DROPPED_MAX)
  }
  return dueAtMs
}

async function doTasksOf(deps: TaskDeps, provider: DueProvider): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const claim = { id: deps.ids.claim(), nowMs, untilMs: nowMs + CLAIM_MS, limit: TURN_MAX }
  const silence: Silence = { leftMs: SILENCE_MS_MAX }
  for (const task of await deps.store.providerTasks.claimDue({ ...claim, ...provider })) {
    // What is left is let go of when the process ends.
    if (deps.bell.isClosed) return
    await carryOut(deps, task, silence).catch(async (error: unknown) => {
      // One task must not stop the others.
      const message = 'a task at a provider failed here; it is tried again'
      deps.log.error({ task: task.id, error }, message)
      await tryAgain(deps, task, 'it could not be read or carried out; see the log')
    })
  }
}

/** How long a provider may still be silent. */
interface Silence {
  leftMs: number
}

/** Asks, and counts how long the provider has been silent. */
async function ask<T>(
  deps: TaskDeps,
  { silence }: TaskContext,
  { put, silent }: { readonly put: () => Promise<T>; readonly silent: T },
): Promise<T> {
  const askedAtMs = deps.clock.nowMs()
  const answer = await put()
  if (answer === silent) silence.leftMs -= deps.clock.nowMs() - askedAtMs
  return answer
}

async function carryOut(deps: TaskDeps, task: ProviderTask, silence: Silence): Promise<void> {
  const environment = await deps.store.environments.find(task.environmentId)
  const access = await findProviderAccess(deps, task.environmentId, task.provider)
  const atMs = deps.clock.nowMs()
  const attempts = task.attempts + 1
  if (environment === undefined || access === undefined) {
    const detail = 'the environment no longer has this provider'
    await deps.store.providerTasks.end(task, { status: 'failed', detail, attempts, atMs })
    return
  }
  const outcome = await attempt(deps, { environment, access, task, silence })
  if (typeof outcome === 'string') {
    const end = { status: outcome, detail: null, attempts, atMs }
    await deps.store.providerTasks.end(task, end)
    return
  }
  await tryAgain(deps, task, outcome.again)
}

/** Puts it off, or ends it when it has been tried for long enough. */
async function tryAgain(deps: TaskDeps, task: ProviderTask, detail: string): Promise<void> {
  const attempts = task.attempts + 1
  const atMs = deps.clock.nowMs()
  const isNotice = task.type !== 'subscribe'
  const dueAtMs = nextAttemptAtMs(isNotice ? NOTICE_RETRIES : TASK_RETRIES, {
    attempts,
    sinceMs: task.createdAtMs,
    nowMs: atMs,
    retryAfterMs: null,
    fraction: deps.random.fraction(),
  })
  if (dueAtMs !== null) {
    await deps.store.providerTasks.postpone(task, { detail, attempts, dueAtMs })
    return
  }
  const { provider, type } = task
  deps.log.error({ provider, task: task.id, type, detail }, 'gave up a task at a provider')
  await deps.store.providerTasks.end(task, { status: 'failed', detail, attempts, atMs })
}

interface TaskContext {
  readonly environment: Environment
  readonly access: ProviderAccess
  readonly task: ProviderTask
  readonly silence: Silence
}

/** Does it for every active connection of the account; those that are done are not active any more. */
async function attempt(deps: TaskDeps, context: TaskContext): Promise<Outcome> {
  if (context.task.type === 'subscribe') {
    const [any] = await listActive(deps, context, { limit: 1 })
    return await subscribe(deps, context, any)
  }
  const outcomes = new Map<string, Outcome>()
  // However many there are: each is looked at once, and ended in a transaction of its own.
  let page = await listActive(deps, context, { limit: PAGE_MAX })
  for (let after = page.at(-1); after !== undefined; after = page.at(-1)) {
    for (const connection of page) {
      const outcome = await applyNotice(deps, context, connection)
      outcomes.set(typeof outcome === 'string' ? outcome : 'again', outcome)
    }
    page = await listActive(deps, context, { limit: PAGE_MAX, after: after.lineageId })
  }
  return outcomes.get('again') ?? outcomes.get('done') ?? 'unfounded'
}

async function listActive(
  deps: TaskDeps,
  { access, environment, task }: TaskContext,
  page: { readonly limit: number; readonly after?: string },
): Promise<Connection[]> {
  const account = {
    provider: access.provider.resource,
    providerAccountId: task.providerAccountId ?? '',
  }
  return await deps.store.connections.listActiveByAccount(environment.id, account, page)
}

async function applyNotice(
  deps: TaskDeps,
  context: TaskContext,
  connection: Connection,
): Promise<Outcome> {
  const signal = await toSignal(deps, context, connection)
  if (signal === 'unconfirmed') return { again: 'the provider could not be asked about it' }
  if (signal === 'unfounded') return 'unfounded'
  await applySignal(deps, context.environment, connection, signal)
  return 'done'
}

/** What a notice means for one connection, as far as it can be believed. */
async function toSignal(
  deps: TaskDeps,
  context: TaskContext,
  connection: Connection,
): Promise<Signal | 'unfounded' | 'unconfirmed'> {
  const { provider } = context.access
  const { type, payload } = context.task
  const isAuthenticated = payload.isAuthenticated === true
  const isScopes = type === 'scopes_changed'
  if (isScopes) {
    if (!isAuthenticated && provider.scopes.granted.from !== 'request') return 'unfounded'
    const scopes = isAuthenticated ? payload.scopes : await askForScopes(deps, context, connection)
    if (scopes === undefined) return 'unconfirmed'
    return { type: 'scopes_changed', atMs: deps.clock.nowMs(), scopes }
  }
  // Also where it is signed: it may be the echo of our own revocation, before the person came again.
  const answer = await askForGrant(deps, context, connection)
  if (answer === 'alive') return 'unfounded'
  if (answer === 'unasked') return 'unconfirmed'
  if (answer === 'gone' || (isAuthenticated && isUndoubted(deps, context))) {
    const { notices } = provider
    const announcedAs = notices.kind === 'push' ? notices.revokedAs : 'access_revoked'
    return { type: 'access_revoked', atMs: deps.clock.nowMs(), announcedAs }
  }
  return canAsk(context) ? 'unconfirmed' : 'unfounded'
}

/** Whether a signature is all that there will be: the provider cannot be asked, or has given no answer for long. */
function isUndoubted(deps: TaskDeps, context: TaskContext): boolean {
  const ageMs = deps.clock.nowMs() - context.task.createdAtMs
  return !canAsk(context) || ageMs >= SIGNED_NOTICE_DOUBT_MS
}

function canAsk({ access }: TaskContext): boolean {
  return access.provider.liveness.kind !== 'unsupported'
}

/** Asks the provider whether the grant is really gone. */
async function askForGrant(
  deps: TaskDeps,
  context: TaskContext,
  connection: Connection,
): Promise<GrantCheck | 'unasked'> {
  const put = async (): Promise<GrantCheck> => {
    const found = await findTokens(deps, context, connection)
    if (found === 'grant_rejected') return 'gone'
    if (found === undefined) return 'unknown'
    return await checkGrant(deps, toCall(context, connection, found))
  }
  const mayAsk = context.silence.leftMs > 0 || !canAsk(context)
  const answer = mayAsk
    ? await ask<GrantCheck>(deps, context, { put, silent: 'unknown' })
    : 'unasked'
  if (answer === 'alive' || answer === 'gone') return answer
  // Tokens that came after the notice: it was about an earlier grant, or not true.
  const stored = await findStored(deps, connection)
  const isNewer = stored !== undefined && stored.obtainedAtMs > context.task.createdAtMs
  return isNewer ? 'alive' : answer
}

/** Asks the provider which scopes are really in force; undefined without an answer. */
async function askForScopes(
  deps: TaskDeps,
  context: TaskContext,
  connection: Connection,
): Promise<string[] | undefined> {
  if (context.silence.leftMs <= 0) return undefined
  const put = async (): Promise<string[] | undefined> => {
    const found = await findTokens(deps, context, connection)
    if (found === undefined || found === 'grant_rejected') return undefined
    return await readScopes(deps, toCall(context, connection, found))
  }
  return await ask(deps, context, { put, silent: undefined })
}

/** Asks the provider to send notices about this account. */
async function subscribe(
  deps: TaskDeps,
  context: TaskContext,
  connection: Connection | undefined,
): Promise<Outcome> {
  const { provider, app } = context.access
  const { subscription } = provider
  if (connection === undefined || subscription === undefined) return 'unfounded'
  if (context.silence.leftMs <= 0) return { again: 'the provider gives no answers at present' }
  const found = await findTokens(deps, context, connection)
  if (found === undefined || found === 'grant_rejected')
    return { again: 'there is no usable token' }
  const noticeKey = noticeKeyOf(app)
  const noticeUrl = noticeKey && deps.links.notices(app.environmentId, app.provider, noticeKey)
  const what = `subscription at ${provider.resource}`
  const call = { ...toCall(context, connection, found), placeholders: { noticeKey, noticeUrl } }
  const askedAtMs = deps.clock.nowMs()
  try {
    const { ok, status } = await callApi(
      deps,
      { what, signal: AbortSignal.timeout(PROVIDER_TIMEOUT_MS) },
      subscription.request,
      call,
    )
    if (ok || subscription.doneStatuses.includes(status)) return 'done'
    return { again: `${what} was answered with ${status}` }
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    context.silence.leftMs -= deps.clock.nowMs() - askedAtMs
    return { again: error.message }
  }
}

function toCall({ access }: TaskContext, { state }: Connection, tokenSet: TokenSet): GrantCall {
  const { provider, credentials } = access
  return { provider, credentials, tokenSet, providerAccountId: state.providerAccountId }
}

/** Tokens to ask with: fresh ones, else those that are stored. */
async function findTokens(
  deps: TaskDeps,
  { access }: TaskContext,
  connection: Connection,
): Promise<TokenSet | 'grant_rejected' | undefined> {
  const fresh = await getFreshTokens(deps, connection, access)
  switch (fresh.type) {
    case 'fresh':
      return fresh.tokenSet
    case 'grant_rejected':
      return 'grant_rejected'
    case 'unavailable':
      return await findStored(deps, connection)
  }
}

async function findStored(
  deps: TaskDeps,
  { environmentId, lineageId }: Connection,
): Promise<TokenSet | undefined> {
  const stored = await deps.store.tokenSets.find(environmentId, lineageId)
  return stored && parseTokenSet(stored.json)
}
