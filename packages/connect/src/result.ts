/** What a browser comes back with from the hub, read from the address of the app's own page. */

/**
 * The end of an attempt to connect, as an address told it. Addresses are typed by browsers: show it, and
 * let the back end wait for the signed event before it believes it.
 */
export interface ConnectResult {
  /** `unconfirmed`: it is connected when the back end has confirmed it, with `confirmCode`. */
  readonly outcome: 'connected' | 'unconfirmed' | 'failed'
  /** The new connection; null when it failed, or has to be confirmed. */
  readonly userId: string | null
  /** The app's own name for the person; null where the link was made without one. */
  readonly referenceId: string | null
  /** The provider, upper case; null when none was chosen. */
  readonly resource: string | null
  /** Why it failed, for example `access_denied`; null when it did not. */
  readonly reason: string | null
  /** For the back end to confirm with; null where nobody has to. */
  readonly confirmCode: string | null
  /** All parameters as they came, for the back end to check the signature of. */
  readonly parameters: Readonly<Record<string, string>>
}

/** From the page on which the browser came back to the page that sent it off. */
export interface ReturnMessage {
  readonly type: typeof MESSAGE_TYPE
  /** Which attempt it was; null when the browser has lost it on the way. */
  readonly attempt: string | null
  readonly result: ConnectResult
}

export const MESSAGE_TYPE = 'firma-connect-return'
/** Same-origin only, by what it is: for browsers that cut the popup's tie to its opener. */
export const CHANNEL = 'firma-connect'
/** Where a popup inherits the name of its attempt, from the page that opened it. */
export const ATTEMPT_KEY = 'firma-connect-attempt'

/**
 * Reads the address that a flow ended at.
 *
 * @param search The address's query, for example `location.search`.
 * @returns Undefined for an address that no flow has ended at.
 */
export function readResult(search: string): ConnectResult | undefined {
  const parameters = Object.fromEntries(new URLSearchParams(search))
  const userId = parameters['user_id'] ?? null
  const reason = parameters['reason'] ?? null
  const confirmCode = parameters['confirm_code'] ?? null
  if (userId === null && reason === null && confirmCode === null) return undefined
  return {
    outcome: reason !== null ? 'failed' : confirmCode === null ? 'connected' : 'unconfirmed',
    userId: reason === null && confirmCode === null ? userId : null,
    referenceId: parameters['reference_id'] ?? null,
    resource: parameters['resource'] ?? null,
    reason,
    confirmCode: reason === null ? confirmCode : null,
    parameters,
  }
}

/** @returns The message, or undefined for whatever else pages send each other. */
export function parseMessage(data: unknown): ReturnMessage | undefined {
  if (!isRecord(data) || data['type'] !== MESSAGE_TYPE || !isRecord(data['result'])) {
    return undefined
  }
  const { attempt } = data
  const { parameters } = data['result']
  if (!isRecord(parameters) || (attempt !== null && typeof attempt !== 'string')) return undefined
  const entries = Object.entries(parameters)
  if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    return undefined
  }
  // Read again from the parameters: one reading, whoever sent it.
  const result = readResult(new URLSearchParams(entries).toString())
  return result === undefined ? undefined : { type: MESSAGE_TYPE, attempt, result }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
