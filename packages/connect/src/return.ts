/** For the app's page that the hub sends the browser back to. */
import {
  ATTEMPT_KEY,
  CHANNEL,
  type ConnectResult,
  MESSAGE_TYPE,
  type ReturnMessage,
  readResult,
} from './result.ts'

/** How {@link reportReturn} tells it. */
export interface ReportOptions {
  /** Origin of the page with the button. Default: this page's own. Never a wildcard. */
  readonly openerOrigin?: string
  /** Whether a popup closes itself when it has told its opener. Default true. */
  readonly isClosing?: boolean
}

/**
 * Tells the page that opened this popup how it ended, and closes the popup. In a page that is no popup
 * it only reads the result.
 *
 * @returns The result; undefined when this address is not the end of a flow.
 */
export function reportReturn(options: ReportOptions = {}): ConnectResult | undefined {
  const result = readResult(location.search)
  if (result === undefined) return undefined
  const attempt = takeAttempt()
  const message: ReturnMessage = { type: MESSAGE_TYPE, attempt, result }
  const opener = window.opener as Window | null
  if (opener !== null) opener.postMessage(message, options.openerOrigin ?? location.origin)
  // A provider's page may have cut the tie to the opener (Cross-Origin-Opener-Policy).
  if (attempt !== null) {
    const channel = new BroadcastChannel(CHANNEL)
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel reaches its own origin only.
    channel.postMessage(message)
    channel.close()
  }
  const isPopup = opener !== null || attempt !== null
  if (isPopup && options.isClosing !== false) window.close()
  return result
}

function takeAttempt(): string | null {
  try {
    const attempt = sessionStorage.getItem(ATTEMPT_KEY)
    sessionStorage.removeItem(ATTEMPT_KEY)
    return attempt
  } catch {
    // Storage is switched off: the tie to the opener has to do.
    return null
  }
}
