/** What a command reads from and writes to, so that tests can run commands without a process. */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { interrupted } from './interrupted.ts'

export interface Io {
  /** Writes to standard output: answers, and nothing else. */
  out(text: string): void
  /** Writes a line to standard error: complaints, progress, questions. */
  err(line: string): void
  /** Replaces the last line on standard error; an empty text takes it away. */
  progress(text: string): void
  /** Whether a person reads standard output. */
  readonly isTerminal: boolean
  /** Whether a person can be asked. */
  readonly canAsk: boolean
  /** Columns of the terminal. */
  readonly width: number
  readonly hasColour: boolean
  readonly variables: NodeJS.ProcessEnv
  /** The working folder. */
  readonly folder: string
  /** Everything on standard input. */
  readInput(): Promise<Uint8Array>
  /** @returns What a person answers to a question. */
  ask(question: string): Promise<string>
  /** The same without showing what is typed. */
  askSecret(question: string): Promise<string>
  /** Aborted when the process is asked to end. */
  untilInterrupted(): AbortSignal
  /** What the process ends with. */
  exitCode: number
}

const WIDTH = 120

async function ask(question: string, output: NodeJS.WritableStream): Promise<string> {
  const reader = createInterface({ input: process.stdin, output, terminal: true })
  try {
    return await reader.question(question)
  } finally {
    reader.close()
  }
}

/** The process's own. */
export function createProcessIo(): Io {
  const { stdin, stdout, stderr, env } = process
  return {
    out: (text) => void stdout.write(text),
    err: (line) => void stderr.write(`${line}\n`),
    progress: (text) => void stderr.write(`\r\u001B[2K${text}`),
    isTerminal: stdout.isTTY,
    canAsk: stdin.isTTY && stderr.isTTY,
    // Some terminals say 0.
    width: stdout.columns || WIDTH,
    // https://no-color.org: any value that is not empty.
    hasColour: stdout.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
    variables: env,
    folder: process.cwd(),
    readInput: async () => {
      const chunks: Buffer[] = []
      for await (const chunk of stdin) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    ask: async (question) => await ask(question, stderr),
    askSecret: async (question) => {
      stderr.write(question)
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
      const answer = await ask('', nowhere)
      stderr.write('\n')
      return answer
    },
    untilInterrupted: () => {
      const controller = new AbortController()
      void interrupted().then(() => controller.abort())
      return controller.signal
    },
    exitCode: 0,
  }
}
