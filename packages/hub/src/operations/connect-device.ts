/** Devices that connect through a mobile SDK: a single-use token instead of a login at a provider. */
import { decide } from '../core/connection.ts'
import { matchKey } from '../core/match.ts'
import { MINUTE_MS, SECOND_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, RandomDep, WakeDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { commitDecision } from './announce.ts'

/** How long a token can be used. */
const TOKEN_LIFETIME_MS = 3 * MINUTE_MS
const TOKEN_BYTES = 32

/**
 * Makes a token for one device.
 *
 * @param referenceId Who the device belongs to, whatever it says itself; null leaves it to the device.
 */
export async function createSdkToken(
  deps: ClockDep & RandomDep & StoreDep,
  environment: Environment,
  referenceId: string | null,
): Promise<{ token: string; expiresInSeconds: number }> {
  const token = Buffer.from(deps.random.bytes(TOKEN_BYTES)).toString('hex')
  const nowMs = deps.clock.nowMs()
  await deps.store.transaction(async (tx) => {
    await tx.sdkTokens.removeExpired(nowMs)
    const stored = {
      environmentId: environment.id,
      referenceId,
      expiresAtMs: nowMs + TOKEN_LIFETIME_MS,
    }
    await tx.sdkTokens.add(stored, digest(token))
  })
  return { token, expiresInSeconds: TOKEN_LIFETIME_MS / SECOND_MS }
}

/** What an SDK says about its device. */
export interface DeviceRequest {
  readonly token: string
  /** One of the mobile providers, upper case. */
  readonly provider: string
  /** Counts only where the token names nobody. */
  readonly referenceId: string | null
  /** What the phone calls itself; a reinstallation may change it. */
  readonly deviceId: string
  readonly scopes: readonly string[]
}

/** Who a device is connected as. */
export interface ConnectedDevice {
  readonly userId: string
  readonly referenceId: string | null
  /** Whether it was connected before, so that nothing has changed. */
  readonly wasConnected: boolean
}

/**
 * Uses the token up and connects the device. A device that is connected keeps its user; another one of
 * the same person and provider takes its place, as a reconnection. Without a `reference_id` nobody can
 * tell whose device it is, and every device is a connection of its own.
 *
 * @throws FirmaError `unauthorized` for a token that is unknown, foreign, used or too old.
 */
export async function connectDevice(
  deps: ClockDep & IdsDep & StoreDep & WakeDep,
  environmentId: string,
  request: DeviceRequest,
): Promise<ConnectedDevice> {
  const connected = await deps.store.transaction(async (tx) => {
    const nowMs = deps.clock.nowMs()
    const token = await tx.sdkTokens.take(environmentId, digest(request.token), nowMs)
    const environment = await tx.environments.find(environmentId)
    if (token === undefined || environment === undefined || environment.archivedAtMs !== null) {
      throw new FirmaError(
        'unauthorized',
        'invalid token: it is unknown, used, older than 180 s, or of another dev-id; make a new one',
      )
    }
    const referenceId = token.referenceId ?? request.referenceId
    return await connect(deps, tx, environment, { ...request, referenceId })
  })
  deps.wake.deliveries()
  deps.wake.revocations()
  return connected
}

async function connect(
  deps: ClockDep & IdsDep,
  tx: Tables,
  environment: Environment,
  { provider, referenceId, deviceId, scopes }: DeviceRequest,
): Promise<ConnectedDevice> {
  // There is no account at the provider, so the environment's policy has nothing to compare.
  const key = matchKey('reference', { provider, referenceId, providerAccountId: deviceId })
  const before = await tx.connections.findByMatchKeyForUpdate(environment.id, key)
  const state = before?.state ?? { status: 'absent' as const }
  if (state.status === 'active' && state.providerAccountId === deviceId) {
    return { userId: state.user.userId, referenceId, wasConnected: true }
  }
  const userId = deps.ids.uuid()
  const flow = {
    flowId: deps.ids.uuid(),
    widgetSessionId: null,
    referenceId,
    provider,
    reservedUserId: userId,
  }
  const atMs = deps.clock.nowMs()
  await commitDecision(deps, tx, {
    environmentId: environment.id,
    lineageId: before?.lineageId ?? deps.ids.ordered(),
    matchKey: key,
    before,
    decision: decide(
      state,
      {
        type: 'flow_succeeded',
        atMs,
        flow,
        providerAccountId: deviceId,
        scopes,
        isAccountTaken: false,
        // The app has vouched for the person with the token.
        isConfirmed: true,
      },
      // A new phone is not another account: there are none.
      {
        ...environment.settings,
        connect: { ...environment.settings.connect, accountPolicy: 'allow' },
      },
    ),
  })
  return { userId, referenceId, wasConnected: false }
}
