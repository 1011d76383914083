import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import { ChangeError } from '../../components/change-error.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { type Move, useMoveAction, useStartMove } from '../../hooks/use-moves.ts'

export function MoveActions({ move }: { readonly move: Move }) {
  const { id, from, status, kind, per_minute, progress } = move
  const [isEnding, setEnding] = useState(false)
  const change = useMoveAction(id)
  const end = useMoveAction(id)
  const again = useStartMove()
  if (status === 'ended') return null
  const isRunning = status === 'running'
  return (
    <>
      {kind === 'exchange' && progress.failed > 0 && (
        <Button isBusy={change.isPending} onClick={() => change.mutate('retry')}>
          Try the failed again
        </Button>
      )}
      <Button
        isBusy={again.isPending}
        onClick={() => again.mutate({ from, perMinute: per_minute, isDryRun: false })}
      >
        Take up newcomers
      </Button>
      <Button
        isBusy={change.isPending}
        onClick={() => change.mutate(isRunning ? 'pause' : 'resume')}
      >
        {isRunning ? 'Pause' : 'Go on'}
      </Button>
      <Button look="danger" onClick={() => setEnding(true)}>
        End …
      </Button>
      <ChangeError error={change.error ?? again.error} />
      {isEnding && (
        <Confirm
          title="End the move"
          action="End it"
          change={end}
          onConfirm={() => end.mutate('end', { onSuccess: () => setEnding(false) })}
          onClose={() => setEnding(false)}
        >
          <p>
            Whoever has not moved stays at {from}, and every link of this move is worthless from
            then on. To let it rest, pause it instead.
          </p>
        </Confirm>
      )}
    </>
  )
}
