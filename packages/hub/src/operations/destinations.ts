/** What an operator does with destinations. */
import { generateKeyPairSync } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { HOUR_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, RandomDep, WakeDep } from '../deps.ts'
import { FirmaError, assert } from '../errors.ts'
import { Redacted, createSigningSecret } from '../secret.ts'
import type { AuditEntry } from '../store/audit.ts'
import type { Destination, DestinationChange, DestinationState } from '../store/destinations.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { SIGNING_KEYS_MAX } from '../store/signing-keys.ts'
import { destinationNotFound } from './not-found.ts'
import { checkDestinationUrl } from './set-up.ts'
import { suppressOwed } from './suppress-owed.ts'
import { writeAudit } from './write-audit.ts'

type Deps = ClockDep & IdsDep & RandomDep & StoreDep

/** How long an earlier secret signs beside the new one where nothing is said. */
export const GRACE_HOURS = 24
export const GRACE_HOURS_MAX = 168

/** Which destination, and who acts on it. */
export interface DestinationSubject {
  readonly environment: Environment
  readonly id: string
  readonly actor: string
}

/** @throws FirmaError `destination_not_found`, also for one of another environment. */
export async function getDestination(
  store: Pick<Tables, 'destinations'>,
  environment: Pick<Environment, 'id'>,
  id: string,
): Promise<Destination> {
  const destination = await store.destinations.find(id, environment.id)
  if (destination !== undefined) return destination
  throw destinationNotFound(id)
}

/** Which state of a destination's settings this is, as an `ETag` says it. */
export function versionOfDestination({ version }: Pick<DestinationState, 'version'>): string {
  return `"${version}"`
}

/**
 * Changes settings. What is owed already goes to the new address, signed with the new secret.
 *
 * @param ifMatch The version that the change was made from; null changes whatever is there.
 * @throws FirmaError `destination_not_found`, `bad_request`; `precondition_failed` when it is another version by now.
 */
export async function updateDestination(
  deps: Deps & WakeDep,
  subject: DestinationSubject,
  change: DestinationChange,
  ifMatch: string | null = null,
): Promise<{ destination: Destination; version: string }> {
  const { environment, id } = subject
  if (change.url !== undefined) checkDestinationUrl(change.url)
  const updated = await deps.store.transaction(async (tx) => {
    const destination = await getDestination(tx, environment, id)
    const before = await getState(tx, id, true)
    if (ifMatch !== null && ifMatch !== versionOfDestination(before)) {
      throw new FirmaError(
        'precondition_failed',
        'the destination has changed since it was read; read it again and repeat the change',
      )
    }
    await tx.destinations.update(destination, change)
    await record(deps, tx, subject, {
      action: 'destination.update',
      detail: { changed: Object.keys(change) },
    })
    const after = await getDestination(tx, environment, id)
    return { destination: after, version: versionOfDestination(await getState(tx, id)) }
  })
  // Whatever the old address asked for, the new one may be sent what is owed.
  if (change.url !== undefined) deps.wake.deliveries([id])
  return updated
}

/** The state of a destination that is there. @param isLocked Nobody else changes it until the end. */
export async function getState(
  { destinations }: Pick<Tables, 'destinations'>,
  id: string,
  isLocked = false,
): Promise<DestinationState> {
  const [state] = await destinations.listStates([id], isLocked)
  assert(state !== undefined, 'a destination that was read has a state')
  return state
}

/** Disables a destination: what it is owed is held. */
export async function disableDestination(
  deps: Deps & WakeDep,
  subject: DestinationSubject,
  reason: string,
): Promise<void> {
  const { environment, id } = subject
  await deps.store.transaction(async (tx) => {
    await getDestination(tx, environment, id)
    await tx.destinations.disable(id, reason)
    await record(deps, tx, subject, { action: 'destination.disable', detail: { reason } })
  })
  // What is claimed for it already is let go of.
  deps.wake.deliveries([id])
}

/** Enables a destination; what was held for it is sent, in order, as if it had not been tried before. */
export async function enableDestination(
  deps: Deps & WakeDep,
  subject: DestinationSubject,
): Promise<void> {
  const { environment, id } = subject
  const nowMs = deps.clock.nowMs()
  await deps.store.transaction(async (tx) => {
    await getDestination(tx, environment, id)
    await tx.destinations.enable(id, nowMs)
    await record(deps, tx, subject, { action: 'destination.enable', detail: {} })
  })
  while (await deps.store.deliveries.makeDue(id, nowMs)) {
    deps.wake.deliveries([id])
    // SQLite answers at once, and others want to be answered, too.
    await setImmediate()
  }
  deps.wake.deliveries([id])
}

