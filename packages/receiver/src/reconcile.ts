/**
 * Repairs what was missed, from the API. What it answers becomes facts in the same map as events, so the order in which the two
 * come does not matter. Nobody is disconnected for being absent from an answer: that is reported, and the app decides.
 */
import { askApi, fail, type ApiFailure, type ApiOptions } from './api-client.ts'
import { readUserAnswer, readUserPage, type ListedUser } from './core/api-answer.ts'
import { toSeenFacts } from './core/facts.ts'
import { decideStatus } from './core/user-record.ts'
import { sha256Hex } from './crypto.ts'
import { findErased } from './erasure.ts'
import { findConnection, type EnvironmentConnection } from './connections.ts'
import { learnFacts } from './inbox.ts'
import type { ReceiverContext } from './receiver-context.ts'

/** What to ask, where, and as whom. */
export interface ReconcileOptions extends ApiOptions {
  /** Only the connections of this end user. */
  referenceId?: string
  /** Only this connection. */
  userId?: string
  /** Label of the environment that the key belongs to; the receiver's own by default. */
  environment?: string
  /** Users on a page, from 1 to 5,000; 500 by default. */
  pageUsers?: number
  /** Most pages of one list, from 1 to 10,000; 400 by default. A longer list changes nothing. */
  pagesMax?: number
}

/** A connection that is known to be alive, and that the API does not know. Nothing was changed about it. */
export interface MissingConnection {
  /** The connection. */
  connection: EnvironmentConnection
  /** Whether the API was asked about it by itself, and said that there is none; it is asked about the first 100. */
  isConfirmed: boolean
}

/** What came of a reconciliation. */
export interface ReconcileReport {
  /** `failed`: nothing was changed; `partial`: some entries could not be read, and the others were taken. */
  status: 'complete' | 'partial' | 'failed'
  /** Why it failed. */
  failure: ApiFailure | undefined
  /** Users in the answer. */
  users: number
  /** Users that no event had named before. */
  newUserIds: string[]
  /** Users that were known to be alive, and that the API calls inactive. They are `revoked` now, `decidedBy: 'seen_inactive'`. */
  inactiveUserIds: string[]
  /** Users whose flow is under way; nothing is known about them yet. */
  pendingUserIds: string[]
  /** Connections that are known to be alive and absent from a complete answer, at most 1,000. */
  missing: MissingConnection[]
  /** Entries that are no users. */
  unreadable: number
  /** The time that the answer counts for among events, epoch milliseconds. */
  observedAtMs: number | undefined
}

/** How much older than the request an answer is taken to be, in milliseconds: clocks differ, and answers are cached. */
export const OBSERVATION_MARGIN_MS = 300_000
const PAGE_USERS = 500
const PAGE_USERS_MAX = 5_000
const PAGES = 400
const PAGES_MAX = 10_000
const BATCH_USERS = 200
const READ = { kind: 'read' } as const
const MISSING_MAX = 1_000
const MISSING_CHECKS_MAX = 100
/** From so many on, an answer that ends most of them at once is more likely wrong than true. */
const STRANGE_INACTIVE_MIN = 10

interface Listing {
  users: ListedUser[]
  pendingUserIds: string[]
  unreadable: number
  observedAtMs: number
}

type Listed = { ok: true; listing: Listing } | { ok: false; failure: ApiFailure }

/** See `Receiver.reconcile`. */
export async function reconcile(
  context: ReceiverContext,
  options: ReconcileOptions,
): Promise<ReconcileReport> {
  checkBounds(options)
  const environment = options.environment ?? context.environment ?? ''
  const startedAtMs = context.clock()
  const listed = await list(options, startedAtMs)
  if (!listed.ok) return failed(listed.failure)
  const { listing } = listed
  const alive = await findAlive(context, environment, listing.users)
  const problem = await findProblem(context, { environment, options, listing, alive })
  if (problem !== undefined) return failed(problem)
  const newUserIds = await learn(context, environment, listing)
  const isComplete = listing.unreadable === 0
  return {
    status: isComplete ? 'complete' : 'partial',
    failure: undefined,
    users: listing.users.length,
    newUserIds,
    inactiveUserIds: listing.users.filter(isEnding(alive)).map(({ userId }) => userId),
    pendingUserIds: listing.pendingUserIds,
    missing: isComplete ? await findMissing(context, { environment, options, listing }) : [],
    unreadable: listing.unreadable,
    observedAtMs: listing.observedAtMs,
  }
}

