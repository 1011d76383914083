/**
 * Reads of a foreign JSON object. Only own properties count, so `__proto__` and `constructor` in a body are ordinary names,
 * and a field of the wrong type reads as absent: senders differ, and one odd field must not cost the event.
 */

/** A parsed JSON object, as its sender wrote it. */
export type JsonObject = { readonly [name: string]: unknown }

/** Longest identifier that is used, in characters; a longer one reads as absent (databases cannot index it). */
const ID_LENGTH_MAX = 1_024

/** Most scopes of one list that are used; a provider has dozens. */
const SCOPES_MAX = 1_000
/** Longest scope that is used, in characters. */
const SCOPE_LENGTH_MAX = 512

/** What no database stores faithfully: halves of characters, and NUL. */
const UNSTORABLE = /\p{Surrogate}|\0/gu
/** What may be that: nearly every text is cleared by this one, which costs a fraction. */
const SUSPICIOUS = /[\0\uD800-\uDFFF]/

/** A text that every database can store. */
export function toStorable(text: string): string {
  return SUSPICIOUS.test(text) ? text.replaceAll(UNSTORABLE, '\uFFFD') : text
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readField(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

export function readObject(object: JsonObject, name: string): JsonObject | undefined {
  const value = readField(object, name)
  return isJsonObject(value) ? value : undefined
}

export function readText(object: JsonObject, name: string): string | undefined {
  const value = readField(object, name)
  return typeof value === 'string' ? value : undefined
}

/** A boolean, or its name: an older generation of the API has `"false"`. */
export function readFlag(object: JsonObject, name: string): boolean | undefined {
  const text = readText(object, name)?.toLowerCase()
  if (text === 'true' || text === 'false') return text === 'true'
  return readBoolean(object, name)
}

export function readBoolean(object: JsonObject, name: string): boolean | undefined {
  const value = readField(object, name)
  return typeof value === 'boolean' ? value : undefined
}

/**
 * An identifier: a text that is not empty, or a whole number that JavaScript represents exactly.
 *
 * Larger numbers read as absent, because two of them can parse to the same value and would join two people.
 */
export function readId(object: JsonObject, name: string): string | undefined {
  const value = readField(object, name)
  if (Number.isSafeInteger(value)) return String(value)
  if (typeof value !== 'string' || value === '' || value.length > ID_LENGTH_MAX) return undefined
  return toStorable(value)
}

/** Scopes, from a comma-separated text or a list; without duplicates, sorted, at most 1,000. `undefined` when not stated. */
export function readScopes(object: JsonObject, name: string): string[] | undefined {
  const value = readField(object, name)
  let parts: unknown[]
  if (typeof value === 'string') parts = value.split(',')
  else if (Array.isArray(value)) parts = value
  else return undefined
  const scopes = new Set<string>()
  for (const part of parts) {
    if (scopes.size >= SCOPES_MAX) break
    const scope = typeof part === 'string' ? part.trim() : ''
    if (scope === '' || scope.length > SCOPE_LENGTH_MAX) continue
    scopes.add(toStorable(scope))
  }
  return [...scopes].sort()
}
