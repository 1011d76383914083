/** The real `firma` command, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const MAIN = fileURLToPath(new URL('../../../src/cli/main.ts', import.meta.url))
const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url))

export interface CliOptions {
  /** Variables beside the system's; those of Firma come from here alone. */
  readonly env?: Readonly<Record<string, string>>
}

export interface CliResult {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunningCli {
  /** What it has printed until it was ready. */
  readonly greeting: string
  /** Milliseconds from the call until then. */
  readonly readyAfterMs: number
  /** Sends a signal and waits for the end. */
  stop(signal: 'SIGINT' | 'SIGTERM'): Promise<CliResult>
}

/** Runs a command to its end. */
export async function runCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  return await collect(start(args, options))
}

/** Runs `firma start …` until it says that it is ready; it is killed when the test ends before it. */
export async function startCli(
  args: readonly string[],
  options: CliOptions = {},
): Promise<RunningCli> {
  const startedAtMs = Date.now()
  const child = start(['start', ...args], options)
  const result = collect(child)
  const greeting = await new Promise<string>((resolve, reject) => {
    let text = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('Stop with Ctrl+C.')) resolve(text)
    })
    void result.then(({ stderr }) => reject(new Error(`it ended before it was ready: ${stderr}`)))
  })
  return {
    greeting,
    readyAfterMs: Date.now() - startedAtMs,
    stop: async (signal) => {
      child.kill(signal)
      return await result
    },
  }
}

function start(args: readonly string[], { env = {} }: CliOptions): ChildProcess {
  const system = Object.entries(process.env).filter(([name]) => !name.startsWith('FIRMA_'))
  const child = spawn(process.execPath, ['--conditions=source', '--import', 'tsx', MAIN, ...args], {
    cwd: ROOT,
    env: { ...Object.fromEntries(system), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const isEnded = once(child, 'exit')
    child.kill('SIGKILL')
    await isEnded
  })
  return child
}

async function collect(child: ChildProcess): Promise<CliResult> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  await once(child, 'close')
  return { exitCode: child.exitCode, stdout, stderr }
}