function failed(failure: ApiFailure): ReconcileReport {
  return {
    status: 'failed',
    failure,
    users: 0,
    newUserIds: [],
    inactiveUserIds: [],
    pendingUserIds: [],
    missing: [],
    unreadable: 0,
    observedAtMs: undefined,
  }
}

async function list(options: ReconcileOptions, startedAtMs: number): Promise<Listed> {
  if (options.userId !== undefined) return listOne(options, options.userId, startedAtMs)
  const byReference = options.referenceId !== undefined
  const { pageUsers = PAGE_USERS, pagesMax = PAGES } = options
  const users: ListedUser[] = []
  let unreadable = 0
  let observedAtMs = startedAtMs
  let page: number | undefined = 0
  // Everything is read before anything is used: half a list is no answer.
  for (let pages = 0; page !== undefined; pages += 1) {
    if (pages >= pagesMax) {
      return fail('too_many_pages', 200, `the list goes on after ${pagesMax} pages; see pagesMax`)
    }
    const answer = byReference
      ? await askApi(options, '/userInfo', { reference_id: options.referenceId ?? '' })
      : await askApi(options, '/subscriptions', {
          page: String(page),
          per_page: String(pageUsers),
        })
    if (!answer.ok) return answer
    const read = readUserPage(answer.value)
    if (read === undefined || read.unreadable > read.users.length) {
      return fail('unrecognised', 200, 'the answer has none of the documented shapes of a list')
    }
    const current: number = page
    if (read.next !== undefined && read.next <= current) {
      return fail('unrecognised', 200, `page ${current} names page ${read.next} as the next one`)
    }
    observedAtMs = Math.min(observedAtMs, answer.serverMs ?? observedAtMs)
    users.push(...read.users)
    unreadable += read.unreadable
    page = read.next
  }
  const asked = options.referenceId
  if (asked !== undefined && users.some(({ referenceId }) => referenceId !== asked)) {
    return fail('unrecognised', 200, 'the answer is about other end users than the one asked for')
  }
  return { ok: true, listing: toListing(users, unreadable, observedAtMs) }
}

async function listOne(
  options: ReconcileOptions,
  userId: string,
  startedAtMs: number,
): Promise<Listed> {
  const answer = await askApi(options, '/userInfo', { user_id: userId })
  if (!answer.ok) return answer
  const read = readUserAnswer(answer.value)
  if (read === undefined || read.user.userId !== userId) {
    return fail('unrecognised', 200, 'the answer is not about the user that was asked for')
  }
  const observedAtMs = Math.min(startedAtMs, answer.serverMs ?? startedAtMs)
  if (read.isAuthenticated) return { ok: true, listing: toListing([read.user], 0, observedAtMs) }
  return { ok: true, listing: { ...toListing([], 0, observedAtMs), pendingUserIds: [userId] } }
}

function toListing(users: ListedUser[], unreadable: number, seenMs: number): Listing {
  const observedAtMs = Math.max(0, seenMs - OBSERVATION_MARGIN_MS)
  return { users, pendingUserIds: [], unreadable, observedAtMs }
}

/** The listed users that are known to be alive. */
async function findAlive(
  { store }: ReceiverContext,
  environment: string,
  users: readonly ListedUser[],
): Promise<Set<string>> {
  const alive = new Set<string>()
  for (const batch of batches(users)) {
    await store.transaction(async (tx) => {
      for (const { userId } of batch) {
        const stored = await tx.findUser(environment, userId)
        if (stored !== undefined && isAlive(decideStatus(stored.record).status)) alive.add(userId)
      }
    }, READ)
  }
  return alive
}

function isEnding(alive: ReadonlySet<string>): (user: ListedUser) => boolean {
  return ({ userId, isActive }) => isActive === false && alive.has(userId)
}

interface Scene {
  environment: string
  options: ReconcileOptions
  listing: Listing
}

/** Why a list that can be read is not believed. */
async function findProblem(
  context: ReceiverContext,
  { environment, options, listing, alive }: Scene & { alive: ReadonlySet<string> },
): Promise<ApiFailure | undefined> {
  const isWhole = options.userId === undefined && options.referenceId === undefined
  if (isWhole && listing.users.length === 0) {
    const [known] = await listLiving(context, environment, { limit: 1, except: new Set() })
    const detail = 'the API lists nobody, and connections are known to be alive'
    if (known !== undefined) return fail('empty', 200, detail).failure
  }
  const ending = listing.users.filter(isEnding(alive)).length
  if (ending >= STRANGE_INACTIVE_MIN && ending * 2 > alive.size) {
    const detail = `the API calls ${ending} of ${alive.size} living connections inactive at once`
    return fail('strange', 200, detail).failure
  }
  return undefined
}

