/** How often it is looked whether npm is still there. */
const PARENT_INTERVAL_MS = 500

/** Resolves when the process is asked to end. A second signal ends it at once, as the system does by default. */
export async function interrupted(): Promise<void> {
  await new Promise<void>((resolve) => {
    const parent = process.ppid
    // npm starts its scripts through a shell, which dies of a SIGTERM without passing it on (dash does).
    const isRunByNpm = process.env['npm_lifecycle_event'] !== undefined
    const timer = setInterval(() => {
      if (isRunByNpm && process.ppid !== parent) end()
    }, PARENT_INTERVAL_MS)
    timer.unref()
    const end = (): void => {
      clearInterval(timer)
      process.off('SIGINT', end)
      process.off('SIGTERM', end)
      resolve()
    }
    process.on('SIGINT', end)
    process.on('SIGTERM', end)
  })
}
