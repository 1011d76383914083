/**
 * Entry `firma-receiver/testing`: signed requests for every event type and for whole stories, to test an app's own handler with.
 *
 * @packageDocumentation
 */
export {
  accessRevoked,
  athlete,
  auth,
  authCancelled,
  authError,
  connectionError,
  connectionRecovered,
  data,
  deauth,
  EXAMPLE_USER_ID,
  googleNoDatasource,
  healthcheck,
  largeRequestProcessing,
  largeRequestSending,
  permissionChange,
  rateLimitHit,
  s3Payload,
  unknownType,
  userReauth,
  wireUser,
} from './testing/events.ts'
export type {
  DataOptions,
  FailureOptions,
  LargeRequestOptions,
  PermissionOptions,
  ReauthOptions,
  UserOptions,
  WireEvent,
  WireUser,
} from './testing/events.ts'
export { redirectBack } from './testing/redirect.ts'
export type { RedirectBackOptions } from './testing/redirect.ts'
export { forgeries, signedRequest, signedRequests } from './testing/signed-request.ts'
export type {
  Forgery,
  ForgeryReason,
  SignedRequest,
  SignedRequestOptions,
} from './testing/signed-request.ts'
export { stories } from './testing/stories.ts'
export type { Story, StoryOptions } from './testing/stories.ts'
export { duplicate, shuffle } from './testing/disorder.ts'
