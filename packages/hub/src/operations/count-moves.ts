/** How far moves are, for pages and streams that ask again and again. */
import type { ClockDep } from '../deps.ts'
import type { MoveProgress } from '../store/move-users.ts'
import type { StoreDep } from '../store/open.ts'
import type { ProviderMove } from '../store/provider-moves.ts'
import { shareReads } from './share-reads.ts'

/** Adding up reads all people of a move: it is done for at most one part in so many of the time, for all who look. */
const SHARE = 20

const shared = shareReads<MoveProgress>(SHARE)

/** As it was added up not long ago; never as it was before the move ended, for nobody looks again. */
export async function countMove(
  deps: ClockDep & StoreDep,
  { id, status }: Pick<ProviderMove, 'id' | 'status'>,
): Promise<MoveProgress> {
  const { moveUsers } = deps.store
  return await shared(deps, `${id} ${status}`, async () => await moveUsers.progress(id))
}
