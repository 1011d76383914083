/** What benches are told on their command lines. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

type Options = NonNullable<ParseArgsConfig['options']>

/** Ends the command: what is wrong with how it was called, and where to look. */
function refuse(problem: string): never {
  process.stderr.write(`${problem}\nRun it with --help to see what it takes.\n`)
  process.exit(2)
}

/**
 * Reads the flags of a command. `--help` prints the help and ends it; what it does not know ends it, too.
 *
 * @param help Ends without a line break.
 */
export function readFlags<const T extends Options>(help: string, options: T) {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean' } } })
    if (!('help' in values)) return values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
  process.stdout.write(`${help}\n`)
  return process.exit(0)
}

/** Names separated by commas, each of them one of those that there are. */
export function readNames(flag: string, value: string, known: readonly string[]): string[] {
  const names = value.split(',')
  const unknown = names.find((name) => !known.includes(name))
  if (unknown === undefined) return names
  return refuse(`--${flag} knows ${known.join(', ')}; there is no "${unknown}".`)
}

/** A whole number from 1. */
export function readCount(flag: string, value: string): number {
  const count = Number(value)
  if (Number.isSafeInteger(count) && count > 0) return count
  return refuse(`--${flag} takes a whole number from 1, not "${value}".`)
}