/**
 * Deletes a destination. What it is still owed is recorded as suppressed with the reason
 * `destination_deleted`; what was delivered stays in the history until its retention has passed.
 *
 * @param isRehearsal Everything will be undone: what it is owed, which may be much, is left as it is.
 */
export async function deleteDestination(
  deps: Deps & WakeDep,
  subject: DestinationSubject,
  isRehearsal = false,
): Promise<void> {
  const { environment, id } = subject
  const nowMs = deps.clock.nowMs()
  await deps.store.transaction(async (tx) => {
    const destination = await getDestination(tx, environment, id)
    await tx.destinations.delete(destination, nowMs)
    await record(deps, tx, subject, { action: 'destination.delete', detail: {} })
  })
  deps.wake.deliveries([id])
  if (!isRehearsal) await suppressOwed(deps, id, nowMs)
}

/**
 * Replaces the signing secret. Until the grace is over, deliveries are signed with both.
 *
 * @returns The new secret, for the only time.
 * @throws FirmaError `conflict` where too many are live.
 */
export async function rotateSecret(
  deps: Deps,
  subject: DestinationSubject,
  graceHours: number,
): Promise<string> {
  const { environment, id } = subject
  const nowMs = deps.clock.nowMs()
  const secret = createSigningSecret(deps.random)
  await deps.store.transaction(async (tx) => {
    const destination = await getDestination(tx, environment, id)
    await checkKeys(tx, destination, nowMs)
    if (graceHours > 0) {
      await tx.signingKeys.add({
        id: deps.ids.ordered(),
        environmentId: environment.id,
        destinationId: id,
        kind: 'hmac',
        secret: destination.secret,
        publicKey: null,
        createdAtMs: nowMs,
        expiresAtMs: nowMs + graceHours * HOUR_MS,
      })
    }
    await tx.destinations.update(destination, { secret: new Redacted(secret) })
    await record(deps, tx, subject, {
      action: 'destination.rotate_secret',
      detail: { grace_hours: graceHours },
    })
  })
  return secret
}

/**
 * Gives a destination an Ed25519 key, in place of the one that it may have, which signs until the grace is over.
 *
 * @returns The public key as `whpk_…`, and its id in the JWKS.
 * @throws FirmaError `conflict` where too many are live.
 */
export async function addEd25519Key(
  deps: Deps,
  subject: DestinationSubject,
  graceHours: number,
): Promise<{ keyId: string; publicKey: string }> {
  const { environment, id } = subject
  const nowMs = deps.clock.nowMs()
  const { d, x } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  assert(d !== undefined && x !== undefined, 'an Ed25519 key has both of its halves')
  const keyId = deps.ids.ordered()
  await deps.store.transaction(async (tx) => {
    const destination = await getDestination(tx, environment, id)
    await checkKeys(tx, destination, nowMs)
    await tx.signingKeys.expire(id, 'ed25519', nowMs + graceHours * HOUR_MS)
    await tx.signingKeys.add({
      id: keyId,
      environmentId: environment.id,
      destinationId: id,
      kind: 'ed25519',
      secret: new Redacted(d),
      publicKey: x,
      createdAtMs: nowMs,
      expiresAtMs: null,
    })
    // So that whoever delivers reads its keys again.
    await tx.destinations.update(destination, {})
    await record(deps, tx, subject, {
      action: 'destination.add_key',
      detail: { key_id: keyId, grace_hours: graceHours },
    })
  })
  return { keyId, publicKey: `whpk_${Buffer.from(x, 'base64url').toString('base64')}` }
}

/** Writes down who did what to it. */
async function record(
  deps: ClockDep & IdsDep,
  tx: Tables,
  { environment, id: subject, actor }: DestinationSubject,
  entry: Pick<AuditEntry, 'action' | 'detail'>,
): Promise<void> {
  await writeAudit(deps, tx, { environmentId: environment.id, actor, subject, ...entry })
}

async function checkKeys(tx: Tables, { id }: Destination, nowMs: number): Promise<void> {
  await tx.signingKeys.removeExpired(id, nowMs)
  if ((await tx.signingKeys.list(id)).length < SIGNING_KEYS_MAX) return
  throw new FirmaError(
    'conflict',
    `${SIGNING_KEYS_MAX} earlier keys of this destination still sign; wait until the grace of one is over`,
  )
}
