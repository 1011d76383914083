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
export type { ErrorContext, OnError } from './report-error.ts'
export type { OnRefused, Refusal } from './report-refusal.ts'
export type { RequestHeaders } from './request-headers.ts'
export type { EventContext, HandlerOrder, OnEvent } from './dispatcher.ts'
export type { RetryOptions } from './retry.ts'
export { hostTimers, type StartOptions, type Timers } from './retry-loop.ts'
export type { ConnectionName, ReceiverExtras } from './receiver-extras.ts'
export { OBSERVATION_MARGIN_MS } from './reconcile.ts'
export type { MissingConnection, ReconcileOptions, ReconcileReport } from './reconcile.ts'
export type { RecoverGap, RecoverOptions, RecoverReport } from './recover.ts'
export type {
  ReconcileScheduleOptions,
  RecoverScheduleOptions,
  RepairSchedule,
  RepairScheduleOptions,
} from './repair-schedule.ts'
export type { ApiFailure, ApiOptions } from './api-client.ts'
export type { ConfirmRedirectOptions, RedirectConfirmation } from './confirm-redirect.ts'
export type { ChangeCause, ChangeListener, ChangesOptions, ConnectionChange } from './changes.ts'
export type { Explanation, TimelineEntry } from './explain.ts'
export type { Advice, AdviceCode } from './core/advice.ts'
export { toData } from './core/data.ts'
export type { DataEnvelope } from './core/data.ts'
export { fetchPayload } from './payload.ts'
export type { FetchPayloadOptions, Payload, PayloadGuard } from './payload.ts'
export type { EraseReport } from './erase.ts'
export { toErasedId } from './erasure.ts'
export type { EnvironmentConnection } from './connections.ts'
export { memoryStore } from './stores/memory.ts'
export type {
  AppTransactions,
  DueClaim,
  EventFilter,
  ExpectedReads,
  EventRedaction,
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
  UserFilter,
  WaitingState,
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
