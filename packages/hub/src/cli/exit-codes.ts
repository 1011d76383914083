import { ERRORS, type ErrorCode } from '../errors.ts'

/** What `firma` ends with; docs/cli.md lists them. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  absent: 4,
  unreachable: 5,
} as const

export const EXIT_SAYS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'done',
  failed: 'it failed, or a check found something wrong',
  usage: 'it was called wrongly: an option, a setting or a value is not right',
  refused: 'the hub refused the credentials, or they may not do this',
  absent: 'there is no such user, event, destination, …',
  unreachable: 'the hub does not answer',
}

/** Exit code of one of our failures. */
export function toExitCode(code: ErrorCode): number {
  return code === 'configuration_invalid' ? EXIT.usage : exitCodeOfStatus(ERRORS[code].status)
}

/** A failure of a command that is told in one line. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number

  constructor(message: string, exitCode: number, options?: { cause?: unknown }) {
    super(message, options)
    this.exitCode = exitCode
  }
}

/** Exit code of an answer that is a refusal. */
export function exitCodeOfStatus(status: number): number {
  if (status === 401 || status === 403) return EXIT.refused
  if (status === 404) return EXIT.absent
  return [400, 412, 413, 415, 422].includes(status) ? EXIT.usage : EXIT.failed
}
