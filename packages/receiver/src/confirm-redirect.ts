/** Decides what the address that a person came back with is worth. */
import { tellApi, type ApiFailure, type ApiOptions } from './api-client.ts'
import { readUserAnswer } from './core/api-answer.ts'
import { VerificationError } from './core/verification-error.ts'
import { findConnection, listConnections, type EnvironmentConnection } from './connections.ts'
import type { ReceiverContext } from './receiver-context.ts'
import { reconcile } from './reconcile.ts'
import { parseRedirect, verifyRedirect, type RedirectHint } from './redirect.ts'

/** How an address can be confirmed. */
export interface ConfirmRedirectOptions {
  /**
   * The end user of your own session. Always give it where you have one: it is what keeps a person from attaching somebody else's
   * connection by typing its `user_id`.
   */
  referenceId?: string
  /** Secret of a hub that signs redirects (`firma_sig`). An address with a wrong or expired signature is then refused. */
  secret?: string
  /** Refuse addresses without a signature; `false` by default, because Terra's cloud does not sign them. Needs `secret`. */
  isSignatureRequired?: boolean
  /** Where to ask when no event has come yet, and where to confirm that it was this person, where the hub wants to be told. */
  api?: ApiOptions
  /** Label of the environment; the receiver's own by default. */
  environment?: string
}

/** What an address is worth. */
export type RedirectConfirmation =
  | {
      /** The connection is real, and it is the asked-for end user's. */
      status: 'confirmed'
      /** What proved it: the address itself, an event that had come, or the API; `confirmation`: it was confirmed just now. */
      by: 'signature' | 'event' | 'api' | 'confirmation'
      /** The connection; with `signature` and `confirmation` it can be a moment ahead of its event, and is `undefined` then. */
      connection: EnvironmentConnection | undefined
      /** What the address says. With `signature` the hub said so. */
      hint: RedirectHint
    }
  | {
      /** Nothing proves or disproves it yet: show "almost done" and ask again when the event has come. */
      status: 'pending'
      /** What the address says; proved by nobody. */
      hint: RedirectHint
      /** Why the API did not help, when it was asked. */
      failure: ApiFailure | undefined
    }
  | {
      /** The hub connects nothing until it is told whose this is: ask again with `referenceId` and `api`. */
      status: 'unconfirmed'
      /** What the address says, with the code. */
      hint: RedirectHint
    }
  | {
      /** The flow failed or was cancelled, as far as the address says. */
      status: 'failed'
      /** What the address says, with the reason. */
      hint: RedirectHint
      /** What the API said to the confirmation; `undefined` where it was not asked. */
      failure?: ApiFailure
    }
  | {
      /** Do not use it. */
      status: 'refused'
      /** `signature`: wrong, expired or missing; `other_end_user`, `other_provider`: contradicts what is known. */
      reason: 'signature' | 'other_end_user' | 'other_provider'
      /** What the address says; not to be believed. */
      hint: RedirectHint
    }

/** See `Receiver.confirmRedirect`. */
export async function confirmRedirect(
  context: ReceiverContext,
  url: string | URL,
  options: ConfirmRedirectOptions,
): Promise<RedirectConfirmation> {
  const hint = parseRedirect(url)
  const signed = await judgeSignature(context, url, options)
  if (signed === 'refused') return { status: 'refused', reason: 'signature', hint }
  if (hint.confirmCode !== undefined) return await confirmPerson(context, hint, options)
  const { userId, referenceId } = hint
  const expected = options.referenceId
  if (expected !== undefined && referenceId !== undefined && referenceId !== expected) {
    return { status: 'refused', reason: 'other_end_user', hint }
  }
  // A reserved user_id can stand in the address of a failure, too.
  const isFailure = hint.reason !== undefined
  if (isFailure && (userId === undefined || signed === 'genuine')) return { status: 'failed', hint }
  if (userId === undefined) return { status: 'pending', hint, failure: undefined }
  const environment = options.environment ?? context.environment ?? ''
  const find = (): Promise<EnvironmentConnection | undefined> =>
    context.store.transaction((tx) => findConnection(tx, environment, userId))
  let by: 'signature' | 'event' | 'api' = signed === 'genuine' ? 'signature' : 'event'
  let failure: ApiFailure | undefined
  let connection = await find()
  if (connection === undefined && isFailure) return { status: 'failed', hint }
  if (connection === undefined && options.api !== undefined) {
    failure = (await reconcile(context, { ...options.api, userId, environment })).failure
    connection = await find()
    if (connection !== undefined && by === 'event') by = 'api'
  }
  const mismatch = connection === undefined ? undefined : findMismatch(connection, hint, expected)
  if (mismatch !== undefined) return { status: 'refused', reason: mismatch, hint }
  if (connection === undefined && by !== 'signature') return { status: 'pending', hint, failure }
  return { status: 'confirmed', by, connection, hint }
}

