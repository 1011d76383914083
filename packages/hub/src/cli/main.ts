#!/usr/bin/env node
/** The `firma` command. */
import './quiet-warnings.ts'
import { Command } from 'commander'
import { type Flags, readConfig } from '../config.ts'
import { FirmaError } from '../errors.ts'
import { readReceiveConfig } from './receive/config.ts'
import { receive } from './receive/receive.ts'
import { toHelp } from './receive/settings.ts'
import { start } from './start.ts'
import { VERSION } from './version.ts'

/** Exit codes: 0 done, 1 it failed, 2 it was called wrongly. */
const EXIT_FAILED = 1
const EXIT_USAGE = 2

const program = new Command('firma')
  .description('Connects people to their wearables and tells your app about it.')
  .version(VERSION)
  // Commander would end the process itself; its answers go the same way as ours.
  .exitOverride()
  // Every complaint is one line and begins alike.
  .configureOutput({
    outputError: (text, write) => {
      const line = text
        .trim()
        .replace(/^error: /, '')
        .replaceAll('\n', ' ')
      write(`firma: ${line}\n`)
    },
  })

program
  .command('start')
  .description('start the hub with simulated providers and a demo app')
  .option(
    '--port <number>',
    'port of the hub (default 4000); demo app and providers take the next two',
  )
  .option('--host <address>', 'address to listen on (default 127.0.0.1)')
  .option('--data <folder>', 'where the database and the keys are kept (default ./data)')
  .option('--log-level <level>', 'debug, info, warn (default), error or silent')
  .option('--script', 'play the whole story without a browser, print it, and end')
  .addHelpText(
    'after',
    `
Examples:
  firma start
  firma start --port 8080 --data ./my-data
  firma start --script

Settings can also be given as FIRMA_PORT, FIRMA_HOST, FIRMA_DATA and FIRMA_LOG_LEVEL.
DATABASE_URL=postgres://user:password@host:5432/database puts the hub on PostgreSQL.`,
  )
  .action(async (flags: Flags & { script?: boolean }) => {
    process.exitCode = await start(readConfig(flags), { isScripted: flags.script === true })
  })

program
  .command('receive')
  .description('run the receiver as a service: events in, lookups and calls of your app out')
  .addHelpText('after', toHelp())
  .action(async () => {
    process.exitCode = await receive(readReceiveConfig())
  })

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  if (error instanceof FirmaError) {
    console.error(`firma: ${error.message}${explainCause(error.cause)}`)
    return error.code === 'configuration_invalid' ? EXIT_USAGE : EXIT_FAILED
  }
  if (error instanceof Error && 'exitCode' in error) {
    return error.exitCode === 0 ? 0 : EXIT_USAGE
  }
  console.error(error)
  return EXIT_FAILED
}

/** What the system said first, in the same line: it names the detail that our own words leave out. */
function explainCause(cause: unknown): string {
  if (!(cause instanceof Error)) return ''
  if (cause.cause instanceof Error) return explainCause(cause.cause)
  return ` (${cause.message.replaceAll(/\s+/g, ' ')})`
}
