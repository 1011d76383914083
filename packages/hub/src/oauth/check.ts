import type { ClockDep, FetchDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { callApi, holdsMarker, readJson } from './call.ts'
import { PROVIDER_TIMEOUT_MS, type ProviderCall, type TokenSet } from './types.ts'

/** Whether a grant lives. `unknown`: no verdict; ask again, or refresh the token set and then ask. */
export type GrantCheck = 'alive' | 'gone' | 'unknown'

/**
 * Asks the provider whether a grant still lives, so that a notice nobody signed cannot disconnect
 * anyone.
 *
 * @returns `unknown` without asking when the access token has expired: its refusal would prove nothing.
 */
export async function checkGrant(
  deps: FetchDep & ClockDep,
  options: ProviderCall & {
    readonly tokenSet: TokenSet
    readonly providerAccountId?: string | undefined
  },
): Promise<GrantCheck> {
  const { provider, tokenSet } = options
  if (tokenSet.expiresAtMs !== undefined && tokenSet.expiresAtMs <= deps.clock.nowMs()) {
    return 'unknown'
  }
  switch (provider.liveness.kind) {
    case 'unsupported':
      return 'unknown'
    case 'request': {
      const { request, goneStatuses, gone } = provider.liveness
      const signal = AbortSignal.timeout(options.timeoutMs ?? PROVIDER_TIMEOUT_MS)
      const context = { what: `grant check of ${provider.resource}`, signal }
      try {
        const response = await callApi(deps, context, request, options)
        // Before the status: some say "gone" inside a 200, beside what else they call a failure.
        if (gone !== undefined && holdsMarker(gone, await readJson(response, 'any')) === true) {
          return 'gone'
        }
        if (response.ok) return 'alive'
        return goneStatuses.includes(response.status) ? 'gone' : 'unknown'
      } catch (error) {
        // No answer is no verdict.
        if (error instanceof FirmaError) return 'unknown'
        throw error
      }
    }
  }
}
