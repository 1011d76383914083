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
export { createReceiver } from './receiver.ts'
export type {
  EventPage,
  ListEventsOptions,
  LookupOptions,
  PruneOptions,
  ReceiveInput,
  ReceiveOutcome,
  Receiver,
  ReceiverOptions,
  ReferenceLookupOptions,
} from './receiver-api.ts'
export { ReceiverError } from './receiver-error.ts'
export type { ReceiverErrorReason } from './receiver-error.ts'
export type { RequestHeaders } from './request-headers.ts'
export type { EventContext, HandlerOrder, OnEvent } from './dispatcher.ts'
export type { RetryOptions } from './retry.ts'
export type { StartOptions, Timers } from './retry-loop.ts'
export type { EnvironmentConnection } from './inbox.ts'
export { memoryStore } from './stores/memory.ts'
export type {
  AppTransactions,
  DueClaim,
  EventFilter,
  ExpectedReads,
  GroupFilter,
  GroupMember,
  HandlerState,
  HandlerUpdate,
  HandlingEvent,
  InboxEvent,
  NewInboxEvent,
  PruneFilter,
  ReceiverStore,
  SqlExecutor,
  StoredUser,
  StoreTransaction,
  TransactionOptions,
  UnparkedUser,
} from './store.ts'
export { findEventUserId, parseEvent } from './core/event.ts'
export type {
  AuthEvent,
  AuthFailedEvent,
  DataEvent,
  Event,
  EventKind,
  EventUser,
  OperationalEvent,
  PermissionChangeEvent,
  UnknownEvent,
  UserReauthEvent,
} from './core/event.ts'
export { EventError } from './core/event-error.ts'
export type { EventErrorReason } from './core/event-error.ts'
export type { JsonObject } from './core/json-fields.ts'
export type { AliasEdge } from './core/facts.ts'
export type { Connection } from './core/fold.ts'
export type {
  ConnectionStatus,
  Mark,
  MarkName,
  ScopeChange,
  Stamped,
  StatusDecision,
  UserRecord,
} from './core/user-record.ts'
