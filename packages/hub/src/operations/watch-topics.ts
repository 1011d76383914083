/** What goes on for longer than a request, and only where somebody asks: moves, resends, single events and users. */
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { MoveProgress } from '../store/move-users.ts'
import type { StoreDep } from '../store/open.ts'
import type { ProviderMove } from '../store/provider-moves.ts'
import type { Resend } from '../store/resends.ts'
import type { RevocationRecord } from '../store/revocations.ts'
import { countMove } from './count-moves.ts'
import { shareReads } from './share-reads.ts'

/** Topics of one watch. */
const TOPICS_MAX = 10
/** Moves and resends that are looked after, the newest: as many as a page shows. */
const MOVES_MAX = 25
const RESENDS_MAX = 100
/** Of one connection, the newest. */
const REVOCATIONS_MAX = 20
/** Somebody who watches looks at most so often, */
const PAUSE_MS = SECOND_MS
/** and for at most one part in so many of the time. */
const SHARE = 10

/** As adding up a move, it reads all its people: both together for at most one part in {@link SHARE} of the time. */
const readPeople = shareReads<string>(2 * SHARE)

/** What somebody wants to be told of beside events. */
export interface Topics {
  readonly moves: boolean
  readonly resends: boolean
  readonly moveIds: readonly string[]
  readonly eventIds: readonly string[]
  /** Users of whom is told what becomes of their access at the provider. */
  readonly userIds: readonly string[]
}

export interface MoveNow extends ProviderMove {
  readonly progress: MoveProgress
}

/** What stands otherwise than at the look before; at the first look, everything. */
export interface TopicChanges {
  readonly moves: readonly MoveNow[]
  readonly resends: readonly Resend[]
  readonly revocations: readonly RevocationRecord[]
  /** When the next look is worth it, in milliseconds; undefined where nothing of the kind is watched. */
  readonly againMs: number | undefined
}

/** @throws FirmaError `bad_request` for a topic that there is not. */
export function parseTopics(text: string | undefined): Topics {
  const names = [...new Set((text ?? '').split(',').filter((name) => name !== ''))]
  if (names.length > TOPICS_MAX) {
    throw new FirmaError('bad_request', `topics has ${names.length}; ${TOPICS_MAX} are the most`)
  }
  const idsOf = (kind: string): string[] =>
    names.flatMap((name) => (name.startsWith(`${kind}/`) ? [name.slice(kind.length + 1)] : []))
  for (const name of names) {
    if (/^(?:moves|resends|(?:move|event|user)\/[^/]{1,64})$/.test(name)) continue
    throw new FirmaError(
      'bad_request',
      `topics has "${name.slice(0, 64)}"; there are moves, resends, move/<move_id>, event/<event_id> and user/<user_id>`,
    )
  }
  return {
    moves: names.includes('moves'),
    resends: names.includes('resends'),
    moveIds: idsOf('move'),
    eventIds: idsOf('event'),
    userIds: idsOf('user'),
  }
}

/** @returns What looks once more, or does nothing while it is too soon for that. */
export function watchTopics(
  deps: ClockDep & StoreDep,
  environmentId: string,
  topics: Topics,
): () => Promise<TopicChanges> {
  const { clock, store } = deps
  const seen = new Map<string, string>()
  const hasChanged = (key: string, state: string): boolean => {
    const isNew = seen.get(key) !== state
    seen.set(key, state)
    return isNew
  }
  const lookAtMove = async (move: ProviderMove, isAlone: boolean): Promise<MoveNow[]> => {
    // Of one that has ended and was told, nothing is to come; whoever looks at it alone sees its people.
    if (!isAlone && move.status === 'ended' && seen.get(move.id)?.startsWith('ended') === true) {
      return []
    }
    const progress = await countMove(deps, move)
    const key = `${move.id} ${move.status}`
    const people = isAlone
      ? await readPeople(deps, key, async () => await store.moveUsers.fingerprint(move.id))
      : ''
    const state = `${move.status} ${move.perMinute} ${JSON.stringify(progress)} ${people}`
    return hasChanged(move.id, state) ? [{ ...move, progress }] : []
  }
  const lookAtMoves = async (): Promise<MoveNow[]> => {
    const alone = await Promise.all(
      topics.moveIds.map(async (id) => await store.moves.find(environmentId, id)),
    )
    const listed = topics.moves ? await store.moves.list(environmentId, { limit: MOVES_MAX }) : []
    const rest = listed.filter(({ id }) => !topics.moveIds.includes(id))
    const found = [
      ...alone.flatMap((move) => (move === undefined ? [] : [lookAtMove(move, true)])),
      ...rest.map((move) => lookAtMove(move, false)),
    ]
    return (await Promise.all(found)).flat()
  }
  const lookAtResends = async (): Promise<Resend[]> => {
    if (!topics.resends) return []
    const found = await store.resends.list(environmentId, { limit: RESENDS_MAX })
    return found.filter(({ id, status, cursorSeq, deliveries }) =>
      hasChanged(id, `${status} ${cursorSeq} ${deliveries}`),
    )
  }
  const isEmpty =
    !topics.moves && !topics.resends && topics.moveIds.length + topics.userIds.length === 0
  let dueAtMs = 0
  return async () => {
    const nothing = { moves: [], resends: [], revocations: [] }
    if (isEmpty) return { ...nothing, againMs: undefined }
    const nowMs = clock.nowMs()
    if (nowMs < dueAtMs) return { ...nothing, againMs: dueAtMs - nowMs }
    const [moves, resends] = [await lookAtMoves(), await lookAtResends()]
    const revocations = (await listRevocations(deps, environmentId, topics.userIds)).filter(
      ({ id, status, attempts }) => hasChanged(id, `${status} ${attempts}`),
    )
    const againMs = Math.max(PAUSE_MS, (clock.nowMs() - nowMs) * SHARE)
    dueAtMs = clock.nowMs() + againMs
    return { moves, resends, revocations, againMs }
  }
}

/** By any `user_id` that the connections have or had. */
async function listRevocations(
  { store }: StoreDep,
  environmentId: string,
  userIds: readonly string[],
): Promise<RevocationRecord[]> {
  const found = await Promise.all(
    userIds.map(async (userId) => {
      const connection = await store.connections.findByAlias(environmentId, userId)
      if (connection === undefined) return []
      const page = { limit: REVOCATIONS_MAX, lineageId: connection.lineageId }
      return await store.revocations.list(environmentId, page)
    }),
  )
  return found.flat()
}
