/**
 * The browser comes back from the connect flow with parameters in the address. Anybody can type such an address, so they are
 * a hint, never a proof: a connection exists when a signed event says so, or when the redirect itself is signed.
 */
import {
  isRedirectGenuine,
  signRedirectWith,
  type RedirectParameters,
  type RedirectSignature,
} from './core/redirect-parameters.ts'
import { VerificationError } from './core/verification-error.ts'
import { checkAddress } from './check-options.ts'
import { hmacSha256 } from './crypto.ts'

/** What an address says about a connect flow. Unproved: confirm it with `receiver.resolve(userId)` before using it. */
export interface RedirectHint {
  /** The connection's `user_id`; `undefined` when the flow failed, or for providers that connect in the app. */
  userId: string | undefined
  /** The app's own name for the end user. Never trust it over your own session. */
  referenceId: string | undefined
  /** The provider, for example `GARMIN`. */
  resource: string | undefined
  /** Why the flow failed; `undefined` after a success. An open list. */
  reason: string | undefined
  /** Where the hub asks the app who came back: what to confirm it with. Nothing is connected before, and there is no `userId`. */
  confirmCode: string | undefined
}

/** Settings of {@link verifyRedirect}. */
export interface VerifyRedirectOptions {
  /** Our time in epoch milliseconds; `Date.now` by default. */
  clock?: () => number
}

/** Reads the parameters of a redirect address; a path with a query, as servers hand it out, will do. */
export function parseRedirect(url: string | URL): RedirectHint {
  return toHint(readQuery(url))
}

/**
 * Reads the parameters of a redirect address that the hub signed (`firma_sig`, `firma_exp`).
 *
 * What it returns was said by the hub. Read the values from the result, not from the address.
 *
 * @throws VerificationError `secret_missing`, `header_missing` (not signed), `signature_mismatch` or `timestamp_too_old`.
 */
export async function verifyRedirect(
  url: string | URL,
  secret: string,
  options?: VerifyRedirectOptions,
): Promise<RedirectHint> {
  checkSecret(secret)
  const values = readQuery(url)
  const expires = values.get('firma_exp')
  if (expires === undefined || !values.has('firma_sig')) {
    throw new VerificationError(
      'header_missing',
      'the address has no firma_sig and firma_exp; it was not made by a hub that signs redirects',
    )
  }
  if (!(await isRedirectGenuine(hmacSha256, values, secret))) {
    throw new VerificationError(
      'signature_mismatch',
      'firma_sig does not match the parameters; the address was changed, or the secret belongs to another environment',
    )
  }
  const nowSeconds = Math.floor((options?.clock ?? Date.now)() / 1_000)
  // Not "expires < now": what is no number must fail as well.
  if (!(Number(expires) >= nowSeconds)) {
    throw new VerificationError(
      'timestamp_too_old',
      `the address was good until ${expires} and it is ${nowSeconds} (unix seconds); start the flow again`,
    )
  }
  return toHint(values)
}

/**
 * Signs the parameters of a redirect, for the side that makes them.
 *
 * @param parameters Every one of these names that will stand in the final address, also when the app's own address brought it.
 * @param secret Shared with {@link verifyRedirect}.
 * @param expSeconds Unix seconds until which the address is good.
 * @returns The two parameters to append.
 * @throws VerificationError `secret_missing`; RangeError when `expSeconds` is no whole number.
 */
export async function signRedirect(
  parameters: RedirectParameters,
  secret: string,
  expSeconds: number,
): Promise<RedirectSignature> {
  checkSecret(secret)
  if (!Number.isSafeInteger(expSeconds)) {
    throw new RangeError(`expSeconds must be a whole number of unix seconds, found ${expSeconds}`)
  }
  return signRedirectWith(hmacSha256, parameters, secret, expSeconds)
}

function checkSecret(secret: string): void {
  if (typeof secret === 'string' && secret !== '') return
  throw new VerificationError(
    'secret_missing',
    'the redirect secret is empty; is its environment variable set?',
  )
}

function readQuery(url: string | URL): Map<string, string> {
  checkAddress(url)
  // The base serves addresses without a host; a deep link or a full address ignores it.
  const { searchParams } = new URL(url, 'http://localhost')
  // A name may stand there twice when the app's own address had it already: the flow appends, so the last one is the flow's.
  return new Map(searchParams)
}

function toHint(values: ReadonlyMap<string, string>): RedirectHint {
  const userId = values.get('user_id') ?? ''
  return {
    // Providers that connect inside the app have no user yet, and Terra then writes one of these words.
    userId: ['', 'null', 'None', 'undefined'].includes(userId) ? undefined : userId,
    referenceId: values.get('reference_id') || undefined,
    resource: values.get('resource') || undefined,
    reason: values.get('reason') || undefined,
    confirmCode: values.get('confirm_code') || undefined,
  }
}
