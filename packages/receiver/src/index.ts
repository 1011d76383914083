/**
 * Entry `firma-receiver`: proves that authentication events are genuine and keeps whose connection a `user_id` is.
 *
 * @packageDocumentation
 */
export { VerificationError } from './core/verification-error.ts'
export type { VerificationErrorReason } from './core/verification-error.ts'
export type { Hmac } from './core/bytes.ts'
export { parseTerraSignature, TOLERANCE_SECONDS, verifySignature } from './core/signature.ts'
export type {
  SignatureHeaders,
  SigningSecret,
  SignStandardWebhooksInput,
  SignTerraInput,
  TerraSignature,
  Tolerance,
  VerifiedSignature,
  VerifySignatureInput,
} from './core/signature.ts'
export { signStandardWebhooks, signTerra } from './sign.ts'
export { parseRedirect, signRedirect, verifyRedirect } from './redirect.ts'
export type { RedirectHint, VerifyRedirectOptions } from './redirect.ts'
export type { RedirectParameters, RedirectSignature } from './core/redirect-parameters.ts'
