/**
 * Waits for a moment where `FIRMA_JITTER` asks for it.
 *
 * @param share Of the times it is called, from 0 to 1; else it does not wait at all.
 */
export function pause(share: number): Promise<void>

/** From now on nothing waits: where turns of the event loop are counted, a delay would be another run. */
export function stopDelays(): void
