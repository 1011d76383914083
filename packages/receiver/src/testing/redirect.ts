import { signRedirect } from '../redirect.ts'

/** What a person comes back with; see {@link redirectBack}. */
export interface RedirectBackOptions {
  /** The environment's redirect secret; without it the address is not signed, as Terra's are. */
  secret?: string
  /** The new connection; absent when the flow failed, or has to be confirmed. */
  userId?: string
  /** The app's own name for the end user; `tony_stark` by default, `null` for none. */
  referenceId?: string | null
  /** The provider; `GARMIN` by default. */
  resource?: string
  /** Why the flow failed. */
  reason?: string
  /** What has to be confirmed. */
  confirmCode?: string
  /** Until when a signature holds, epoch milliseconds; in ten minutes by default. */
  expiresAtMs?: number
}

const VALID_MS = 600_000

/** The address that a person's browser comes back to after the connect flow: the app's own, with what the flow appends. */
export async function redirectBack(
  appUrl: string | URL,
  options: RedirectBackOptions = {},
): Promise<string> {
  const { secret, referenceId = 'tony_stark', resource = 'GARMIN' } = options
  const url = new URL(appUrl)
  const parameters = {
    user_id: options.userId,
    reference_id: referenceId,
    resource,
    reason: options.reason,
    confirm_code: options.confirmCode,
  }
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null) url.searchParams.append(name, value)
  }
  if (secret === undefined) return url.href
  const expSeconds = Math.floor((options.expiresAtMs ?? Date.now() + VALID_MS) / 1_000)
  const signature = await signRedirect(parameters, secret, expSeconds)
  for (const [name, value] of Object.entries(signature)) url.searchParams.append(name, value)
  return url.href
}
