import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import { ChangeError } from '../../components/change-error.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { type Resend, useResendAction } from '../../hooks/use-resends.ts'

export function ResendActions({ resend: { id, status } }: { readonly resend: Resend }) {
  const [isCancelling, setCancelling] = useState(false)
  const change = useResendAction(id)
  const cancel = useResendAction(id)
  if (status !== 'running' && status !== 'paused') return <span className="text-soft">–</span>
  const isRunning = status === 'running'
  return (
    <span className="flex flex-wrap gap-2">
      <Button
        isBusy={change.isPending}
        onClick={() => change.mutate(isRunning ? 'pause' : 'resume')}
      >
        {isRunning ? 'Pause' : 'Go on'}
      </Button>
      <Button look="danger" onClick={() => setCancelling(true)}>
        Cancel …
      </Button>
      <ChangeError error={change.error} />
      {isCancelling && (
        <Confirm
          title="Cancel the resend"
          action="Cancel it"
          change={cancel}
          onConfirm={() => cancel.mutate('cancel', { onSuccess: () => setCancelling(false) })}
          onClose={() => setCancelling(false)}
        >
          <p>
            It goes no further. What it has made already is sent; what is left can be sent again by
            another resend.
          </p>
        </Confirm>
      )}
    </span>
  )
}
