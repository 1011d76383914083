import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { FirmaError } from '../errors.ts'
import {
  CATALOG_FILE,
  type CatalogEntry,
  checkProvider,
  explainIssue,
  mergePatch,
} from './catalog-entry.ts'
import type { Provider } from './provider.ts'

const FOLDER = new URL('./entries/', import.meta.url)

/**
 * Every provider that Firma knows, by its upper case resource name, in alphabetical order. One file of
 * `entries/` each; a variant with a resource of its own is an entry of its own. Read and checked once, at
 * start: an unsound file stops the process with a message that names it.
 */
export const CATALOG = readCatalog(FOLDER)

/** @throws FirmaError `configuration_invalid`, naming the file, what is wrong in it, and what to do. */
export function readCatalog(folder: URL): ReadonlyMap<string, CatalogEntry> {
  const files = new Map<string, string>()
  const entries = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .flatMap((name) => {
      const file = new URL(name, folder)
      const path = fileURLToPath(file)
      const found = readEntries(path, readText(file))
      for (const { resource } of found) {
        const other = files.get(resource)
        if (other !== undefined) throw unsound(path, `${resource} is in ${other} already`)
        files.set(resource, path)
      }
      return found
    })
    .toSorted((left, right) => (left.resource < right.resource ? -1 : 1))
  return new Map(entries.map((entry) => [entry.resource, entry]))
}

function readText(file: URL): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const what = `${fileURLToPath(file)} cannot be read; correct its rights, or take it away`
    throw new FirmaError('configuration_invalid', what, { cause })
  }
}

function unsound(file: string, what: string): FirmaError {
  const todo = 'correct the file (docs/adding-a-provider.md), or take it away'
  return new FirmaError('configuration_invalid', `${file}: ${what}; ${todo}`)
}

/** The providers of the {@link CATALOG} that need nothing from the operator but credentials. */
export const PROVIDERS: ReadonlyMap<string, Provider> = new Map(
  [...CATALOG].flatMap(([resource, entry]) =>
    entry.operatorGives.length > 0 ? [] : [[resource, completeProvider(entry)] as const],
  ),
)

/**
 * The entry of a resource name.
 *
 * @param resource As the API takes it; upper or lower case.
 * @returns Undefined when there is none.
 */
export function findEntry(resource: string): CatalogEntry | undefined {
  return CATALOG.get(resource.toUpperCase())
}

/**
 * A provider that needs nothing from the operator but credentials.
 *
 * @returns Undefined when there is none of that name.
 */
export function findProvider(resource: string): Provider | undefined {
  return PROVIDERS.get(resource.toUpperCase())
}

/**
 * Where the people of a provider go when it ends.
 *
 * @returns Undefined when it has no successor; `isExchange` when its tokens can be turned into new ones.
 */
export function successorOf(
  resource: string,
): { readonly resource: string; readonly isExchange: boolean } | undefined {
  const successor = findProvider(resource)?.successor
  if (successor === undefined) return undefined
  return { resource: successor.resource, isExchange: successor.exchange !== undefined }
}

/** By the provider, as the catalog does not change. */
const relatives = new Map<string, readonly string[]>()

/** This provider and those whose grants are the same ones in another form: their tokens are exchanged. */
export function relativesOf(resource: string): readonly string[] {
  const known = relatives.get(resource) ?? findRelatives(resource)
  // A name of nobody's is asked for by whoever likes.
  if (known.length > 0) relatives.set(resource, known)
  return known
}

function findRelatives(resource: string): readonly string[] {
  const isExchanged = (from: string, to: string): boolean => {
    const successor = successorOf(from)
    return successor?.isExchange === true && successor.resource === to
  }
  return [...PROVIDERS.keys()].filter(
    (other) => other === resource || isExchanged(other, resource) || isExchanged(resource, other),
  )
}

/** As {@link findProvider}. @throws FirmaError `resource_unknown` when there is none. */
export function getProvider(resource: string): Provider {
  const provider = findProvider(resource)
  if (provider !== undefined) return provider
  throw new FirmaError('resource_unknown', `the catalog has no complete provider "${resource}"`)
}

/** What an operator says differently: a variant to begin with, and a JSON merge patch (RFC 7396). */
export type ProviderOverrides = Readonly<Record<string, unknown>>

/**
 * The entry as one environment uses it.
 *
 * @param overrides Member `variant` names one of the entry's variants; the other members replace what the
 *   catalog says, member by member, and null removes.
 * @throws FirmaError `configuration_invalid` when the result is not sound; the message says where.
 */
export function completeProvider(entry: CatalogEntry, overrides: ProviderOverrides = {}): Provider {
  const { variant, ...patch } = overrides
  const known = Object.keys(entry.variants)
  let facts: unknown = entry.facts
  if (variant !== undefined) {
    const chosen = known.find((name) => name === variant)
    if (chosen === undefined) {
      throw new FirmaError(
        'configuration_invalid',
        `${entry.resource} has no variant ${JSON.stringify(variant)}; it has ${known.join(', ') || 'none'}`,
      )
    }
    facts = mergePatch(facts, entry.variants[chosen]?.patch)
  }
  return checkProvider(mergePatch(facts, { ...patch, resource: entry.resource }), entry.resource)
}

/** Reads one file of the catalog. @throws FirmaError `configuration_invalid` when it is not sound. */
export function readEntries(file: string, text: string): CatalogEntry[] {
  const parsed = CATALOG_FILE.safeParse(parseJson(file, text))
  if (!parsed.success) throw unsound(file, explainIssue(parsed.error.issues[0]))
  const { operatorGives, variants, ...facts } = parsed.data
  const own = Object.entries(variants).filter(([, { patch }]) => patch['resource'] === undefined)
  const entry = {
    resource: facts.resource,
    displayName: facts.displayName,
    operatorGives,
    variants: Object.fromEntries(own),
    facts,
  }
  const regions = Object.values(variants).flatMap(({ patch }) => {
    const { resource, displayName } = patch
    if (typeof resource !== 'string' || typeof displayName !== 'string') return []
    const merged = mergePatch(facts, patch) as CatalogEntry['facts']
    return [{ resource, displayName, operatorGives, variants: {}, facts: merged }]
  })
  const entries: CatalogEntry[] = [entry, ...regions]
  for (const one of entries) {
    try {
      checkEntry(one)
    } catch (error) {
      throw error instanceof FirmaError ? unsound(file, error.message) : error
    }
  }
  return entries
}

function checkEntry(entry: CatalogEntry): void {
  // Whatever the operator has to give must be what is missing, and nothing else.
  if (entry.operatorGives.length === 0) completeProvider(entry)
  for (const name of Object.keys(entry.variants))
    completeProvider(entry, { ...givenBy(entry), variant: name })
  if (entry.operatorGives.length > 0) completeProvider(entry, givenBy(entry))
}

/**
 * What an operator might give to an incomplete entry, at addresses that cannot exist: for checking the
 * entry, and for simulating it.
 */
export function givenBy(entry: CatalogEntry): ProviderOverrides {
  const host = `https://${entry.resource.toLowerCase().replaceAll('_', '-')}.operator.invalid`
  let given: unknown = {}
  for (const path of entry.operatorGives) {
    const names = path.split('.')
    const value =
      path === 'identity'
        ? { from: 'request', request: { url: `${host}/identity` }, field: 'id' }
        : `${host}/${names.join('/')}`
    const patch = names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value)
    given = mergePatch(given, patch)
  }
  return given as ProviderOverrides
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const why = error instanceof Error ? error.message.replaceAll(/\s+/g, ' ') : ''
    throw unsound(file, `it is not JSON (${why})`)
  }
}
