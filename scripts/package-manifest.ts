import { readFileSync } from 'node:fs'
import path from 'node:path'

/** What the scripts read of a package.json. */
export interface PackageManifest {
  readonly name: string
  readonly version: string
  readonly files?: readonly string[]
  readonly bin?: Readonly<Record<string, string>>
  /** Entry (`.`, `./sqlite`) to condition (`types`, `default`) to file. */
  readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Where compilers that do not read `exports` find the types of an entry. */
  readonly typesVersions?: { readonly '*': Readonly<Record<string, readonly string[]>> }
  readonly dependencies?: Readonly<Record<string, string>>
}

/** Condition by which the workspace itself reads TypeScript sources instead of built files. */
const SOURCE_CONDITION = 'source'

export function readManifest(folder: string): PackageManifest {
  const manifest: PackageManifest = JSON.parse(
    readFileSync(path.join(folder, 'package.json'), 'utf8'),
  )
  return manifest
}

/** The built files that a package promises: types, modules and commands. */
export function listEntryFiles(manifest: PackageManifest): string[] {
  const modules = Object.values(withoutSourceCondition(manifest).exports).flatMap((entry) =>
    Object.values(entry),
  )
  return [...new Set([...modules, ...Object.values(manifest.bin ?? {})])]
}

/**
 * The manifest as it is published. An app that reads its own workspace by a condition called
 * `source` would otherwise be handed our TypeScript, which Node refuses to run from node_modules.
 */
export function withoutSourceCondition(manifest: PackageManifest): PackageManifest {
  const entries = Object.entries(manifest.exports).map(([entry, conditions]) => [
    entry,
    Object.fromEntries(Object.entries(conditions).filter(([name]) => name !== SOURCE_CONDITION)),
  ])
  return { ...manifest, exports: Object.fromEntries(entries) }
}