/** Folds what is listed into the map; returns the users that were not known. */
async function learn(
  context: ReceiverContext,
  environment: string,
  { users, observedAtMs }: Listing,
): Promise<string[]> {
  const newUserIds: string[] = []
  const { store, toldState, feed } = context
  const options = {
    toldState,
    atMs: context.clock(),
    cause: { kind: 'reconcile' },
    isWatched: feed.isWatched,
  } as const
  for (const batch of batches(users)) {
    const facts: ReturnType<typeof toSeenFacts>[] = []
    for (const user of batch) {
      const digest = await sha256Hex(JSON.stringify(user))
      facts.push(toSeenFacts(user, { orderingMs: observedAtMs, digest }))
    }
    const learnt = await store.transaction(async (tx) => {
      const erased = await findErased(
        tx,
        environment,
        batch.map(({ userId }) => userId),
      )
      const done: Awaited<ReturnType<typeof learnFacts>>[] = []
      for (const each of facts) {
        // An erased end user stays erased, also where the API still has them.
        if (each.records.some(({ userId }) => erased.has(userId))) continue
        done.push(await learnFacts(tx, environment, each, options))
      }
      return done
    })
    // All at once: whatever is accepted from now on comes after it.
    const handOvers = learnt.map(({ knownUserIds }) => context.handOver(environment, knownUserIds))
    for (const { knownUserIds, changes } of learnt) {
      newUserIds.push(...knownUserIds)
      feed.publish(changes)
    }
    await Promise.all(handOvers)
  }
  return newUserIds
}

/** Living connections that a complete list does not have. */
async function findMissing(
  context: ReceiverContext,
  { environment, options, listing }: Scene,
): Promise<MissingConnection[]> {
  const except = new Set([...listing.pendingUserIds, ...listing.users.map(({ userId }) => userId)])
  const { referenceId, userId } = options
  if (userId !== undefined) return []
  const living = await listLiving(context, environment, { limit: MISSING_MAX, except })
  const missing: MissingConnection[] = []
  let checks = 0
  for (const connection of living) {
    if (referenceId !== undefined && connection.referenceId !== referenceId) continue
    // Younger than the answer, it cannot be in it.
    if ((connection.sinceMs ?? 0) > listing.observedAtMs) continue
    // Pages shift while they are read, so a connection can slip between two of them.
    const isChecked = checks < MISSING_CHECKS_MAX
    if (isChecked) checks += 1
    const answer = isChecked
      ? await askApi(options, '/userInfo', { user_id: connection.userId })
      : undefined
    if (answer?.ok === true) continue
    missing.push({ connection, isConfirmed: answer?.failure.httpStatus === 404 })
  }
  return missing
}

/** Connections that are alive and whose current `user_id` is not among `except`. */
async function listLiving(
  { store }: ReceiverContext,
  environment: string,
  { limit, except }: { limit: number; except: ReadonlySet<string> },
): Promise<EnvironmentConnection[]> {
  const living: EnvironmentConnection[] = []
  let afterUserId = ''
  for (;;) {
    const page = { environment, afterUserId, limit: BATCH_USERS }
    const users = await store.transaction(async (tx) => {
      const found = await tx.listUsers(page)
      for (const { record } of found) {
        if (living.length >= limit || record.erasedAtMs !== undefined) continue
        if (except.has(record.userId) || !isAlive(decideStatus(record).status)) continue
        const connection = await findConnection(tx, environment, record.userId)
        // An alias that was replaced is not expected to be listed.
        if (connection?.userId === record.userId) living.push(connection)
      }
      return found
    }, READ)
    afterUserId = users.at(-1)?.record.userId ?? ''
    if (users.length < BATCH_USERS || living.length >= limit) return living
  }
}

function isAlive(status: string): boolean {
  return status === 'active' || status === 'degraded'
}

function* batches<T>(items: readonly T[]): Iterable<readonly T[]> {
  for (let i = 0; i < items.length; i += BATCH_USERS) yield items.slice(i, i + BATCH_USERS)
}

function checkBounds({ pageUsers = PAGE_USERS, pagesMax = PAGES }: ReconcileOptions): void {
  for (const [name, value, max] of [
    ['pageUsers', pageUsers, PAGE_USERS_MAX],
    ['pagesMax', pagesMax, PAGES_MAX],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= 1 && value <= max) continue
    throw new RangeError(`${name} must be a whole number from 1 to ${max}, found ${value}`)
  }
}
