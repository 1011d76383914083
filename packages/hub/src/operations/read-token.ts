import { FirmaError } from '../errors.ts'
import type { TokenSet } from '../oauth/types.ts'
import type { Environment } from '../store/environments.ts'
import { getUser } from './find-user.ts'
import { getAccess, getTokens } from './proxy-call.ts'
import type { RefreshDeps } from './stored-tokens.ts'
import { writeAudit } from './write-audit.ts'

/**
 * Hands a fresh access token to the app. The refresh token never leaves the hub: whoever used it there
 * would end the connection here.
 *
 * @throws FirmaError `forbidden` where the environment does not allow it; `user_not_found`;
 *   `connection_broken`; `provider_unavailable`.
 */
export async function readToken(
  deps: RefreshDeps,
  environment: Environment,
  { userId, actor }: { readonly userId: string; readonly actor: string },
): Promise<{ provider: string; tokenSet: TokenSet }> {
  if (environment.settings.tokenAccess !== 'allowed') {
    throw new FirmaError(
      'forbidden',
      'this environment keeps tokens in the hub: call the provider through /v2/proxy/{user_id}/…, or set token_access to "allowed"',
    )
  }
  const connection = await getUser(deps, environment, userId)
  const access = await getAccess(deps, environment, connection)
  const { tokenSet } = await getTokens(deps, connection, access)
  // Before it is handed out: nobody reads a token without a trace.
  await deps.store.transaction(
    async (tx) =>
      await writeAudit(deps, tx, {
        environmentId: environment.id,
        actor,
        action: 'token.read',
        subject: userId,
        detail: { provider: connection.state.user.provider },
      }),
  )
  return { provider: connection.state.user.provider, tokenSet }
}
