/** What the connect flow puts into the address that the browser comes back to. */
import { isEqualConstantTime, fromHex, toBytes, toHex, type Hmac } from './bytes.ts'

/** Parameters of a redirect, as their wire names; absent ones are left out. */
export interface RedirectParameters {
  /** The new connection; absent when the flow failed early. */
  user_id?: string | null | undefined
  /** The app's own name for the end user. */
  reference_id?: string | null | undefined
  /** The provider, for example `GARMIN`. */
  resource?: string | null | undefined
  /** Why a flow failed; an open list. */
  reason?: string | null | undefined
  /** What the app has to confirm with; there is no connection before. */
  confirm_code?: string | null | undefined
}

/** A redirect's two signature parameters, ready to be appended. */
export interface RedirectSignature {
  /** Unix seconds until which the signature holds. */
  firma_exp: string
  /** Lower-case hex HMAC-SHA256 over {@link toCanonicalRedirect}. */
  firma_sig: string
}

/** Names that are signed, sorted. */
const SIGNED_NAMES = [
  'confirm_code',
  'firma_exp',
  'reason',
  'reference_id',
  'resource',
  'user_id',
] as const

/** A half of a character: encodeURIComponent would throw for it, and an address carries U+FFFD in its place. */
const LONE_SURROGATE = /\p{Surrogate}/gu

/** The text that is signed: the parameters that are present, sorted by name, `name=encodeURIComponent(value)`, joined by `&`. */
function toCanonicalRedirect(values: ReadonlyMap<string, string>): string {
  const parts: string[] = []
  for (const name of SIGNED_NAMES) {
    const value = values.get(name)
    if (value !== undefined)
      parts.push(`${name}=${encodeURIComponent(value.replaceAll(LONE_SURROGATE, '\uFFFD'))}`)
  }
  return parts.join('&')
}

/** Signs the parameters that are neither `null` nor `undefined`. */
export async function signRedirectWith(
  hmac: Hmac,
  parameters: RedirectParameters,
  secret: string,
  expSeconds: number,
): Promise<RedirectSignature> {
  const firmaExp = String(expSeconds)
  const values = new Map<string, string>([['firma_exp', firmaExp]])
  for (const name of SIGNED_NAMES) {
    const value = name === 'firma_exp' ? undefined : parameters[name]
    if (value !== undefined && value !== null) values.set(name, value)
  }
  const hash = await hmac(toBytes(secret), toBytes(toCanonicalRedirect(values)))
  return { firma_exp: firmaExp, firma_sig: toHex(hash) }
}

/** Whether `firma_sig` is right for the other parameters; the expiry is the caller's to judge. */
export async function isRedirectGenuine(
  hmac: Hmac,
  values: ReadonlyMap<string, string>,
  secret: string,
): Promise<boolean> {
  const given = fromHex(values.get('firma_sig') ?? '')
  if (given === undefined) return false
  return isEqualConstantTime(
    await hmac(toBytes(secret), toBytes(toCanonicalRedirect(values))),
    given,
  )
}
