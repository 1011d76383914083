/**
 * Resolves in a later turn of the event loop, after what waits to be read or written. Work in many parts needs it between them: over a database that answers
 * at once, a loop that only awaits would keep everything else from happening. Where there is no `setImmediate`, nothing answers at once.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    try {
      setImmediate(resolve)
    } catch {
      // Not there; or, in the Edge runtime of Next.js, there and not to be called.
      resolve()
    }
  })
}
