/** Finds and reads the one configuration file. */
import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { FirmaError } from '../errors.ts'

/** Names that are looked for in the working folder, when none is given. */
export const FILE_NAMES = ['firma.config.ts', 'firma.config.mjs', 'firma.config.json'] as const

export interface ConfigFile {
  readonly path: string
  /** Paths in it are relative to this. */
  readonly folder: string
  readonly content: Readonly<Record<string, unknown>>
}

/**
 * Reads the configuration file.
 *
 * @param given The path by flag or variable; without one, the working folder is looked into.
 * @returns `undefined` when there is none.
 * @throws FirmaError `configuration_invalid` when it is missing, unreadable, or there are two.
 */
export async function readConfigFile(
  given: string | undefined,
  folder: string,
): Promise<ConfigFile | undefined> {
  const path = given === undefined ? findFile(folder) : resolve(folder, given)
  if (path === undefined) return undefined
  if (!existsSync(path)) {
    throw invalid(`there is no configuration file at ${path}; correct --config (FIRMA_CONFIG)`)
  }
  const content = path.endsWith('.json') ? readJson(path) : await readModule(path)
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw invalid(`${path} must hold one object with settings; write { … } or export default { … }`)
  }
  return { path, folder: dirname(path), content: content as Record<string, unknown> }
}

function findFile(folder: string): string | undefined {
  const found = FILE_NAMES.filter((name) => existsSync(join(folder, name)))
  const [first, second] = found
  if (second !== undefined) {
    throw invalid(`${folder} has ${first} and ${second}; keep one, or name one with --config`)
  }
  return first === undefined ? undefined : join(folder, first)
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    // Not the parser's own words: they would quote the file, and it may hold secrets.
    const isSyntax = cause instanceof SyntaxError
    const why = isSyntax
      ? `is not JSON${whereOf(cause)}; correct it`
      : 'cannot be read; correct its rights'
    throw new FirmaError('configuration_invalid', `${path} ${why}`, isSyntax ? {} : { cause })
  }
}

function whereOf(error: SyntaxError): string {
  const place = /line \d+ column \d+|position \d+/.exec(error.message)?.[0]
  return place === undefined ? '' : ` (${place})`
}

async function readModule(path: string): Promise<unknown> {
  // Half a second that who has no such file need not wait.
  const { createJiti } = await import('jiti')
  // No cache on disk: a configuration may hold secrets, and compiled copies of it would lie around.
  const jiti = createJiti(path, { fsCache: false, moduleCache: false })
  try {
    return await jiti.import(path, { default: true })
  } catch (cause) {
    throw new FirmaError('configuration_invalid', `${basename(path)} cannot be loaded`, { cause })
  }
}

function invalid(message: string): FirmaError {
  return new FirmaError('configuration_invalid', message)
}
