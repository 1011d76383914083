/** What a command says when it fails, and what the process ends with. */
import { CommanderError } from 'commander'
import { z } from 'zod'
import { FirmaError } from '../errors.ts'
import { CliError, EXIT, toExitCode } from './exit-codes.ts'
import type { Io } from './io.ts'

/** Tells a failure in one line. @returns The exit code. */
export function report(io: Io, error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  if (error instanceof FirmaError || error instanceof CliError) {
    io.err(`firma: ${error.message}${explainCause(error)}`)
    return error instanceof CliError ? error.exitCode : toExitCode(error.code)
  }
  io.err(describeSurprise(error))
  return EXIT.failed
}

/** What nobody foresaw. Only a bug of ours is told with where it happened. */
function describeSurprise(error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues
    const where = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`
    return `firma: the hub answers something that this version does not know (${where}); is it a Firma hub of the same version?`
  }
  if (!(error instanceof Error)) return String(error)
  // The system's own: a full disk, a folder without rights.
  if ('syscall' in error) return `firma: ${error.message}`
  return error.stack ?? String(error)
}

/** What the system said first, in the same line: it names the detail that our own words leave out. */
function explainCause({ message, cause }: Error): string {
  let first = cause
  while (first instanceof Error && first.cause instanceof Error) first = first.cause
  if (!(first instanceof Error) || message.includes(first.message)) return ''
  return ` (${first.message.replaceAll(/\s+/g, ' ')})`
}
