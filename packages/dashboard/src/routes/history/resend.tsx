import { useState } from 'react'
import { Link } from 'wouter'
import { Button } from '../../components/button.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { type EventFilter, useResend } from '../../hooks/use-events.ts'

/** Sends again what is selected; where nothing is, all that the filters name. */
export function ResendButton({
  eventIds,
  filter,
}: {
  readonly eventIds: readonly string[]
  readonly filter: EventFilter
}) {
  const [isAsking, setAsking] = useState(false)
  const hasChoice = eventIds.length > 0 || Object.keys(filter).length > 0
  return (
    <>
      <Button disabled={!hasChoice} onClick={() => setAsking(true)}>
        {eventIds.length > 0 ? `Resend ${eventIds.length} …` : 'Resend these …'}
      </Button>
      {isAsking && (
        <ResendDialog eventIds={eventIds} filter={filter} onClose={() => setAsking(false)} />
      )}
    </>
  )
}

export function ResendDialog({
  eventIds,
  filter,
  onClose,
}: {
  readonly eventIds: readonly string[]
  readonly filter: EventFilter
  readonly onClose: () => void
}) {
  const resend = useResend()
  const isByFilter = eventIds.length === 0
  if (resend.data !== undefined) {
    return (
      <Dialog title="Under way" onClose={onClose}>
        <p role="status" className="text-sm">
          They are sent again, in their order, beside everything else. Each says so in its headers.{' '}
          <Link className="text-accent underline underline-offset-2" href="/resends">
            See how far they are
          </Link>
        </p>
        <div className="mt-5 flex justify-end">
          <Button look="primary" onClick={onClose}>
            Close
          </Button>
        </div>
      </Dialog>
    )
  }
  return (
    <Confirm
      title="Send again"
      action="Send again"
      change={resend}
      onConfirm={() => resend.mutate(isByFilter ? { filter } : { eventIds })}
      onClose={onClose}
    >
      <p>
        {isByFilter
          ? 'Every event that matches the filters'
          : eventIds.length === 1
            ? 'This event'
            : `These ${eventIds.length} events`}{' '}
        goes to its destinations once more, with the same bytes and the same id. A receiver that
        keeps ids does nothing twice.
      </p>
    </Confirm>
  )
}
