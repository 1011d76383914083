/** What all commands have in common: every one of them is walked, a new one too. */
import type { Command } from 'commander'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createProcessIo } from '../../src/cli/io.ts'
import { createProgram } from '../../src/cli/program.ts'
import { listen } from '../../src/cli/serve.ts'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { DEV_ID, type TestHub, createTestHub } from '../support/create-test-hub.ts'
import { type CommandOptions, refusalOf, runCommand } from './run-command.ts'

const GONE = '00000000-0000-4000-8000-000000000000'

interface Walked {
  /** For example `['users', 'list']`. */
  readonly path: readonly string[]
  readonly command: Command
}

function walk(command: Command, path: readonly string[] = []): Walked[] {
  const below = command.commands.flatMap((each) => walk(each, [...path, each.name()]))
  // One that has commands below it and does something itself has options of its own.
  const isCommand = path.length > 0 && (below.length === 0 || command.options.length > 0)
  return isCommand ? [{ path, command }, ...below] : below
}

const ALL = walk(createProgram(createProcessIo()))
/** They talk to no hub, or need none. */
const LOCAL = new Set(
  'start receive init login logout trigger verify doctor dashboard migrate backup completion'.split(
    ' ',
  ),
)
const AT_HUB = ALL.filter(({ path: [first = ''] }) => !LOCAL.has(first))
/** What only looks, asks, or serves. */
const READING =
  /(?:^| )(?:list|get|show|explain|status|check|verify|test|users|audit|listen|doctor|completion|start|receive|trigger)$/
/** What has no answer but what it is called for. */
const SILENT = new Set(['start', 'receive', 'completion'])

function has({ command }: Walked, flag: string): boolean {
  return command.options.some(({ long }) => long === flag)
}

/** Arguments with which a command gets as far as the hub; nothing that it names is there. */
function argumentsOf({ path, command }: Walked): string[] {
  const values = command.registeredArguments.map((argument) => {
    const [choice] = argument.argChoices ?? []
    return choice ?? (VALUES[argument.name()] || GONE)
  })
  const required = command.options
    .filter(({ mandatory }) => mandatory)
    .flatMap(({ long }) => [long ?? '', 'x'])
  return [...path, ...values, ...required, ...(MORE[path.join(' ')] ?? [])]
}

const VALUES: Readonly<Record<string, string>> = {
  url: 'https://app.example/webhook',
  address: 'https://app.example/ok',
  provider: 'PEBBLE',
  'dev-id': 'nowhere',
}
const MORE: Readonly<Record<string, readonly string[]>> = {
  'destinations update': ['--timeout-ms', '5000'],
  listen: ['--once', '--replay', '1'],
}
/** Their arguments name nothing that has to be there. */
const NAMES_NOTHING = new Set(['destinations create', 'environments create', 'events generate'])

const yes = (walked: Walked): string[] => (has(walked, '--yes') ? ['--yes'] : [])

async function asOperator(hub: TestHub): Promise<CommandOptions> {
  const { secret } = await createApiKey(hub.hub.deps, 'test', { environmentId: null, name: 'o' })
  const variables = { FIRMA_URL: hub.url, FIRMA_API_KEY: secret, FIRMA_DEV_ID: DEV_ID }
  return { variables, input: 'secret' }
}

describe('every command', () => {
  it('explains itself, with examples', async () => {
    expect(ALL.length).toBeGreaterThan(60)
    for (const walked of ALL) {
      const { exitCode, stdout } = await runCommand([...walked.path, '--help'])
      const name = walked.path.join(' ')
      expect([name, exitCode, stdout]).toEqual([
        name,
        0,
        expect.stringMatching(new RegExp(`Usage: firma ${name}[^]*Examples?:\n  .*firma ${name}`)),
      ])
      if (SILENT.has(name)) continue
      expect([name, has(walked, '--json'), has(walked, '--format')]).toEqual([name, true, true])
    }
  })

  it('can be tried before it changes something', () => {
    const lacking = ALL.filter((walked) => !READING.test(walked.path.join(' ')))
      .filter((walked) => !has(walked, '--dry-run'))
      .map(({ path }) => path.join(' '))
    expect(lacking).toEqual([])
  })

  it('refuses what it does not know in one line that names its help', async () => {
    for (const walked of ALL) {
      const { path } = walked
      const line = await refusalOf([...argumentsOf(walked), '--nonsense-and-more'], 2)
      expect(line).toContain("unknown option '--nonsense-and-more'")
      expect(line).toContain(`firma ${path.join(' ')} --help`)
    }
    expect(await refusalOf(['nonsense'], 2)).toBe("unknown command 'nonsense'; see firma --help")
  })
})

