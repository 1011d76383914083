/** An entry of the catalog before it is complete: what a file says, what it leaves to the operator. */
import { z } from 'zod'
import { FirmaError } from '../errors.ts'
import { findFaults } from './provider-faults.ts'
import { PROVIDER, type Provider } from './provider.ts'

const object = z.record(z.string(), z.unknown())

/** A file of the catalog. Its facts are checked when they are complete. */
export const CATALOG_FILE = z.looseObject({
  $schema: z.string().exactOptional(),
  resource: z.string(),
  displayName: z.string(),
  /** Facts that nobody has published: without them the provider cannot be enabled. */
  operatorGives: z.array(z.string()).default([]),
  /** The same provider elsewhere: another region, a sandbox. `patch` is a JSON merge patch (RFC 7396). */
  variants: z.record(z.string(), z.strictObject({ note: z.string(), patch: object })).default({}),
})

/** One provider of the catalog. */
export interface CatalogEntry {
  readonly resource: string
  readonly displayName: string
  /** Paths of facts that are missing. */
  readonly operatorGives: readonly string[]
  /** Named deviations that an operator can choose; see `completeProvider`. */
  readonly variants: Readonly<
    Record<string, { readonly note: string; readonly patch: Readonly<Record<string, unknown>> }>
  >
  /** The file's facts, as they are written there. */
  readonly facts: Readonly<Record<string, unknown>>
}

/** Facts as a provider. @throws FirmaError `configuration_invalid`; the message says what is wrong where. */
export function checkProvider(facts: unknown, resource: string): Provider {
  const parsed = PROVIDER.safeParse(facts)
  if (!parsed.success) {
    const issue = explainIssue(parsed.error.issues[0])
    throw new FirmaError('configuration_invalid', `provider ${resource}: ${issue}`)
  }
  const [fault] = findFaults(parsed.data)
  if (fault !== undefined) {
    throw new FirmaError('configuration_invalid', `provider ${resource}: ${fault}`)
  }
  return parsed.data
}

/** Where it is, what was expected there and what was found. */
export function explainIssue(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return 'it is not sound'
  const place = issue.path.map(String).join('.')
  const found = issue.message.replace(/^Invalid input: /, '')
  return place === '' ? found : `${place}: ${found}`
}

/** JSON merge patch (RFC 7396). Neither side is changed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch
  const merged: Record<string, unknown> = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name]
    // Defined, not assigned: `__proto__` in somebody's JSON is a member like any other.
    else {
      Object.defineProperty(merged, name, {
        value: mergePatch(Object.hasOwn(merged, name) ? merged[name] : undefined, value),
        enumerable: true,
        writable: true,
        configurable: true,
      })
    }
  }
  return merged
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
