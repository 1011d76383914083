/** Runs commands of `firma` in this process, as {@link run} of the command does. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import type { Io } from '../../src/cli/io.ts'
import { run } from '../../src/cli/program.ts'

export interface CommandOptions {
  readonly variables?: Readonly<Record<string, string>>
  readonly folder?: string
  /** What is on standard input. */
  readonly input?: string
  /** A terminal with this many columns reads and is read. */
  readonly terminal?: number
  /** What a person answers, one question after the other. */
  readonly answers?: readonly string[]
  /** Ends commands that run until they are interrupted. */
  readonly signal?: AbortSignal
  /** Sees output as it comes. */
  readonly onOutput?: (text: string) => void
}

export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export async function runCommand(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { variables = {}, input = '', terminal, signal, onOutput } = options
  const answers = [...(options.answers ?? [])]
  const folder = options.folder ?? (await createFolder())
  let stdout = ''
  let stderr = ''
  const answer = async (question: string): Promise<string> => {
    stderr += `${question}\n`
    return answers.shift() ?? ''
  }
  const io: Io = {
    out: (text) => {
      stdout += text
      onOutput?.(text)
    },
    err: (line) => {
      stderr += `${line}\n`
      onOutput?.(line)
    },
    progress: () => undefined,
    isTerminal: terminal !== undefined,
    canAsk: terminal !== undefined,
    width: terminal ?? 120,
    hasColour: false,
    variables: { XDG_CONFIG_HOME: join(folder, '.config'), ...variables },
    folder,
    readInput: async () => Buffer.from(input),
    ask: answer,
    askSecret: answer,
    untilInterrupted: () => signal ?? new AbortController().signal,
    exitCode: 0,
  }
  const exitCode = await run(args, io)
  return { exitCode, stdout, stderr }
}

/** An empty folder that goes with the test. */
export async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'firma-cli-'))
  onTestFinished(async () => await rm(folder, { recursive: true, force: true }))
  return folder
}

/** The one line with which a command refuses. */
export async function refusalOf(
  args: readonly string[],
  exitCode: number,
  options?: CommandOptions,
): Promise<string> {
  const result = await runCommand(args, options)
  expect(result.stdout).toBe('')
  expect(result.stderr).toMatch(/^firma: [^\n]+\n$/)
  expect(result.exitCode).toBe(exitCode)
  return result.stderr.slice('firma: '.length).trimEnd()
}
