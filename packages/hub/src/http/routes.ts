/** Every route of the API. A new one is a line here; tests walk this list. */
import type { AnyRoute } from './route.ts'
import { listAudit } from './routes/audit/list-audit.ts'
import { verifyAuditRoute } from './routes/audit/verify-audit.ts'
import { authenticateUser } from './routes/auth/authenticate-user.ts'
import { confirmConnectionRoute } from './routes/auth/confirm-connection.ts'
import { deauthenticateUser } from './routes/auth/deauthenticate-user.ts'
import { createAuthToken, generateAuthToken } from './routes/auth/generate-auth-token.ts'
import { redeemToken } from './routes/auth/redeem-token.ts'
import { describeIntegrations } from './routes/integrations/describe-integrations.ts'
import { listIntegrations } from './routes/integrations/list-integrations.ts'
import { bulkUserInfo } from './routes/users/bulk-user-info.ts'
import { changeUser } from './routes/users/change-user.ts'
import { generateWidgetSession } from './routes/auth/generate-widget-session.ts'
import { changeEnvironmentRoute } from './routes/environments/change-environment.ts'
import { createEnvironmentRoute } from './routes/environments/create-environment.ts'
import { getEnvironment } from './routes/environments/get-environment.ts'
import { createKey, deleteKey, listKeys, rotateKey } from './routes/keys/keys.ts'
import {
  deleteProvider,
  getProvider,
  listProviders,
  putProvider,
} from './routes/providers/providers.ts'
import { getRedirects, putRedirects } from './routes/redirects/redirects.ts'
import { disconnectUsers, getJobRoute } from './routes/admin-users/disconnect-users.ts'
import { erasePersonRoute } from './routes/admin-users/erase-person.ts'
import { deleteUser, getUserRoute, listUsers } from './routes/admin-users/users.ts'
import { listDeliveries } from './routes/deliveries/list-deliveries.ts'
import { addSecret } from './routes/destinations/add-secret.ts'
import { createDestination } from './routes/destinations/create-destination.ts'
import { deleteDestinationRoute } from './routes/destinations/delete-destination.ts'
import { disableDestinationRoute } from './routes/destinations/disable-destination.ts'
import { enableDestinationRoute } from './routes/destinations/enable-destination.ts'
import { getDestinationRoute } from './routes/destinations/get-destination.ts'
import { listDestinations } from './routes/destinations/list-destinations.ts'
import { listPublicKeys } from './routes/destinations/list-public-keys.ts'
import { testDestination } from './routes/destinations/test-destination.ts'
import { updateDestinationRoute } from './routes/destinations/update-destination.ts'
import { getEncryption, rotateEncryptionRoute } from './routes/encryption/encryption.ts'
import { listEnvironments } from './routes/environments/list-environments.ts'
import { generateEvent, listExamples } from './routes/events/generate-event.ts'
import { getEventRoute } from './routes/events/get-event.ts'
import { listEventsRoute } from './routes/events/list-events.ts'
import { listNoticesRoute } from './routes/notices/list-notices.ts'
import { pullEventsRoute } from './routes/events/pull-events.ts'
import {
  cancelResend,
  createResend,
  getResendRoute,
  listResends,
  pauseResend,
  previewResendRoute,
  resendEvent,
  resumeResend,
} from './routes/resends/resends.ts'
import {
  endMove,
  getMoveRoute,
  listMoveUsers,
  listMoves,
  makeLinks,
  pauseMove,
  resumeMove,
  retryMove,
  startMoveRoute,
} from './routes/moves/moves.ts'
import { checkLedgerRoute } from './routes/ledger/check-ledger.ts'
import { closeSession } from './routes/operator/close-session.ts'
import { getSession } from './routes/operator/get-session.ts'
import { getSetup } from './routes/operator/get-setup.ts'
import { openSession } from './routes/operator/open-session.ts'
import { setUp } from './routes/operator/set-up.ts'
import { listRevocations } from './routes/revocations/list-revocations.ts'
import { explainUser } from './routes/users/explain-user.ts'
import { getStats } from './routes/stats/get-stats.ts'
import { getUserInfo } from './routes/users/get-user-info.ts'
import { getUserToken } from './routes/users/get-user-token.ts'
import { listSubscriptions } from './routes/users/list-subscriptions.ts'

/** In the order in which they are tried: a fixed path comes before one with a parameter in its place. */
export const ROUTES: readonly AnyRoute[] = [
  generateWidgetSession,
  authenticateUser,
  confirmConnectionRoute,
  generateAuthToken,
  createAuthToken,
  redeemToken,
  deauthenticateUser,
  getUserInfo,
  listSubscriptions,
  bulkUserInfo,
  changeUser,
  getUserToken,
  explainUser,
  listRevocations,
  getEncryption,
  rotateEncryptionRoute,
  listIntegrations,
  describeIntegrations,
  listEventsRoute,
  listNoticesRoute,
  generateEvent,
  listExamples,
  pullEventsRoute,
  getEventRoute,
  listDeliveries,
  listDestinations,
  createDestination,
  getDestinationRoute,
  updateDestinationRoute,
  deleteDestinationRoute,
  enableDestinationRoute,
  disableDestinationRoute,
  addSecret,
  testDestination,
  listPublicKeys,
  checkLedgerRoute,
  resendEvent,
  listResends,
  createResend,
  previewResendRoute,
  getResendRoute,
  pauseResend,
  resumeResend,
  cancelResend,
  listEnvironments,
  createEnvironmentRoute,
  getEnvironment,
  changeEnvironmentRoute,
  listKeys,
  createKey,
  deleteKey,
  rotateKey,
  listProviders,
  getProvider,
  putProvider,
  deleteProvider,
  getRedirects,
  putRedirects,
  listUsers,
  disconnectUsers,
  getUserRoute,
  deleteUser,
  erasePersonRoute,
  getJobRoute,
  listMoves,
  startMoveRoute,
  getMoveRoute,
  listMoveUsers,
  makeLinks,
  pauseMove,
  resumeMove,
  endMove,
  retryMove,
  listAudit,
  verifyAuditRoute,
  getStats,
  getSetup,
  setUp,
  openSession,
  getSession,
  closeSession,
]
