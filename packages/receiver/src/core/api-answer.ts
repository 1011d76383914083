/**
 * Reads what the API answers about users. Two generations of shapes are documented for each question, and all are taken; whatever
 * is none of them reads as `undefined`, and a caller must then change nothing.
 */
import { toUser, type EventUser } from './event.ts'
import { isJsonObject, readBoolean, readObject, readText, type JsonObject } from './json-fields.ts'

/** A user with an id, as the API lists it. */
export type ListedUser = EventUser & {
  /** Its id. */
  userId: string
}

/** A list of users, or one page of it. */
export interface UserPage {
  /** The users that could be read. */
  users: ListedUser[]
  /** Entries that are no users. */
  unreadable: number
  /** Number of the next page; `undefined` when this is all. */
  next: number | undefined
}

/** The answer about one user. */
export interface UserAnswer {
  /** The user. */
  user: ListedUser
  /** `false` while the flow that it was reserved for is under way. */
  isAuthenticated: boolean
}

/** Reads a list: a bare array, `{users: […]}`, or a page `{data: {next, max_page, results: […]}}`. */
export function readUserPage(answer: unknown): UserPage | undefined {
  if (Array.isArray(answer)) return toPage(answer, undefined)
  if (!isJsonObject(answer) || isError(answer)) return undefined
  const users = readList(answer, 'users')
  if (users !== undefined) return toPage(users, undefined)
  const data = readObject(answer, 'data')
  const results = data === undefined ? undefined : readList(data, 'results')
  if (data === undefined || results === undefined) return undefined
  const next = Object.hasOwn(data, 'next') ? data['next'] : undefined
  if (next === null) return toPage(results, undefined)
  // Without a readable "next" nobody knows whether this is all.
  return typeof next === 'number' && Number.isSafeInteger(next) && next >= 0
    ? toPage(results, next)
    : undefined
}

/** Reads `{user, is_authenticated}`. */
export function readUserAnswer(answer: unknown): UserAnswer | undefined {
  if (!isJsonObject(answer) || isError(answer)) return undefined
  const user = toListed(readObject(answer, 'user'))
  if (user === undefined) return undefined
  return { user, isAuthenticated: readBoolean(answer, 'is_authenticated') ?? true }
}

/** What an error says, in either generation: problem details, or `{status: 'error', message}`. */
export function readErrorText(answer: unknown): string | undefined {
  if (!isJsonObject(answer)) return undefined
  return readText(answer, 'detail') ?? readText(answer, 'message') ?? readText(answer, 'title')
}

/** What a hub calls the problem. */
export function readErrorCode(answer: unknown): string | undefined {
  return isJsonObject(answer) ? readText(answer, 'code') : undefined
}

function isError(answer: JsonObject): boolean {
  return readText(answer, 'status') === 'error'
}

function readList(object: JsonObject, name: string): unknown[] | undefined {
  const value = Object.hasOwn(object, name) ? object[name] : undefined
  return Array.isArray(value) ? value : undefined
}

function toPage(entries: readonly unknown[], next: number | undefined): UserPage {
  const users: ListedUser[] = []
  for (const entry of entries) {
    const user = toListed(isJsonObject(entry) ? entry : undefined)
    if (user !== undefined) users.push(user)
  }
  return { users, unreadable: entries.length - users.length, next }
}

function toListed(object: JsonObject | undefined): ListedUser | undefined {
  const user = toUser(object)
  // Both are required of a user. What lacks one is something else.
  if (user?.userId === undefined || user.provider === undefined) return undefined
  return { ...user, userId: user.userId }
}
