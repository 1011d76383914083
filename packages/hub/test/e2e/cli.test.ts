import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findFreePorts, isPortFree } from '../../../../scripts/free-port.ts'
import { type RunningCli, runCli, startCli } from './support/run-cli.ts'
import { createDataFolder, occupyPort } from './support/start-test-demo.ts'

/** Wrong calls end with 2 and one line that begins with the command's name. */
async function refusalOf(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { exitCode, stdout, stderr } = await runCli(args, { env })
  expect(stdout).toBe('')
  expect(stderr).toMatch(/^firma: [^\n]+\n$/)
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(exitCode).toBe(2)
  return stderr.slice('firma: '.length).trimEnd()
}

function addressOf({ greeting }: RunningCli, what: string): string {
  return new RegExp(`${what} +(\\S+)`).exec(greeting)?.[1] ?? 'not printed'
}

describe('firma', () => {
  it('explains itself', async () => {
    const help = await runCli(['--help'])
    expect(help.exitCode).toBe(0)
    expect(help.stdout).toContain('Usage: firma [options] [command]')
    expect(help.stdout).toContain('start [options]')
    const bare = await runCli([])
    expect(bare).toEqual({ exitCode: 2, stdout: '', stderr: help.stdout })
  })

  it('explains start with its settings and examples', async () => {
    const { exitCode, stdout } = await runCli(['start', '--help'])
    expect(exitCode).toBe(0)
    for (const word of ['--port', '--host', '--data', '--log-level', '--script', 'FIRMA_PORT']) {
      expect(stdout).toContain(word)
    }
  })

  it('tells its version', async () => {
    const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
    const { stdout } = await runCli(['--version'])
    expect(stdout).toBe(`${JSON.parse(manifest).version}\n`)
  })

  it('refuses words that it does not know', async () => {
    const refusals = [
      [['strat'], "unknown command 'strat' (Did you mean start?)"],
      [['--bogus'], "unknown option '--bogus'; see firma --help"],
      [['start', '--bogus'], "unknown option '--bogus'; see firma start --help"],
      [['start', '--prot', '1'], "unknown option '--prot' (Did you mean --port?)"],
      [
        ['start', 'now'],
        "too many arguments for 'start'. Expected 0 arguments but got 1; see firma start --help",
      ],
      [['start', '--port'], "option '--port <number>' argument missing; see firma start --help"],
    ] as const
    const lines = await Promise.all(refusals.map(async ([args]) => await refusalOf(args)))
    expect(lines).toEqual(refusals.map(([, line]) => line))
  })

  it('refuses values that it cannot use, and names setting, value and cure', async () => {
    const port = (value: string) =>
      [
        [`--port=${value}`],
        `--port (FIRMA_PORT) is "${value}"; it must be a port number from 0 to 65533`,
      ] as const
    const empty = (flag: string, variable: string) =>
      [[`${flag}=`], `${flag} (${variable}) is ""; it must not be empty`] as const
    const refusals = [
      port('abc'),
      port('-1'),
      port('65534'),
      port('4000x'),
      port('1.5'),
      port('0x10'),
      port(''),
      empty('--host', 'FIRMA_HOST'),
      empty('--data', 'FIRMA_DATA'),
      [
        ['--log-level=loud'],
        '--log-level (FIRMA_LOG_LEVEL) is "loud"; it must be one of debug, info, warn, error, silent',
      ],
      [
        ['--host=nowhere.invalid', '--port=0'],
        'no address is known for --host nowhere.invalid; write an address of this machine, for example 127.0.0.1',
      ],
      [
        ['--host=203.0.113.7', '--port=0'],
        '--host 203.0.113.7 is no address of this machine; write one that is, for example 127.0.0.1',
      ],
      [
        ['--port=6000'],
        'no browser could open http://127.0.0.1:6000; choose another --port or --host (bad port)',
      ],
    ] as const
    const lines = await Promise.all(
      refusals.map(async ([args]) =>
        refusalOf(['start', ...args], { FIRMA_DATA: await createDataFolder() }),
      ),
    )
    // What the system adds in brackets differs between systems.
    expect(lines.map((line, index) => line.slice(0, refusals[index]?.[1].length))).toEqual(
      refusals.map(([, line]) => line),
    )
  })

  it('refuses a taken port and leaves nothing running', async () => {
    const first = await findFreePorts(3)
    await occupyPort(first + 1)
    const data = await createDataFolder()
    const line = await refusalOf(['start', '--port', String(first), '--data', data])
    expect(line).toContain(`port ${first + 1} is taken; choose another --port`)
    expect(await isPortFree(first)).toBe(true)
    expect(await isPortFree(first + 2)).toBe(true)
  })

  it('refuses a folder that it cannot write to', async () => {
    const file = join(await createDataFolder(), 'a-file')
    await writeFile(file, '')
    // The last one is a parent that takes no folders.
    const folders = [file, join(file, 'below'), '/dev/null/x']
    const lines = await Promise.all(
      folders.map(async (data) => refusalOf(['start', '--port', '0', '--data', data])),
    )
    const text = 'cannot be used as data folder; choose one that you may write to with --data'
    expect(lines.filter((line) => !line.includes(text))).toEqual([])
  })

  it('refuses a damaged key file without quoting it', async () => {
    const data = await createDataFolder()
    await writeFile(join(data, 'keys.json'), 'sesame')
    const line = await refusalOf(['start', '--port', '0', '--data', data])
    expect(line).toContain('keys.json is damaged (it is not JSON); restore it')
    expect(line).not.toContain('sesame')
  })

  it('takes its settings from variables, and flags before them', async () => {
    const lines = await Promise.all([
      refusalOf(['start'], { FIRMA_PORT: 'abc' }),
      refusalOf(['start', '--port', 'flag'], { FIRMA_PORT: '0' }),
      refusalOf(['start'], { FIRMA_LOG_LEVEL: 'LOUD' }),
    ])
    expect(lines.map((line) => /is "(.*?)"/.exec(line)?.[1])).toEqual(['abc', 'flag', 'LOUD'])
    const FIRMA_DATA = await createDataFolder()
    const env = { FIRMA_DATA, FIRMA_PORT: '0', FIRMA_HOST: 'localhost', FIRMA_LOG_LEVEL: 'silent' }
    const { greeting } = await startCli([], { env })
    expect(greeting).toContain(`Data                 ${FIRMA_DATA}`)
    expect(greeting).toMatch(/http:\/\/localhost:\d+\/session\//)
  })
})

describe('firma start', () => {
  it('prints addresses that answer and a connect link, and ends on SIGINT and SIGTERM', async () => {
    const data = await createDataFolder()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const port = await findFreePorts(3)
      const running = await startCli(['--port', String(port), '--data', data])
      expect(addressOf(running, 'Hub and dashboard')).toBe(`http://127.0.0.1:${port}`)
      expect(addressOf(running, 'Demo app')).toBe(`http://127.0.0.1:${port + 1}`)
      expect(addressOf(running, 'Simulated providers')).toBe(`http://127.0.0.1:${port + 2}`)
      for (const each of [port, port + 1, port + 2]) {
        expect((await fetch(`http://127.0.0.1:${each}/`)).status).toBe(200)
      }
      const link = /http:\S+\/session\/\S+/.exec(running.greeting)?.[0] ?? ''
      expect(await (await fetch(link)).text()).toContain('Connect your device')
      expect(await askWithCredentials(running)).toBe(200)
      // A browser keeps connections in store; they must not hold up the end.
      const idle = connect(port, '127.0.0.1')
      await once(idle, 'connect')
      // For the record; a limit would only measure how busy the machine is.
      console.info(`ready after ${running.readyAfterMs} ms`)
      const end = await running.stop(signal)
      expect(end).toMatchObject({ exitCode: 0, stderr: '' })
      expect(end.stdout).toMatch(/Finishing what is under way …\n$/)
      for (const each of [port, port + 1, port + 2]) expect(await isPortFree(each)).toBe(true)
    }
  })

  it('plays the story as a table on standard output, and ends with 0', async () => {
    const args = ['start', '--script', '--port', '0', '--data', await createDataFolder()]
    const { exitCode, stdout, stderr } = await runCli(args)
    expect(stderr).toBe('')
    const [head = '', ...lines] = stdout.trimEnd().split('\n')
    expect(head.trim().split(/ {2,}/)).toEqual(['step', 'expected', 'observed'])
    expect(lines.at(-1)).toBe('Everything held.')
    const rows = lines.slice(0, -2)
    expect(rows.length).toBeGreaterThanOrEqual(20)
    expect(rows.filter((row) => !row.startsWith('ok '))).toEqual([])
    expect(exitCode).toBe(0)
  })

  it('delivers to its demo app at whatever address it listens', async () => {
    const exitCodes = await Promise.all(
      ['0.0.0.0', 'localhost', ...ownAddresses()].map(async (host) => {
        const args = ['--host', host, '--port', '0', '--data', await createDataFolder()]
        return (await runCli(['start', '--script', ...args])).exitCode
      }),
    )
    expect(exitCodes.filter((exitCode) => exitCode !== 0)).toEqual([])
  })
})

/** The loopback of IPv6 and an address in the network, where this machine has them. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const loopback = all.find(({ address }) => address === '::1')
  const network = all.find(({ internal, family }) => !internal && family === 'IPv4')
  return [loopback, network].flatMap((found) => (found === undefined ? [] : [found.address]))
}

async function askWithCredentials(running: RunningCli): Promise<number> {
  const { status } = await fetch(`${addressOf(running, 'Hub and dashboard')}/v2/subscriptions`, {
    headers: {
      'dev-id': addressOf(running, 'dev-id'),
      'x-api-key': addressOf(running, 'x-api-key'),
    },
  })
  return status
}
