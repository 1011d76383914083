#!/usr/bin/env node
/** The `firma` command. */
import './quiet-warnings.ts'
import { createProcessIo } from './io.ts'
import { report } from './report.ts'

// A reader that has seen enough (`firma events list | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit()
})

const io = createProcessIo()
try {
  // Not above: the catalog of providers is read on the way, and what is wrong there is told like everything else.
  const { run } = await import('./program.ts')
  process.exitCode = await run(process.argv.slice(2), io)
} catch (error) {
  process.exitCode = report(io, error)
}
