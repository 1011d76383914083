/**
 * Waits for a moment where `FIRMA_JITTER` asks for it.
 *
 * @param share Of the times it is called, from 0 to 1; else it does not wait at all.
 */
export function pause(share: number): Promise<void>