describe('every command that asks a hub', () => {
  it('says that there is none, or none that answers', async () => {
    const url = 'http://127.0.0.1:1'
    const away = { FIRMA_URL: url, FIRMA_DEV_ID: 'x', FIRMA_API_KEY: 'x' }
    for (const walked of AT_HUB) {
      const args = [...argumentsOf(walked), ...yes(walked)]
      const nowhere = await runCommand(args, { input: 'secret' })
      expect([args, nowhere.exitCode, nowhere.stderr]).toEqual([
        args,
        2,
        expect.stringMatching(/^firma: no hub to talk to: [^\n]+\n$/),
      ])
      const unreachable = await runCommand(args, { variables: away, input: 'secret' })
      expect([args, unreachable.exitCode, unreachable.stderr]).toEqual([
        args,
        5,
        expect.stringMatching(/firma: the hub at http:\/\/127\.0\.0\.1:1 does not answer[^\n]+\n$/),
      ])
    }
  })

  it('says whose key was refused, also when it is only tried', async () => {
    const hub = await createTestHub()
    const variables = { FIRMA_URL: hub.url, FIRMA_DEV_ID: DEV_ID, FIRMA_API_KEY: 'wrong' }
    for (const walked of AT_HUB) {
      const runs = [yes(walked), ...(has(walked, '--dry-run') ? [['--dry-run']] : [])]
      for (const flags of runs) {
        const args = [...argumentsOf(walked), ...flags]
        const { exitCode, stderr, stdout } = await runCommand(args, { variables, input: 'secret' })
        expect([args, exitCode, stdout, stderr]).toEqual([
          args,
          3,
          '',
          expect.stringMatching(/firma: [^\n]+ \(credentials from FIRMA_API_KEY\)\n$/),
        ])
      }
    }
  })

  it('ends with 4 for what is not there, also when it is only tried', async () => {
    const hub = await createTestHub()
    const options = await asOperator(hub)
    const about = AT_HUB.filter(({ path, command }) => {
      const names = command.registeredArguments.length > 0
      // An address may be added, and the other way round it is told that it is not there.
      return names && !NAMES_NOTHING.has(path.join(' ')) && path.join(' ') !== 'redirects add'
    })
    expect(about.length).toBeGreaterThan(25)
    for (const walked of about) {
      const runs = [yes(walked), ...(has(walked, '--dry-run') ? [['--dry-run']] : [])]
      for (const flags of runs) {
        const args = [...argumentsOf(walked), ...flags]
        const { exitCode, stderr, stdout } = await runCommand(args, options)
        const line = expect.stringMatching(/^firma: (?!.*\/admin\/v1)[^\n]+\n$/)
        expect([args, exitCode, stdout, stderr]).toEqual([args, 4, '', line])
      }
    }
  })

  it('lists in every format', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const options = await asOperator(hub)
    for (const walked of AT_HUB.filter(({ path }) => path.at(-1) === 'list')) {
      const inFormat = async (format: string, terminal?: number) => {
        const at = { ...options, ...(terminal !== undefined && { terminal }) }
        const result = await runCommand([...walked.path, '--format', format], at)
        expect([walked.path, format, result.exitCode]).toEqual([walked.path, format, 0])
        return result.stdout
      }
      JSON.parse(await inFormat('json'))
      const lines = (await inFormat('ndjson')).split('\n').filter((line) => line !== '')
      for (const line of lines) JSON.parse(line)
      expect(await inFormat('csv')).toMatch(/^\w[^\n]*\r\n/)
      const table = await inFormat('table', 100)
      expect(table).not.toMatch(/^\s*[[{]/)
      const piped = await runCommand(walked.path, options)
      JSON.parse(piped.stdout)
    }
  })
})

describe('an answer that is not a hub’s', () => {
  it('is told in one line', async () => {
    const port = await listen('127.0.0.1', 0)
    onTestFinished(async () => await port.close())
    const variables = { FIRMA_URL: port.url, FIRMA_DEV_ID: 'x', FIRMA_API_KEY: 'x' }
    for (const [body, told] of [
      ['{}', 'is it a Firma hub of the same version?'],
      ['<html>', 'something else than JSON'],
    ] as const) {
      port.serve(async () => new Response(body))
      expect(await refusalOf(['users', 'list'], 1, { variables })).toContain(told)
    }
  })

  it('and a folder that cannot be written to are no bugs', async () => {
    const variables = { XDG_CONFIG_HOME: '/dev/null/x' }
    expect(await refusalOf(['trigger', 'auth', '--dry-run'], 1, { variables })).toContain('ENOTDIR')
  })
})
