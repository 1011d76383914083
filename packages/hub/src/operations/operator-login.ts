/** How the operator gets into the dashboard. */
import { DAY_MS, HOUR_MS } from '../core/time.ts'
import type { ClockDep, IdsDep, RandomDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import { createSecret, digest } from '../secret.ts'
import type { StoreDep, Tables } from '../store/open.ts'
import { hashPassword, isPassword } from './password.ts'
import { writeAudit } from './write-audit.ts'

/** How long a login lasts. */
export const SESSION_LIFETIME_MS = 12 * HOUR_MS
/** How long the token from the terminal can be used. */
const SETUP_TOKEN_LIFETIME_MS = DAY_MS

type LoginDeps = ClockDep & IdsDep & RandomDep & StoreDep

/** A session that was just opened. */
export interface NewSession {
  /** For the cookie; it is not kept. */
  readonly token: string
  readonly expiresAtMs: number
}

/**
 * Makes a token that chooses the operator's password, to be shown in the terminal.
 *
 * @returns Undefined when there is a password already.
 */
export async function createSetupToken(deps: LoginDeps): Promise<string | undefined> {
  if (!(await needsSetup(deps))) return undefined
  const token = createSecret(deps.random)
  const expiresAtMs = deps.clock.nowMs() + SETUP_TOKEN_LIFETIME_MS
  await deps.store.operator.addSetupToken(digest(token), expiresAtMs)
  return token
}

/** What a reset has taken away, and what chooses the next password. */
export interface OperatorReset {
  readonly hadPassword: boolean
  readonly sessionsEnded: number
  readonly setupToken: string
  readonly expiresAtMs: number
}

/** Takes the operator's password and every session away, for one who has forgotten it and can get at the database. */
export async function resetOperator(deps: LoginDeps): Promise<OperatorReset> {
  const setupToken = createSecret(deps.random)
  const expiresAtMs = deps.clock.nowMs() + SETUP_TOKEN_LIFETIME_MS
  return await deps.store.transaction(async (tx) => {
    const { hadPassword, sessionsEnded } = await tx.operator.removeEverything()
    await tx.operator.addSetupToken(digest(setupToken), expiresAtMs)
    await writeAudit(deps, tx, {
      environmentId: null,
      actor: 'system',
      action: 'operator.reset',
      subject: null,
      detail: { had_password: hadPassword, sessions_ended: sessionsEnded },
    })
    return { hadPassword, sessionsEnded, setupToken, expiresAtMs }
  })
}

/** Whether nobody has chosen a password yet. */
export async function needsSetup({ store }: StoreDep): Promise<boolean> {
  return (await store.operator.findPasswordHash()) === undefined
}

/**
 * Chooses the operator's password and opens the first session.
 *
 * @throws FirmaError `forbidden` for a token that is wrong or old, `conflict` when somebody was faster.
 */
export async function setUpOperator(
  deps: LoginDeps,
  { setupToken, password }: { setupToken: string; password: string },
): Promise<NewSession> {
  const tokenHash = digest(setupToken)
  if (!(await deps.store.operator.hasSetupToken(tokenHash, deps.clock.nowMs()))) {
    throw badSetupToken()
  }
  const passwordHash = await hashPassword(deps.random, password)
  return await deps.store.transaction(async (tx) => {
    if (!(await tx.operator.addPassword(passwordHash, deps.clock.nowMs()))) {
      throw new FirmaError('conflict', 'the password has been chosen already; log in with it')
    }
    // The hash has taken its time: a reset meanwhile has taken the token away.
    if (!(await tx.operator.takeSetupToken(tokenHash))) throw badSetupToken()
    await tx.operator.removeSetupTokens()
    const about = { environmentId: null, actor: 'system', subject: null, detail: {} }
    await writeAudit(deps, tx, { ...about, action: 'operator.set_up' })
    return await openSession(deps, tx)
  })
}

function badSetupToken(): FirmaError {
  return new FirmaError(
    'forbidden',
    'this set-up token is wrong, used or older than a day; restart the hub to get a new one in its terminal',
  )
}

/**
 * Opens a session.
 *
 * @throws FirmaError `unauthorized` for a wrong password, `conflict` when none has been chosen.
 */
export async function logIn(deps: LoginDeps, password: string): Promise<NewSession> {
  const stored = await deps.store.operator.findPasswordHash()
  if (stored === undefined) {
    throw new FirmaError(
      'conflict',
      'no password has been chosen yet; open the set-up address that the hub shows in its terminal',
    )
  }
  if (!(await isPassword(stored, password))) throw wrongPassword()
  return await deps.store.transaction(async (tx) => {
    // The comparison has taken its time: a reset meanwhile has ended every login, and this one with them.
    if (!(await tx.operator.lockPasswordHash(stored))) throw wrongPassword()
    await tx.operator.removeExpiredSessions(deps.clock.nowMs())
    return await openSession(deps, tx)
  })
}

function wrongPassword(): FirmaError {
  return new FirmaError('unauthorized', 'this is not the password')
}

/**
 * Ends the caller's session.
 *
 * @throws FirmaError `conflict` for a caller that came with a key: there is nothing to end.
 */
export async function logOut(deps: LoginDeps, callerId: string): Promise<void> {
  const [kind, id] = callerId.split(':')
  if (kind !== 'session' || id === undefined) {
    throw new FirmaError('conflict', 'this request came with a key, not with a session')
  }
  await deps.store.transaction(async (tx) => {
    await tx.operator.removeSession(id)
    await writeAudit(deps, tx, {
      environmentId: null,
      actor: callerId,
      action: 'session.close',
      subject: id,
      detail: {},
    })
  })
}

async function openSession(deps: LoginDeps, tx: Tables): Promise<NewSession> {
  const token = createSecret(deps.random)
  const nowMs = deps.clock.nowMs()
  const expiresAtMs = nowMs + SESSION_LIFETIME_MS
  const id = deps.ids.uuid()
  await tx.operator.addSession({ id, createdAtMs: nowMs, expiresAtMs }, digest(token))
  await writeAudit(deps, tx, {
    environmentId: null,
    actor: `session:${id}`,
    action: 'session.open',
    subject: id,
    detail: {},
  })
  return { token, expiresAtMs }
}
