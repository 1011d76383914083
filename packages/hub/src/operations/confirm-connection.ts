/**
 * The second phase of connecting: the app's back end says, in the session of its own user, that it was
 * them who came back from the provider. Only then anything is connected.
 */
import { CONFIRMATION_LIFETIME_MS, judgeConfirmation } from '../core/flow.ts'
import { FirmaError, assert } from '../errors.ts'
import type { Redacted } from '../secret.ts'
import { digest } from '../secret.ts'
import type { Connection } from '../store/connections.ts'
import type { Environment } from '../store/environments.ts'
import type { Flow } from '../store/flows.ts'
import type { HeldGrant } from '../store/held-grants.ts'
import { type ConnectDeps, type HeldContent, connectAccount } from './connect-account.ts'
import { failFlow } from './end-flow.ts'
import { getUser } from './find-user.ts'
import type { LinksDep } from './links.ts'
import { findProviderAccess } from './provider-access.ts'

/** Who confirms what. */
export interface Confirmation {
  readonly confirmCode: string
  /** The app's own name for the person who is logged in to it. */
  readonly referenceId: string
  /** For the audit log. */
  readonly actor: string
}

/**
 * Connects what was held for a code, once. When the person who came back is not the one whom the link was
 * made for, the flow fails and the grant goes back to the provider.
 *
 * @returns The new connection.
 * @throws FirmaError `confirm_code_unknown`, `confirm_code_used`, `confirm_code_expired`, `other_end_user`,
 *   `connection_refused` when the account may not be connected any more.
 */
export async function confirmConnection(
  deps: ConnectDeps & LinksDep,
  environment: Environment,
  { confirmCode, referenceId, actor }: Confirmation,
): Promise<Connection> {
  const held = await deps.store.heldGrants.findByCode(environment.id, digest(confirmCode))
  if (held === undefined) {
    throw new FirmaError(
      'confirm_code_unknown',
      'no connection waits for this confirm_code; take it from the address that the person came back with, as it is',
    )
  }
  const flow = await deps.store.flows.find(held.flowId)
  assert(flow !== undefined, 'what is held belongs to a flow')
  const facts = {
    status: flow.status,
    expiresAtMs: held.expiresAtMs,
    referenceId: flow.referenceId,
    confirmedBy: referenceId,
  }
  const verdict = judgeConfirmation(facts, deps.clock.nowMs())
  switch (verdict) {
    case 'confirmed':
      await carryOut(deps, environment, { flow, held, actor })
      return await getUser(deps, environment, flow.reservedUserId)
    case 'used':
      throw used()
    case 'expired':
      await failFlow(deps, environment, flow, { reason: 'not_confirmed' })
      throw expired()
    case 'other_end_user':
      await failFlow(deps, environment, flow, { reason: verdict })
      throw new FirmaError(
        'other_end_user',
        'the link was made for another reference_id than the one that confirms; nothing was connected, and the grant is given back to the provider',
      )
  }
}

async function carryOut(
  deps: ConnectDeps & LinksDep,
  environment: Environment,
  confirmed: { readonly flow: Flow; readonly held: HeldGrant; readonly actor: string },
): Promise<void> {
  const { flow, held, actor } = confirmed
  const access = await findProviderAccess(deps, environment.id, flow.provider)
  // Ended by another request since it was judged.
  if (held.grantJson === null) throw expired()
  if (access === undefined) {
    await failFlow(deps, environment, flow, { reason: 'client_misconfigured' })
    throw refused('the environment no longer has this provider')
  }
  const { tokenSet, scopes, accountLabel = null } = readHeld(held.grantJson)
  const { providerAccountId } = held
  const granted = { tokenSet, scopes, accountLabel, providerAccountId }
  const outcome = await connectAccount(deps, { environment, flow, access }, granted, actor)
  if (outcome !== 'failed') return
  const after = await deps.store.flows.find(flow.id)
  if (after?.status === 'succeeded') throw used()
  if (after?.reason === 'not_confirmed') throw expired()
  throw refused(`the attempt ended with the reason "${after?.reason ?? 'unknown'}"`)
}

/** Reads what is held. */
export function readHeld(json: Redacted<string>): HeldContent {
  // Written by us from a HeldContent.
  return JSON.parse(json.reveal()) as HeldContent
}

function used(): FirmaError {
  return new FirmaError(
    'confirm_code_used',
    'this confirm_code has been used; each one connects once, and its auth event says what it connected',
  )
}

function expired(): FirmaError {
  const minutes = CONFIRMATION_LIFETIME_MS / 60_000
  return new FirmaError(
    'confirm_code_expired',
    `this confirm_code is good for ${minutes} minutes, and its attempt has ended; make a new link`,
  )
}

function refused(why: string): FirmaError {
  return new FirmaError('connection_refused', `nothing was connected: ${why}`)
}
