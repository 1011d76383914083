/** How many turns of the event loop others get until something is done. */
export async function countTurns(done: Promise<unknown>): Promise<number> {
  let turns = 0
  const count = (): void => {
    turns += 1
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  await done.finally(() => clearImmediate(next))
  return turns
}
