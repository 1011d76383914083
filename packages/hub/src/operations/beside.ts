/**
 * Runs each beside the others. Where one fails the others are waited for all the same: whoever closes must know that nothing
 * is under way, and a next turn must not meet what is left of this one.
 *
 * @throws What the first of them has failed with.
 */
export async function beside<T>(
  items: readonly T[],
  run: (item: T) => Promise<void>,
): Promise<void> {
  const ends = await Promise.allSettled(items.map(run))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}
