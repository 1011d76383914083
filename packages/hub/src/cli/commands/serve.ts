/** `firma start` and `firma receive`. */
import type { Command } from 'commander'
import { type Flags, readConfig } from '../../config/config.ts'
import type { Io } from '../io.ts'
import { readReceiveConfig } from '../receive/config.ts'
import { receive } from '../receive/receive.ts'
import { toHelp } from '../receive/settings.ts'
import { start } from '../start.ts'

/** Flags of commands that read the hub's settings. */
export function addConfigFlags(command: Command): Command {
  return command
    .option('--production', 'without simulated providers and demo app; nothing is made up')
    .option('--config <file>', 'configuration file (default ./firma.config.ts, .mjs or .json)')
    .option('--data <folder>', 'where the database and the keys are kept (default ./data)')
}

export function addStart(program: Command, io: Io): void {
  const command = program
    .command('start')
    .description('start the hub: with simulated providers and a demo app, or in production')
  addConfigFlags(command)
    .option(
      '--port <number>',
      'port of the hub (default 4000); demo app and providers take the next two',
    )
    .option('--host <address>', 'address to listen on (default 127.0.0.1)')
    .option('--base-url <address>', 'where everybody reaches the hub; needed in production')
    .option('--log-level <level>', 'debug, info, warn (default), error or silent')
    .option('--script', 'play the whole story without a browser, print it, and end')
    .addHelpText(
      'after',
      `
Examples:
  firma start
  firma start --port 8080 --data ./my-data
  firma start --script
  firma start --production --base-url https://connect.example.com

Settings can also be given as variables (FIRMA_PORT, FIRMA_HOST, FIRMA_DATA, FIRMA_LOG_LEVEL, FIRMA_BASE_URL, …) and in
firma.config.ts or firma.config.json; a flag wins over a variable, a variable over the file. docs/configuration.md has all of
them, and firma init writes such a file.`,
    )
    .action(async (flags: Flags & { script?: boolean }) => {
      const config = await readConfig(flags, { variables: io.variables, folder: io.folder })
      io.exitCode = await start(config, { isScripted: flags.script === true })
    })
}

export function addReceive(program: Command, io: Io): void {
  program
    .command('receive')
    .description('run the receiver as a service: events in, lookups and calls of your app out')
    .addHelpText('after', toHelp())
    .action(async () => {
      io.exitCode = await receive(readReceiveConfig())
    })
}
