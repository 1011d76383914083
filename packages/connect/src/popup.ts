/** A popup that comes back with a result. */
import { ATTEMPT_KEY, CHANNEL, type ConnectResult, parseMessage } from './result.ts'

/** How often it is looked whether the popup is still there, in milliseconds. */
const CLOSED_POLL_MS = 500
/** A link is good for 15 minutes, and the login after it for 10. */
const LISTEN_MS_MAX = 25 * 60_000

export interface Attempt {
  readonly popup: Window
  /** Sends the popup to the hub. */
  go(url: string): void
  /** Gives up; nothing is reported any more. */
  cancel(): void
}

export interface AttemptHandlers {
  /** Origin of the page that the hub sends the browser back to. */
  readonly returnOrigin: string
  readonly onResult: (result: ConnectResult) => void
  /**
   * The popup was closed, or cut off from this page by a provider: a result may still come.
   */
  readonly onClosed: () => void
}

/**
 * Opens the popup at once, as browsers want it after a click; it shows nothing until {@link Attempt.go}.
 *
 * @returns Undefined when the browser does not allow it.
 */
export function openAttempt(handlers: AttemptHandlers): Attempt | undefined {
  const id = crypto.randomUUID()
  const popup = openNamed(id)
  if (popup === null) return undefined
  const listening = new AbortController()
  const channel = new BroadcastChannel(CHANNEL)
  const stop = (): void => {
    listening.abort()
    channel.close()
    clearInterval(poll)
    clearTimeout(end)
  }
  const take = (data: unknown, isFromPopup: boolean): void => {
    const message = parseMessage(data)
    if (message === undefined) return
    if (!isFromPopup && message.attempt !== id) return
    stop()
    handlers.onResult(message.result)
  }
  addEventListener(
    'message',
    (event) => {
      if (event.origin !== handlers.returnOrigin) return
      take(event.data, event.source === popup)
    },
    { signal: listening.signal },
  )
  channel.addEventListener('message', (event) => take(event.data, false))
  const poll = setInterval(() => {
    if (!popup.closed) return
    clearInterval(poll)
    handlers.onClosed()
  }, CLOSED_POLL_MS)
  const end = setTimeout(stop, LISTEN_MS_MAX)
  return {
    popup,
    go: (url) => {
      popup.location.href = url
    },
    cancel: () => {
      stop()
      popup.close()
    },
  }
}

/** A popup inherits the session storage of the page that opens it, and keeps its copy. */
function openNamed(id: string): Window | null {
  try {
    sessionStorage.setItem(ATTEMPT_KEY, id)
  } catch {
    // Storage is switched off: the tie to the opener has to do.
    return open()
  }
  try {
    return open()
  } finally {
    sessionStorage.removeItem(ATTEMPT_KEY)
  }
}

function open(): Window | null {
  const [width, height] = [480, 760]
  const left = Math.max(0, Math.round(screenX + (outerWidth - width) / 2))
  const top = Math.max(0, Math.round(screenY + (outerHeight - height) / 2))
  return window.open('', '', `popup,width=${width},height=${height},left=${left},top=${top}`)
}
