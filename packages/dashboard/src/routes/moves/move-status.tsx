import { Badge, type Tone } from '../../components/badge.tsx'
import { ProgressBar } from '../../components/progress-bar.tsx'
import { toCount } from '../../format.ts'
import type { Move, MoveState } from '../../hooks/use-moves.ts'

const STATUS_TONES = { running: 'good', paused: 'warn', ended: 'neutral' } as const

export function MoveStatus({ status }: Pick<Move, 'status'>) {
  return <Badge tone={STATUS_TONES[status]}>{status}</Badge>
}

/** How the states of a person in a move are called and taken. */
export const MOVE_STATE_WORDS: Readonly<Record<MoveState, { text: string; tone: Tone }>> = {
  connected: { text: 'moved', tone: 'good' },
  linked: { text: 'has a link', tone: 'warn' },
  failed: { text: 'failed', tone: 'bad' },
  to_do: { text: 'to do', tone: 'neutral' },
  gone: { text: 'left before', tone: 'neutral' },
}

/** How far a move is; who has left before has nothing to do any more. */
export function MoveProgress({ progress }: Pick<Move, 'progress'>) {
  const total = progress.total - progress.gone
  return (
    <span className="flex items-center gap-3">
      <span className="w-20 shrink-0">
        <ProgressBar total={total} parts={partsOf(progress)} />
      </span>
      <span className="whitespace-nowrap tabular-nums">
        {toCount(progress.connected)} of {toCount(total)}
      </span>
    </span>
  )
}

export function partsOf({ connected, failed, linked }: Move['progress']) {
  return [
    { count: connected, tone: 'good' },
    { count: failed, tone: 'bad' },
    { count: linked, tone: 'warn' },
  ] as const
}
