import {
  signStandardWebhooksWith,
  signTerraWith,
  type SignStandardWebhooksInput,
  type SignTerraInput,
} from './core/signature.ts'
import { hmacSha256 } from './crypto.ts'

/**
 * Makes the value of `X-Terra-Signature`: `t=<unix seconds>,v1=<hex HMAC-SHA256 of "t.body">`, one `v1` per secret.
 *
 * @throws VerificationError `secret_missing`; RangeError for a time that is no whole number of seconds.
 */
export async function signTerra(input: SignTerraInput): Promise<string> {
  return signTerraWith(hmacSha256, input)
}

/**
 * Makes the value of `webhook-signature` (Standard Webhooks): `v1,<base64 HMAC-SHA256 of "id.timestamp.body">`, one per secret.
 *
 * @throws VerificationError `secret_missing`; RangeError for a bad time or an id with a full stop.
 */
export async function signStandardWebhooks(input: SignStandardWebhooksInput): Promise<string> {
  return signStandardWebhooksWith(hmacSha256, input)
}
