/** `firma doctor`: what is wrong here, and what to do about it. */
import type { Command } from 'commander'
import { type Config, type Flags, readConfig } from '../../config/config.ts'
import { FirmaError } from '../../errors.ts'
import { type HubFlags, addHubFlags } from '../command.ts'
import {
  checkDatabase,
  checkDeclaredProviders,
  checkDestination,
  checkDisk,
  checkHub,
  checkKeys,
  checkNeeds,
  checkSettings,
} from '../doctor/checks.ts'
import { checkEnvironment } from '../doctor/environment.ts'
import { type Finding, fail, warn } from '../doctor/finding.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import { findAccess } from '../hub-access.ts'
import type { Io } from '../io.ts'
import { toFormat, writeRows } from '../output.ts'
import { addConfigFlags } from './serve.ts'

type DoctorFlags = Flags & HubFlags & { readonly whole?: boolean }

export function addDoctor(program: Command, io: Io): void {
  const command = program
    .command('doctor')
    .description('check configuration, keys, database, clock, reachability, and say what to do')
  addHubFlags(addConfigFlags(command))
    .option('--whole', 'verify every entry of the audit log, not only the newest 10,000')
    .addHelpText(
      'after',
      `
Examples:
  firma doctor
  firma doctor --production --config /etc/firma/firma.config.json
  firma doctor --whole
  firma doctor --json | jq '.[] | select(.status != "ok")'

It ends with 0 when nothing is wrong (warnings included), and with 1 otherwise. It changes nothing.`,
    )
    .action(async (flags: DoctorFlags) => {
      const findings = await examine(io, flags)
      report(io, flags, findings)
      if (findings.some(({ status }) => status === 'fail')) io.exitCode = EXIT.failed
    })
}

async function examine(io: Io, flags: DoctorFlags): Promise<Finding[]> {
  let config: Config
  try {
    config = await readConfig(flags, { variables: io.variables, folder: io.folder })
  } catch (error) {
    if (!(error instanceof FirmaError)) throw error
    return [fail('configuration', error.message, 'correct it; docs/configuration.md')]
  }
  const findings = [
    checkSettings(config),
    await checkNeeds(config),
    await checkKeys(config),
    await checkDatabase(config),
    await checkDisk(config),
  ]
  findings.push(...checkDeclaredProviders(config))
  for (const { destinations } of config.environments) {
    for (const { url } of destinations) {
      findings.push(await checkDestination(url, config.allowedRanges))
    }
  }
  findings.push(...(await checkRunningHub(io, flags, config)))
  return findings
}

/** The hub that commands talk to, else the one that the configuration describes. */
async function checkRunningHub(io: Io, flags: DoctorFlags, config: Config): Promise<Finding[]> {
  try {
    const access = findAccess(io, flags)
    const findings = await checkHub(access.url)
    if (findings.some(({ status }) => status === 'fail')) return findings
    return [...findings, ...(await checkEnvironment(access, { isWhole: flags.whole === true }))]
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    if (config.baseUrl !== undefined) return await checkHub(config.baseUrl)
    return [warn('hub', 'none is known that could be asked', error.message)]
  }
}

const MARKS = { ok: 'ok', warn: 'warning', fail: 'WRONG' } as const

function report(io: Io, flags: HubFlags, findings: readonly Finding[]): void {
  if (toFormat(io, flags) !== 'table') {
    const columns = ['check', 'status', 'found', 'todo'].map((key) => ({ key }))
    return writeRows(io, flags, { rows: findings.map((each) => ({ ...each })), columns, empty: '' })
  }
  for (const { check, status, found, todo } of findings) {
    io.out(`${MARKS[status].padEnd(8)}  ${check}: ${found}\n`)
    if (todo !== '') io.out(`${' '.repeat(10)}→ ${todo}\n`)
  }
  const wrong = findings.filter(({ status }) => status === 'fail').length
  io.out(
    wrong === 0 ? '\nNothing is wrong.\n' : `\n${wrong} of ${findings.length} checks failed.\n`,
  )
}
