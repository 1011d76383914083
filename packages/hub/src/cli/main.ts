#!/usr/bin/env node
/** The `firma` command. */
import './quiet-warnings.ts'
import { createProcessIo } from './io.ts'
import { run } from './program.ts'

// A reader that has seen enough (`firma events list | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

process.exitCode = await run(process.argv.slice(2), createProcessIo())
