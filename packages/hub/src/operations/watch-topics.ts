/** What goes on for longer than a request, and only where somebody asks: moves, resends and single events. */
import { SECOND_MS } from '../core/time.ts'
import type { ClockDep } from '../deps.ts'
import { FirmaError } from '../errors.ts'
import type { MoveProgress } from '../store/move-users.ts'
import type { StoreDep } from '../store/open.ts'
import type { ProviderMove } from '../store/provider-moves.ts'
import type { Resend } from '../store/resends.ts'
import { countMove } from './count-moves.ts'
import { shareReads } from './share-reads.ts'

/** Topics of one watch. */
const TOPICS_MAX = 10
/** Moves and resends that are looked after, the newest: as many as a page shows. */
const MOVES_MAX = 25
const RESENDS_MAX = 100
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
}

export interface MoveNow extends ProviderMove {
  readonly progress: MoveProgress
}

/** What stands otherwise than at the look before; at the first look, everything. */
export interface TopicChanges {
  readonly moves: readonly MoveNow[]
  readonly resends: readonly Resend[]
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
    if (/^(?:moves|resends|(?:move|event)\/[^/]{1,64})$/.test(name)) continue
    throw new FirmaError(
      'bad_request',
      `topics has "${name.slice(0, 64)}"; there are moves, resends, move/<move_id> and event/<event_id>`,
    )
  }
  return {
    moves: names.includes('moves'),
    resends: names.includes('resends'),
    moveIds: idsOf('move'),
    eventIds: idsOf('event'),
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
  const isEmpty = !topics.moves && !topics.resends && topics.moveIds.length === 0
  let dueAtMs = 0
  return async () => {
    if (isEmpty) return { moves: [], resends: [], againMs: undefined }
    const nowMs = clock.nowMs()
    if (nowMs < dueAtMs) return { moves: [], resends: [], againMs: dueAtMs - nowMs }
    const [moves, resends] = [await lookAtMoves(), await lookAtResends()]
    const againMs = Math.max(PAUSE_MS, (clock.nowMs() - nowMs) * SHARE)
    dueAtMs = clock.nowMs() + againMs
    return { moves, resends, againMs }
  }
}