async function judgeSignature(
  { clock }: ReceiverContext,
  url: string | URL,
  { secret, isSignatureRequired = false }: ConfirmRedirectOptions,
): Promise<'genuine' | 'absent' | 'refused'> {
  if (secret === undefined) return isSignatureRequired ? 'refused' : 'absent'
  try {
    await verifyRedirect(url, secret, { clock })
    return 'genuine'
  } catch (error) {
    if (!(error instanceof VerificationError) || error.reason === 'secret_missing') throw error
    return error.reason === 'header_missing' && !isSignatureRequired ? 'absent' : 'refused'
  }
}

function findMismatch(
  connection: EnvironmentConnection,
  { resource, referenceId }: RedirectHint,
  expected: string | undefined,
): 'other_end_user' | 'other_provider' | undefined {
  const owner = expected ?? referenceId
  // A connection that belongs to nobody by name is nobody's to claim with a name.
  if (owner !== undefined && connection.referenceId !== owner) return 'other_end_user'
  const provider = resource?.toUpperCase()
  if (provider !== undefined && connection.provider !== undefined) {
    if (provider !== connection.provider) return 'other_provider'
  }
  return undefined
}

/** The hub holds the connection until it is told, by the session that the address was opened in, whose it is. */
async function confirmPerson(
  context: ReceiverContext,
  hint: RedirectHint,
  { referenceId, api, ...options }: ConfirmRedirectOptions,
): Promise<RedirectConfirmation> {
  const { confirmCode, resource } = hint
  if (api === undefined || referenceId === undefined || confirmCode === undefined) {
    return { status: 'unconfirmed', hint }
  }
  const environment = options.environment ?? context.environment ?? ''
  // Also when the address names another person: the hub then ends the attempt, and gives the data back.
  const body = { confirm_code: confirmCode, reference_id: referenceId }
  const answer = await tellApi(api, '/auth/confirmConnection', body)
  if (answer.ok) {
    const userId = readUserAnswer(answer.value)?.user.userId
    if (userId === undefined) return { status: 'pending', hint, failure: undefined }
    await reconcile(context, { ...api, userId, environment })
    const connection = await context.store.transaction((tx) =>
      findConnection(tx, environment, userId),
    )
    return { status: 'confirmed', by: 'confirmation', connection, hint }
  }
  const { failure } = answer
  if (failure.code === 'other_end_user')
    return { status: 'refused', reason: 'other_end_user', hint }
  if (FINAL_CODES.has(failure.code ?? '')) return { status: 'failed', hint, failure }
  if (failure.code !== 'confirm_code_used') return { status: 'pending', hint, failure }
  // A page that was opened again: what it connected is known, or will be in a moment.
  const filter = { environment, referenceId, limit: 1 }
  const wanted = resource === undefined ? filter : { ...filter, provider: resource.toUpperCase() }
  const [connection] = await context.store.transaction((tx) => listConnections(tx, wanted))
  return connection?.status === 'active'
    ? { status: 'confirmed', by: 'event', connection, hint }
    : { status: 'pending', hint, failure }
}

/** Errors after which the same code will never connect anything. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'confirm_code_unknown',
  'confirm_code_expired',
  'connection_refused',
])
